"""Figures of encoders on real films, beside a frozen ImageNet network, all from one run.

    python scripts/cbis_figures.py --encoder DIR --data PREPARED --split val \
        --train PREPARED_TRAIN --out OUT

PREPARED is what `scripts/cbis_films.py` and `versamammo prepare` made. OUT gets figures.json,
figures.md, the reliability curves and the sheets of lesions found and missed. Every figure has its
n, its patients and a 95 % interval over resampled patients.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.cbis_report.boxes import (
    Rule,
    box_figures,
    box_samples,
    compared_rules,
    curve,
    found_lesions,
    marked,
    sensitivity,
    threshold_at,
)
from scripts.cbis_report.figures import Figure
from scripts.cbis_report.logistic_probes import FilmAnswers, against, answer_figures, probe
from scripts.cbis_report.patches import AIR, all_patches, patch_figure
from scripts.cbis_report.pictures import draw_reliability, draw_sheet
from scripts.cbis_report.plain_finetuning import PlainFinetuning, asked_of, finetuned
from scripts.cbis_report.seeing import Seen, frozen_start, see, untrained
from scripts.cbis_report.whole_films import (
    Told,
    attribute_figures,
    by_group,
    calibration,
    malignancy,
    malignancy_figures,
    told,
)
from versamammo import NOTICE
from versamammo.data.attributes import ATTRIBUTES
from versamammo.data.dataset import Archive, Picture
from versamammo.files import write_atomically
from versamammo.input.contract import InputContract
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.peaks import RELATIVE, peaks_in

KINDS = ("mass", "calcification")
PHANTOM = Path("models/demo/encoder")
RATE = 1.0  # false marks per film at which lesions count as found in tables by group
SIZES = ("smallest third", "middle third", "largest third")
Section = tuple[str, list[Figure]]


@dataclass(frozen=True, eq=False)
class Films:
    """The films that are asked about.

    Attributes:
        archive: they are of.
        pictures: [N].
        told: their labels.
        breast: pixels of tissue on the levels of each [N].
    """

    archive: Archive
    pictures: list[Picture]
    told: Told
    breast: NDArray[np.float64]


def main() -> None:
    """Write OUT/figures.json and OUT/figures.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--encoder", type=Path, action="append", required=True, help="folder; may be repeated")
    add("--data", type=Path, required=True, help="prepared films to measure on")
    add("--split", choices=("val", "test"), required=True)
    add("--train", type=Path, required=True, help="prepared films whose train split fits probes")
    add("--out", type=Path, required=True)
    add("--relative", type=float, default=RELATIVE, help="share of a peak that a box goes down to")
    add("--no-probes", action="store_true", help="leave the frozen networks out")
    add("--plain-epochs", type=int, default=0, help="fine-tune the open network plainly, so long")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    films = opened(given.data, given.split)
    encoders = {name_of(one): VersaMammoModel.from_pretrained(one) for one in given.encoder}
    cache = given.out / "cache"
    seen = {name: see(one, films.archive, cache, name) for name, one in encoders.items()}
    sections: list[Section] = []
    curves: dict[str, Any] = {}
    rule = partial(peaks_in, relative=given.relative)
    for name, one in seen.items():
        own, curves[name] = encoder_sections(name, one, films, rule, given.out)
        sections += own
        if given.split == "val":
            sections += rule_sections(name, one, films)
    train = Archive.open(given.train, ["train"])
    sections += other_sections(
        encoders, seen, films, train, cache,
        probes=not given.no_probes, plain_epochs=given.plain_epochs,
    )  # fmt: skip
    write(given, films, sections, curves)


def name_of(folder: Path) -> str:
    """Name an encoder by the last two folders of its path."""
    return "/".join(folder.resolve().parts[-2:])


def opened(folder: Path, split: str) -> Films:
    """Open the films of a split."""
    archive = Archive.open(folder, [split])
    pictures = list(archive)
    breast = np.array([float((one.levels() > AIR).sum()) for one in pictures])
    return Films(archive, pictures, told(pictures), breast)


