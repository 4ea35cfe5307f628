"""How many prototypes, how large a batch, how soft the targets: by the size of the archive.

The published teacher used 131,072 prototypes with 16 images per step. DINOv2's authors used as
many with 2,048 images or more, and call 32 images too few for it.
"""

from __future__ import annotations

from dataclasses import dataclass

# DINO: 65,536 prototypes, 1.28 M images, batch 1,024; DINOv2: 131,072, 142 M images, batch 2,048.
# Both keep at most 32 prototypes per target (each image gives two targets) and DINO, the
# denser of the two, 20 images per prototype.
PROTOTYPES_PER_IMAGE_OF_A_STEP = 64
IMAGES_PER_PROTOTYPE = 16
PROTOTYPES_PER_DIMENSION, WIDEST_BOTTLENECK = 8, 256
FEWEST_PROTOTYPES, MOST_PROTOTYPES = 256, 131_072
STEPS_PER_EPOCH = 64
SMALLEST_BATCH, LARGEST_BATCH = 16, 1024


@dataclass(frozen=True)
class Sizing:
    """Settings that follow an archive's size, and why.

    Attributes:
        batch: images per step on all machines together.
        prototypes: K of each head.
        bottleneck: width in which features are compared with prototypes.
        teacher_temperature: start and end.
        reason: for the log and the model card.
    """

    batch: int
    prototypes: int
    bottleneck: int
    teacher_temperature: tuple[float, float]
    reason: str


def recommended_prototypes(images: int, batch: int) -> int:
    """Return the largest power of two that the archive and the batch can both feed.

    Sinkhorn-Knopp deals each step's targets evenly to all prototypes, and a running centre is
    the mean of that many targets: with far more prototypes than targets, most are only ever
    pushed away. And prototypes beyond the number of distinguishable images cannot be told apart.
    """
    wanted = min(PROTOTYPES_PER_IMAGE_OF_A_STEP * batch, images // IMAGES_PER_PROTOTYPE)
    return _power_of_two(wanted, FEWEST_PROTOTYPES, MOST_PROTOTYPES)


def recommended_batch(images: int) -> int:
    """Return a batch that leaves at least some 64 steps per epoch, so that schedules have steps."""
    return _power_of_two(images // STEPS_PER_EPOCH, SMALLEST_BATCH, LARGEST_BATCH)


def recommended_bottleneck(prototypes: int) -> int:
    """Return a width well below the number of prototypes.

    Where there are as many dimensions as prototypes, one direction is equally far from all of
    them: student and teacher agree on it within some 50 steps, and nothing is learnt any more.
    """
    return min(WIDEST_BOTTLENECK, prototypes // PROTOTYPES_PER_DIMENSION)


def recommended_temperature(batch: int) -> tuple[float, float]:
    """Return the teacher's first and last temperature.

    Softer targets (0.07, DINO and DINOv2) carry more but collapse sooner: a running centre does
    not forbid it unless estimated from enough images, and Sinkhorn-Knopp does not keep targets of
    few images from growing uniform.
    """
    return (0.04, 0.07) if batch >= 256 else (0.04, 0.04)


def recommended_sizing(images: int, batch: int | None = None) -> Sizing:
    """Choose what depends on the size of the archive; a given batch is kept.

    Raises:
        ValueError: if there are fewer than two images.
    """
    if images < 2:
        raise ValueError(f"an archive of {images} images cannot be learnt from")
    batch = recommended_batch(images) if batch is None else batch
    prototypes = recommended_prototypes(images, batch)
    reason = (
        f"{prototypes} prototypes: at most {PROTOTYPES_PER_IMAGE_OF_A_STEP} per image of a step "
        f"({batch}) and {IMAGES_PER_PROTOTYPE} images of the archive ({images}) to each, never "
        f"fewer than {FEWEST_PROTOTYPES}"
    )
    temperature = recommended_temperature(batch)
    return Sizing(batch, prototypes, recommended_bottleneck(prototypes), temperature, reason)


def _power_of_two(value: int, low: int, high: int) -> int:
    return min(high, max(low, 1 << max(0, value.bit_length() - 1)))
