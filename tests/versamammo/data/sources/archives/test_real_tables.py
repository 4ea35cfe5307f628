"""The official tables of CBIS-DDSM and CDD-CESM, read to the last row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from versamammo.data.labels import Labels
from versamammo.data.sources.archives import cbis_ddsm, cdd_cesm
from versamammo.data.sources.archives.label_record import Notes, unmapped
from versamammo.data.sources.archives.sheets import Line, grouped, read_lines
from versamammo.data.sources.masks import outlines_in
from versamammo.data.sources.source_contract import ImageRecord
from versamammo.data.splits.draw import DEFAULT_SHARES, Member
from versamammo.data.splits.official import split_officially


@pytest.fixture(scope="module")
def films(real: Path) -> dict[str, list[Line]]:
    return cbis_ddsm.read_tables(real / "cbis")


@pytest.fixture(scope="module")
def views(real: Path) -> list[ImageRecord]:
    folder = real / "cesm_csv"
    drawn = cdd_cesm.read_regions(folder / cdd_cesm.REGIONS, cdd_cesm.REGIONS)
    lines = read_lines(folder / cdd_cesm.SHEETS[1], cdd_cesm.COLUMNS)
    rows = grouped(lines, lambda line: line["image_name"].strip())
    low = {name: own for name, own in rows.items() if own[0]["type"] == "DM"}
    return [cdd_cesm.describe(drawn, f"{name}.jpg", own) for name, own in low.items()]


def test_every_row_of_cbis_ddsm_is_a_lesion(films: dict[str, list[Line]]) -> None:
    lines = [line for own in films.values() for line in own]
    assert Counter(line["table"] for line in lines) == {
        "mass_case_description_train_set.csv": 1318,
        "mass_case_description_test_set.csv": 378,
        "calc_case_description_train_set.csv": 1546,
        "calc_case_description_test_set.csv": 326,
    }
    assert len(films) == 3103
    assert len({line["patient_id"] for line in lines}) == 1566


def test_the_vocabulary_of_cbis_ddsm_is_read_whole(films: dict[str, list[Line]]) -> None:
    counts: dict[str, Counter[float]] = {
        name: Counter() for name in ("pathology", "birads", "subtlety")
    }
    kinds: Counter[str] = Counter()
    odd: Counter[tuple[str, str]] = Counter()
    for own in films.values():
        notes = Notes("tables")
        for line in own:
            look = cbis_ddsm.lesion_words(line, notes)
            kinds[look["kind"]] += 1
            for name, counter in counts.items():
                counter[look[name]] += look[name] == look[name]
        odd.update((told.fact, told.words) for told in notes.told)
    assert kinds == {"mass": 1696, "calcification": 1872}
    assert +counts["pathology"] == {0.0: 2111, 1.0: 1457}
    assert +counts["birads"] == {0.0: 238, 1.0: 3, 2.0: 644, 3.0: 477, 4.0: 1633, 5.0: 573}
    assert +counts["subtlety"] == {1.0: 174, 2.0: 439, 3.0: 964, 4.0: 875, 5.0: 1114}
    assert odd == {("subtlety", "0"): 2}


def test_density_0_of_cbis_ddsm_is_kept_as_a_word_alone(films: dict[str, list[Line]]) -> None:
    numbers: Counter[float] = Counter()
    words: Counter[str] = Counter()
    for own in films.values():
        notes = Notes("tables")
        word = notes.same(own, "breast_density")
        value = notes.number("density", word, "d", meaningless=cbis_ddsm.OUT_OF_SCALE)
        if value == value:
            numbers[value] += 1
        else:
            words[notes.told[-1].words] += 1
    assert sum(numbers.values()) + sum(words.values()) == 3103
    assert set(words) == {"0"}


def test_every_row_of_cdd_cesm_is_read(views: list[ImageRecord], real: Path) -> None:
    lines = read_lines(real / "cesm_csv" / cdd_cesm.SHEETS[1], cdd_cesm.COLUMNS)
    assert Counter(line["type"] for line in lines) == {"DM": 1003, "CESM": 1003}
    assert len(views) == 1003
    assert len({view.identifiers.patient_id for view in views}) == 326


def test_the_vocabulary_of_cdd_cesm_is_read_whole(views: list[ImageRecord], real: Path) -> None:
    def counted(name: str) -> dict[float, int]:
        known = (getattr(view.labels, name) for view in views)
        return Counter(value for value in known if value == value)

    assert counted("density") == {1.0: 8, 2.0: 329, 3.0: 515, 4.0: 70}
    assert counted("birads") == {1.0: 371, 2.0: 167, 3.0: 136, 4.0: 195, 5.0: 130, 6.0: 4}
    assert counted("pathology") == {0.0: 341, 1.0: 331, 2.0: 331}
    lines = read_lines(real / "cesm_csv" / cdd_cesm.SHEETS[1], cdd_cesm.COLUMNS)
    empty = [line for line in lines if line["type"] == "DM" and line[cdd_cesm.DENSITY] == "_"]
    assert len(empty) == 1003 - 922  # a dash below the line is an empty cell here


def test_two_assessments_in_one_cell_give_the_more_serious(views: list[ImageRecord]) -> None:
    found = Counter(
        (told.words, view.labels.birads)
        for view in views
        for told in view.told
        if told.fact == "birads" and "$" in told.words
    )
    assert found
    for (words, value), _ in found.items():
        assert value == max(float(part) for part in words.split("$"))


def test_every_region_of_cdd_cesm_is_a_finding_or_listed(
    views: list[ImageRecord], real: Path
) -> None:
    kinds = Counter(found.kind for view in views for found in view.labels.findings)
    odd = Counter(told.fact for view in views for told in unmapped(view))
    lines = read_lines(real / "cesm_csv" / cdd_cesm.REGIONS, ("filename",))
    low = sum("_DM_" in line["filename"] for line in lines)
    assert len(lines) == 2971
    assert sum(kinds.values()) + odd["region"] == low == 1797
    assert kinds == {
        "mass": 401, "calcification": 379, "asymmetry": 87, "distortion": 13,
        "nipple_retraction": 2,
    }  # fmt: skip
    assert set(odd) == {"region"}


def test_every_shape_of_cdd_cesm_has_an_outline(real: Path) -> None:
    outlines = outlines_in(real / "cesm_csv" / cdd_cesm.REGIONS)
    assert len(outlines) == 2971
    assert sum(len(points) == 1 for points in outlines) == 4  # points


def test_the_official_test_of_cbis_ddsm_parts_no_patient(films: dict[str, list[Line]]) -> None:
    members, official = [], {}
    for case, own in films.items():
        match = cbis_ddsm.CASE.fullmatch(case)
        assert match is not None
        members.append(Member(case, own[0]["patient_id"], Labels()))
        official[case] = cbis_ddsm.PARTS[match[2]]
    splits = split_officially(members, official, 0, DEFAULT_SHARES)

    sides: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for member in members:
        sides.setdefault(member.group, set()).add(splits[member.image])
        before.setdefault(member.group, set()).add(official[member.image])
    assert sum(len(found) > 1 for found in before.values()) == 31
    assert all(len(found) == 1 for found in sides.values())
    moved = [case for case in films if splits[case] != official[case] == "test"]
    assert not moved  # what is officially tested stays so
    assert Counter(official.values())["test"] == 645
    assert Counter(splits.values())["test"] == 645 + 64  # other films of those 31