def encoder_sections(
    name: str, seen: Seen, films: Films, rule: Rule, out: Path
) -> tuple[list[Section], dict[str, Any]]:
    """Return all figures of one encoder's own heads, and its curves."""
    chance = malignancy(seen.probabilities["pathology"])
    error, points = calibration(films.told, chance)
    plain = name.replace("/", "_")
    draw_reliability(points, f"{name}: malignancy of mass films", out / f"reliability_{plain}.png")
    whole = [*malignancy_figures(films.told, chance), error, *attribute_figures(films.told, seen)]
    sections: list[Section] = [(f"{name}: films as a whole", whole)]
    curves: dict[str, Any] = {"reliability": points}
    groups = density_groups(films.told) | size_groups(films)
    by = by_group(films.told, chance, groups)
    for kind in KINDS:
        samples = box_samples(seen, films.pictures, kind, rule)
        if kind not in seen.kinds or not samples:
            continue
        patches = patch_figure(seen, films.pictures, all_patches(films.pictures, kind), kind)
        sections.append((f"{name}: {kind}", [*box_figures(samples, kind), patches]))
        curves[f"froc {kind}"] = curve(samples)
        threshold = threshold_at(samples, RATE)
        lesions = found_lesions(samples, threshold)
        by += lesion_groups(films, samples, lesions, kind)
        pictures = {one.image_id: one for one in films.pictures}
        draw_sheet(pictures, samples, lesions, threshold, out / f"sheet_{kind}_{plain}.png")
    return [*sections, (f"{name}: by density and size", by)], curves


def rule_sections(name: str, seen: Seen, films: Films) -> list[Section]:
    """Return how ways to draw boxes compare, for a choice on validation films."""
    return [
        (f"{name}: ways to draw boxes, {kind}", compared_rules(seen, films.pictures, kind))
        for kind in KINDS
        if kind in seen.kinds
    ]


def density_groups(films: Told) -> dict[str, NDArray[np.bool_]]:
    """Return which films have each density [N]."""
    classes = ATTRIBUTES["density"].classes
    return {f"density {one}": films.classes["density"] == n for n, one in enumerate(classes)}


def shares(films: Films, row: int, kind: str) -> NDArray[np.float64]:
    """Return the share of the breast that each lesion's box covers on one film."""
    crop = films.pictures[row].crop
    boxes = crop.boxes_to_input(list(marked(films.pictures[row], kind)))
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.nan_to_num(area / max(films.breast[row], 1.0))


