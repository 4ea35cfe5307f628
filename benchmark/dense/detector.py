"""A two-stage detector on an encoder's maps (Ren et al. 2015; Lin et al. 2017).

torchvision's parts, put together around maps instead of around a network that normalises and
resizes pictures: the encoder's own normalisation is the only one, and the pyramid is trained.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from benchmark.dense.anchors import RATIOS
from benchmark.dense.canvas import Boxes
from benchmark.dense.pyramid_adapter import STRIDES, PyramidAdapter

NAMES = tuple(str(stride) for stride in STRIDES)
SIDE = 7  # cells a region is pooled to


@dataclass(frozen=True)
class DetectorSettings:
    """The detector's shape, and what counts as a find.

    Attributes:
        width: channels of the trained pyramid.
        hidden: units of the layers that look at one region.
        regions: proposed per image and level before and after overlaps are merged.
        sampled: regions per image that a step learns from.
        overlap: IoU above which the less likely of two boxes is dropped.
        most: boxes kept per image.
        least: score below which a box is dropped; low, so that FROC reaches its right end.
    """

    width: int = 64
    hidden: int = 256
    regions: tuple[int, int] = (200, 80)
    sampled: int = 48
    overlap: float = 0.3
    most: int = 30
    least: float = 0.005


@dataclass(frozen=True)
class DetectedBoxes:
    """Boxes found on one input, the most likely first.

    Attributes:
        sides: [N, 4].
        classes: [N].
        scores: [N] in 0..1.
    """

    sides: Tensor
    classes: Tensor
    scores: Tensor

    def cpu(self) -> DetectedBoxes:
        """Return the same boxes in main memory."""
        return DetectedBoxes(self.sides.cpu(), self.classes.cpu(), self.scores.cpu())


class Detector(nn.Module):
    """Feature pyramid, region proposals and region heads, all of them trained."""

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        anchors: Sequence[Sequence[float]],
        classes: int,
        settings: DetectorSettings = DetectorSettings(),
    ) -> None:
        super().__init__()
        width = settings.width
        self.even = PyramidAdapter(channels, strides, width)
        self.pyramid = FeaturePyramidNetwork(
            self.even.channels, width, norm_layer=lambda some: nn.GroupNorm(8, some)
        )
        generator = AnchorGenerator(tuple(map(tuple, anchors)), (RATIOS,) * len(anchors))
        self.proposals = _proposals(generator, settings)
        self.regions = _regions(classes, settings)

    def losses(
        self, maps: Sequence[Tensor], size: tuple[int, int], truth: Sequence[Boxes]
    ) -> dict[str, Tensor]:
        """Return the losses of both stages; an image without boxes is a negative."""
        targets = [{"boxes": one.sides, "labels": one.classes + 1} for one in truth]
        features, images = self._look(maps, size)
        regions, first = self.proposals(images, features, targets)
        _, second = self.regions(features, regions, images.image_sizes, targets)
        return {**first, **second}

    def forward(self, maps: Sequence[Tensor], size: tuple[int, int]) -> list[DetectedBoxes]:
        """Find boxes on inputs of size (H, W), given the encoder's maps of them."""
        features, images = self._look(maps, size)
        regions, _ = self.proposals(images, features)
        found, _ = self.regions(features, regions, images.image_sizes)
        return [DetectedBoxes(one["boxes"], one["labels"] - 1, one["scores"]) for one in found]

    def _look(
        self, maps: Sequence[Tensor], size: tuple[int, int]
    ) -> tuple[OrderedDict[str, Tensor], ImageList]:
        even = self.even(maps, size)
        features = self.pyramid(OrderedDict(zip(NAMES, even, strict=True)))
        # torchvision asks a batch of images for nothing but its size
        blank = torch.empty(len(maps[0]), 0, *size, device=maps[0].device)
        return features, ImageList(blank, [size] * len(blank))


def _proposals(generator: AnchorGenerator, settings: DetectorSettings) -> RegionProposalNetwork:
    before, after = settings.regions
    return RegionProposalNetwork(
        generator,
        RPNHead(settings.width, generator.num_anchors_per_location()[0]),
        fg_iou_thresh=0.5,  # torchvision's 0.7 leaves small lesions a single anchor
        bg_iou_thresh=0.3,
        batch_size_per_image=settings.sampled,
        positive_fraction=0.5,
        pre_nms_top_n={"training": before, "testing": before},
        post_nms_top_n={"training": after, "testing": after},
        nms_thresh=0.7,
    )


def _regions(classes: int, settings: DetectorSettings) -> RoIHeads:
    return RoIHeads(
        MultiScaleRoIAlign(list(NAMES), output_size=SIDE, sampling_ratio=2),
        TwoMLPHead(settings.width * SIDE**2, settings.hidden),
        FastRCNNPredictor(settings.hidden, classes + 1),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=settings.sampled,
        positive_fraction=0.25,
        bbox_reg_weights=None,
        score_thresh=settings.least,
        nms_thresh=settings.overlap,
        detections_per_img=settings.most,
    )
