"""What an encoder's features are worth on 130 real mammograms with masks: small, and said so.

    python scripts/bench_real.py --encoder runs/stage2/encoder --out runs/bench_real

The low-energy CDD-CESM views of `shared/data/real` (Khaled et al., doi 10.7937/29kw-ae92): 74
patients, all with cancer, 512 x 512 JPEG. Masks are segmented, boxes around their pieces detected
and density probed, each by cross-validation over patients: a patient is scored once, by heads that
never saw them. The encoder stays frozen. Figures have 95% intervals from resampled patients. No
image here is normal, so false positives per image are those beside a lesion; the masks' ellipses
are known to be misplaced by whoever drew them. For research only.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from benchmark import detecting, probing, segmenting
from benchmark.frozen_features import FeatureStore, encoder_hash
from benchmark.metrics.metric_results import MetricResult
from benchmark.metrics.task_figures import score
from benchmark.samples import BoxesSample, MaskSample, Sample
from benchmark.task_rows import AdaptSettings, FindingMasks, Places, Row, TaskRows, Truth
from benchmark.tasks import Task
from versamammo.data.cache import write_levels
from versamammo.data.dataset import Picture
from versamammo.data.labels import Labels
from versamammo.data.sources.masks import picture_mask
from versamammo.imaging.breast import find_breast
from versamammo.imaging.reading import read
from versamammo.input.preprocess import prepare_pixels
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.foreign import load_encoder, local_folder

TASKS = ("segmentation", "detection", "density")
THROWN = 10  # boxes on an image, where they are thrown at random
SPECK = 64  # pixels; smaller pieces of a mask are what JPEG left of its edges


@dataclass(frozen=True)
class RealImage:
    """One image of the set, prepared.

    Attributes:
        row: with no truth yet.
        mask: relative to the set's folder.
        density: A to D, or empty where the table does not say.
    """

    row: Row
    mask: str
    density: str


def prepare(real: Path, out: Path) -> list[RealImage]:
    """Cut the breasts out as training does; their own pixels are kept."""
    (out / "cache").mkdir(parents=True, exist_ok=True)
    with (real / "manifest.csv").open(newline="") as stream:
        listed = [one for one in csv.DictReader(stream) if one["mask_file"]]
    found = []
    for one in listed:
        mammogram = read(real / one["file"])
        made = prepare_pixels(mammogram, find_breast(mammogram.pixels), mammogram.size)
        file = out / "cache" / f"{Path(one['file']).stem}.tif"
        write_levels(file, made.levels)
        picture = Picture(
            Path(one["file"]).stem, file, made.crop, None, one["patient"], one["laterality"],
            one["view"], Labels(),
        )  # fmt: skip
        groups = {"view": one["view"], "density": one["density"]}
        row = Row(
            picture.image_id, picture, one["patient"], None, 0,
            {k: v for k, v in groups.items() if v}, one["sha256"],
        )  # fmt: skip
        found.append(RealImage(row, one["mask_file"], one["density"]))
    return found


def pieces(mask: NDArray[np.bool_]) -> tuple[tuple[float, float, float, float], ...]:
    """Put a box around each piece of a mask that is no speck."""
    marked, count = ndimage.label(mask)
    sizes = np.bincount(marked.ravel(), minlength=count + 1)
    return tuple(
        (float(x.start), float(y.start), float(x.stop), float(y.stop))
        for number, (y, x) in enumerate(ndimage.find_objects(marked), 1)
        if sizes[number] >= SPECK
    )


def task_of(kind: Any, name: str, classes: tuple[str, ...]) -> Task:
    label = {"segmentation": "masks", "detection": "boxes"}.get(kind, "density")
    values = tuple((one,) for one in classes)
    return Task(
        id=name, version=1, set="internal", dataset="CDD-CESM, 130 images", target=name, kind=kind,
        sources=("cesm",), label=label, classes=classes, values=values,
    )  # fmt: skip


def folds_of(rows: Sequence[Row], folds: int, seed: int) -> Iterator[TaskRows]:
    """Deal patients to folds; of those that learn, one in five chooses."""
    patients = sorted({row.patient for row in rows})
    order = np.random.default_rng(seed).permutation(len(patients))
    fold = {patients[place]: number % folds for number, place in enumerate(order)}
    for held in range(folds):
        learning = [patients[place] for place in order if fold[patients[place]] != held]
        choosing = set(learning[::5])
        yield TaskRows(
            [r for r in rows if fold[r.patient] != held and r.patient not in choosing],
            [r for r in rows if r.patient in choosing],
            [r for r in rows if fold[r.patient] == held],
        )


class Real:
    """The three questions put to one encoder.

    Attributes:
        out: folder of this encoder.
    """

    def __init__(
        self, encoder: VersaMammoModel, name: str, real: Path, out: Path, wanted: argparse.Namespace
    ) -> None:
        self.encoder, self.real, self.out, self.wanted = encoder, real, out, wanted
        self.settings = AdaptSettings(
            seed=wanted.seed, size=tuple(wanted.size), batch=4, steps=wanted.steps,
            check_every=max(1, wanted.steps // 5), patience=3, device="cpu",
        )  # fmt: skip
        self.store = FeatureStore(out / "features", encoder, name, self.settings)

    def segmentation(self, images: Sequence[RealImage]) -> tuple[Task, list[Sample]]:
        """Mark the lesions."""
        task = task_of("segmentation", "lesion masks", ("lesion",))
        rows = [replace(one.row, truth=FindingMasks(self.real, (one.mask,))) for one in images]
        return task, self._over_folds(
            rows, lambda fold: segmenting.run(task, self.encoder, fold, self.settings, self.out)
        )

    def detection(self, images: Sequence[RealImage]) -> tuple[Task, list[Sample]]:
        """Find the boxes around pieces of the masks."""
        task = task_of("detection", "boxes of masks", ("lesion",))
        rows = []
        for one in images:
            boxes = pieces(picture_mask(self.real / one.mask))
            rows.append(replace(one.row, truth=Places(boxes, (0,) * len(boxes))))
        return task, self._over_folds(
            rows, lambda fold: detecting.run(task, self.encoder, fold, self.settings, self.out)
        )

    def density(self, images: Sequence[RealImage]) -> tuple[Task, list[Sample]]:
        """Predict the density from pooled features."""
        # one A among 130 cannot be on every side of a split
        task = task_of("ordinal", "density", ("A or B", "C", "D"))
        classes: dict[str, Truth] = {"A": 0, "B": 0, "C": 1, "D": 2}
        rows = [
            replace(one.row, truth=classes[one.density]) for one in images if one.density in classes
        ]
        return task, self._over_folds(
            rows, lambda fold: probing.answers(task, fold, self.store, self.settings)[1]
        )

    def _over_folds(
        self, rows: Sequence[Row], run: Callable[[TaskRows], Iterator[Sample]]
    ) -> list[Sample]:
        return [
            sample
            for fold in folds_of(rows, self.wanted.folds, self.wanted.seed)
            for sample in run(fold)
        ]


def draw(real: Path, out: Path, masks: Sequence[MaskSample], boxes: Sequence[BoxesSample]) -> None:
    """Show the best, the middle and the worst masks, with the likeliest boxes."""
    dices = [segmenting.dice(mask_at(out, one.mask), mask_at(out, one.truth)) for one in masks]
    order = np.argsort(dices)[::-1]
    middle = len(order) // 2
    chosen = [*order[:4], *order[middle - 2 : middle + 2], *order[-4:]]
    found = {one.id: one for one in boxes}
    tiles = [tile(real, out, masks[at], found.get(masks[at].id), dices[at]) for at in chosen]
    rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles), 4)]
    Image.fromarray(np.vstack(rows)).save(out / "examples.png")


def tile(real: Path, out: Path, mask: MaskSample, boxes: BoxesSample | None, dice: float) -> Any:
    """Draw one image: truth green, what was found red, its three likeliest boxes yellow."""
    with Image.open(real / "cesm_dm" / "images" / f"{mask.id}.jpg") as picture:
        shown = np.array(picture.convert("RGB"))
    for name, color in ((mask.truth, (0, 220, 0)), (mask.mask, (255, 60, 60))):
        whole = mask_at(out, name).astype(np.uint8)
        outlines, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, color, 2)
    drawn = Image.fromarray(shown)
    pen = ImageDraw.Draw(drawn)
    pairs = zip(boxes.boxes, boxes.scores, strict=True) if boxes else ()
    for side, likely in list(pairs)[:3]:
        pen.rectangle(side, outline=(255, 220, 0))
        pen.text((side[0] + 2, side[1] + 2), f"{likely:.2f}", fill=(255, 220, 0))
    pen.text((4, 4), f"{mask.id}  Dice {dice:.2f}", fill=(255, 255, 255))
    return np.asarray(drawn.resize((384, 384)))


def mask_at(out: Path, name: str) -> NDArray[np.bool_]:
    return picture_mask(out / name)


def everything_marked(out: Path, masks: Sequence[MaskSample]) -> list[MaskSample]:
    """Mark all tissue: what a mask has to beat."""
    made = []
    for one in masks:
        name = f"masks/{one.id}-all.png"
        Image.fromarray(tissue_at(out, one.id)).save(out / name)
        made.append(replace(one, mask=name))
    return made


def thrown(out: Path, boxes: Sequence[BoxesSample], seed: int) -> list[BoxesSample]:
    """Throw boxes of true sizes on the tissue: what a detector has to beat."""
    random = np.random.default_rng(seed)
    sides = np.array([box for one in boxes for box in one.truth])
    sizes = (sides[:, 2:] - sides[:, :2]) / 2
    made = []
    for one in boxes:
        rows, columns = np.nonzero(tissue_at(out, one.id))
        places = random.integers(len(rows), size=THROWN)
        centres = np.stack([columns[places], rows[places]], axis=1) + 0.5
        half = sizes[random.integers(len(sizes), size=THROWN)]
        at = np.concatenate([centres - half, centres + half], axis=1)
        scores = np.sort(random.random(THROWN))[::-1]
        made.append(
            replace(one, boxes=tuple(map(tuple, at.tolist())), scores=tuple(scores.tolist()),
                    classes=(0,) * THROWN)
        )  # fmt: skip
    return made


def tissue_at(out: Path, name: str) -> NDArray[np.bool_]:
    return picture_mask(out.parent / "breasts" / f"{name}.png")


def breasts(images: Sequence[RealImage], out: Path) -> None:
    """Write where each breast's tissue is, in pixels of the file."""
    (out / "breasts").mkdir(parents=True, exist_ok=True)
    for one in images:
        crop = one.row.picture.crop
        tissue = crop.mask_to_source(one.row.picture.levels() > 65535 // 20)
        Image.fromarray(tissue).save(out / "breasts" / f"{one.row.id}.png")


def tell(name: str, task: Task, figures: Sequence[MetricResult]) -> list[list[str]]:
    """Print the figures of a task and give them as rows of a table."""
    rows = []
    for one in figures:
        row = [name, task.target, one.metric, f"{one.value:.3f}", f"{one.low:.3f}",
               f"{one.high:.3f}", str(one.n), one.note]  # fmt: skip
        rows.append(row)
        print(f"{name:20} {task.target:15} {one.metric:24} {one.value:7.3f} "
              f"[{one.low:.3f}, {one.high:.3f}]  n {one.n}")  # fmt: skip
    return rows


def encoders_of(wanted: argparse.Namespace) -> Iterator[tuple[str, str, VersaMammoModel]]:
    """Return each encoder by name and hash, and after each, if asked for, its like untrained."""
    for source in wanted.encoder:
        encoder, digest = load_encoder(source), encoder_hash(local_folder(source))
        name = Path(source).parent.name if Path(source).name == "encoder" else Path(source).name
        yield name, digest, encoder
        if wanted.untrained:
            torch.manual_seed(wanted.seed)
            like = VersaMammoModel(replaced(encoder))
            like.eval()  # type: ignore[no-untyped-call]
            yield f"{name}, untrained", f"{digest} untrained {wanted.seed}", like


def replaced(encoder: VersaMammoModel) -> Any:
    """Describe the same network without heads."""
    config = type(encoder.config).from_dict(encoder.config.to_dict())
    config.heads = {}
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", action="append", required=True)
    parser.add_argument("--untrained", action="store_true", help="beside it, the same at random")
    parser.add_argument("--real", type=Path, default=Path("../shared/data/real"))
    parser.add_argument("--out", type=Path, default=Path("runs/bench_real"))
    parser.add_argument("--size", type=int, nargs=2, default=(256, 192))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    images = prepare(wanted.real, wanted.out)
    breasts(images, wanted.out)
    patients = len({one.row.patient for one in images})
    print(f"{len(images)} images of {patients} patients; {' '.join(sys.argv)}")
    table: list[list[str]] = []
    for number, (name, digest, encoder) in enumerate(encoders_of(wanted)):
        out = wanted.out / f"{number} {name}"
        real = Real(encoder, digest, wanted.real, out, wanted)
        kept: dict[str, Any] = {}
        for question in wanted.tasks:
            task, samples = getattr(real, question)(images)
            kept[task.kind] = samples
            table += tell(name, task, score(task, samples, root=out, seed=wanted.seed))
        if "segmentation" in kept:
            draw(wanted.real, out, kept["segmentation"], kept.get("detection", ()))
        if number == 0 and "segmentation" in kept:
            marked = everything_marked(out, kept["segmentation"])
            task = task_of("segmentation", "lesion masks", ("lesion",))
            table += tell("all tissue marked", task, score(task, marked, root=out))
        if number == 0 and "detection" in kept:
            task = task_of("detection", "boxes of masks", ("lesion",))
            at_random = thrown(out, kept["detection"], wanted.seed)
            table += tell("boxes at random", task, score(task, at_random, root=out))
        print(f"{time.monotonic() - started:.0f} s")
    with (wanted.out / "figures.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["encoder", "task", "metric", "value", "low", "high", "n", "note"])
        writer.writerows(table)


if __name__ == "__main__":
    main()