def thirds(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the third, 0 to 2, that each value lies in."""
    return np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values).astype(np.int64)


def size_groups(films: Films) -> dict[str, NDArray[np.bool_]]:
    """Return which mass films have their largest mass in each third of sizes [N]."""
    rows = np.flatnonzero(films.told.mass)
    third = np.full(len(films.pictures), -1)
    third[rows] = thirds(np.array([shares(films, row, "mass").max() for row in rows]))
    return {f"{name} of masses": third == n for n, name in enumerate(SIZES)}


def lesion_groups(
    films: Films, samples: Sequence[Any], lesions: Sequence[tuple[int, int, bool]], kind: str
) -> list[Figure]:
    """Return the share of lesions found at one false mark per film, by density and by size."""
    row_of = {one.image_id: row for row, one in enumerate(films.pictures)}
    rows = np.array([row_of[samples[number].id] for number, _, _ in lesions])
    size = [shares(films, row, kind)[one] for row, (_, one, _) in zip(rows, lesions, strict=True)]
    third = thirds(np.array(size))
    groups = {name: where[rows] for name, where in density_groups(films.told).items()}
    groups |= {name: third == n for n, name in enumerate(SIZES)}
    found = []
    for name, where in groups.items():
        inside = np.flatnonzero(where)
        if len(inside):
            hits = [lesions[n][2] for n in inside]
            patients = [films.told.patients[rows[n]] for n in inside]
            words = f"{kind} sensitivity at {RATE:g} false mark per film, {name}"
            found.append(sensitivity(words, hits, patients, ""))
    return found


def other_sections(
    encoders: dict[str, VersaMammoModel],
    seen: dict[str, Seen],
    films: Films,
    train: Archive,
    cache: Path,
    *,
    probes: bool,
    plain_epochs: int,
) -> list[Section]:
    """Return the figures of other networks, and how far the heads of each encoder are above them.

    They are probes on frozen features and, if it is to see the training films at least once, the
    open ImageNet network plainly fine-tuned.
    """
    known = told(list(train))
    contract = next(iter(encoders.values())).config.input_contract
    others: dict[str, FilmAnswers] = {}
    if probes:
        networks = {
            "frozen ImageNet": frozen_start(contract),
            "untrained": untrained(contract),
            "phantom encoder": VersaMammoModel.from_pretrained(PHANTOM),
            **{f"features of {name}": one for name, one in encoders.items()},
        }
        for name, network in networks.items():
            cached = name.removeprefix("features of ").replace(" ", "_")
            old = see(network, train, cache, f"{cached}_train")
            new = see(network, films.archive, cache, cached)
            said = probe(old.pooled, known, new.pooled)
            words = ", ".join(f"{one} {c:g}" for one, c in said.strengths.items())
            others[f"probe of {name} (C: {words})"] = said
    if plain_epochs:
        said = plainly_finetuned(train, films, contract, plain_epochs, cache)
        others[f"plain fine-tuning ({plain_epochs} epochs)"] = said
    sections = [(name, answer_figures(films.told, said)) for name, said in others.items()]
    for own, one in seen.items():
        chance = malignancy(one.probabilities["pathology"])
        classes = {word: one.alike[word].argmax(axis=1) for word in ("density", "view")}
        heads = FilmAnswers(chance, classes)
        for name, said in others.items():
            sections.append((f"heads of {own} minus {name}", against(films.told, heads, said)))
    return sections


def plainly_finetuned(
    train: Archive, films: Films, contract: InputContract, epochs: int, cache: Path
) -> FilmAnswers:
    """Return what the open ImageNet network says of the films after it learnt from others.

    What it said is kept beside the report, not its weights.
    """
    size = "x".join(str(side) for side in contract.size)
    kept = cache / f"plain_{epochs}_{size}-{train.digest}-{films.archive.digest}.json"
    if kept.is_file():
        said = json.loads(kept.read_text())
    else:
        network = finetuned(list(train), contract, PlainFinetuning(epochs=epochs))
        chance, density = asked_of(network, films.pictures, contract)
        said = {"chance": chance.tolist(), "density": density.tolist()}
        cache.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, json.dumps(said).encode())
    density = np.array(said["density"], np.int64)
    return FilmAnswers(np.array(said["chance"], np.float32), {"density": density})


def write(
    given: argparse.Namespace, films: Films, sections: Sequence[Section], curves: dict[str, Any]
) -> None:
    """Write the figures as JSON and as tables."""
    mass = int(films.told.mass.sum())
    about = {
        "data": str(given.data),
        "split": given.split,
        "digest": films.archive.digest,
        "films": len(films.pictures),
        "patients": len(set(films.told.patients)),
        "mass_films": mass,
        "encoders": [str(one) for one in given.encoder],
        "train": str(given.train),
        "box_down_to_share_of_peak": given.relative,
    }
    record = {
        "about": about,
        "figures": {name: [one.to_dict() for one in found] for name, found in sections},
        "curves": curves,
    }
    text = json.dumps(record, indent=1, allow_nan=False)
    write_atomically(given.out / "figures.json", f"{text}\n".encode())
    head = (
        f"# Figures on real films ({given.split})\n\n{len(films.pictures)} films of "
        f"{about['patients']} patients, {mass} of them mass films. Intervals: 95 %, patients "
        f"resampled.\n"
    )
    tables = "".join(f"\n## {name}\n\n{table(found)}" for name, found in sections)
    write_atomically(given.out / "figures.md", f"{head}{tables}\n{NOTICE}\n".encode())


def write_sections(out: Path, head: str, sections: Sequence[Section]) -> None:
    """Write OUT/figures.json and OUT/figures.md, and print where."""
    record = {name: [one.to_dict() for one in rows] for name, rows in sections}
    text = json.dumps(record, indent=1, allow_nan=False)
    write_atomically(out / "figures.json", f"{text}\n".encode())
    tables = "".join(f"\n## {name}\n\n{table(rows)}" for name, rows in sections)
    write_atomically(out / "figures.md", f"{head}{tables}\n{NOTICE}\n".encode())
    print(out / "figures.md")


def table(found: Sequence[Figure]) -> str:
    """Return figures as a table of Markdown."""
    tested = any(one.p is not None for one in found)
    lines = ["| figure | value | 95 % | " + ("p | " if tested else "") + "n | patients | note |"]
    lines.append("|---|" + "---|" * (lines[0].count("|") - 2))
    for one in found:
        p = f"{one.p:.3g} | " if one.p is not None else "| " if tested else ""
        ends = f"{one.low:.3f} to {one.high:.3f}"
        lines.append(
            f"| {one.name} | {one.value:.3f} | {ends} | {p}{one.n} | {one.patients} | {one.note} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
