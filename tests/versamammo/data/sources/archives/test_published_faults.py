"""What the published preparation of these archives gets wrong, each shown right here."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import pytest
from pydicom.uid import BreastTomosynthesisImageStorage

from versamammo.data.labels import Labels
from versamammo.data.manifest import read_manifest
from versamammo.data.preparation import output_folder as output
from versamammo.data.preparation.prepare import prepare
from versamammo.data.preparation.prepare_settings import Settings
from versamammo.data.quarantine import Quarantined
from versamammo.data.sources.archives import cbis_ddsm, dbt
from versamammo.data.sources.archives.sheets import read_lines
from versamammo.data.sources.frame_paths import parted
from versamammo.errors import InputError
from versamammo.imaging.breast import find_breast
from versamammo.imaging.reading import read
from versamammo.phantoms.phantom_exam import PhantomExam, make_exam
from versamammo.phantoms.twins import write_twin
from versamammo.phantoms.twins.twin_writer import Pen

from .conftest import SETTINGS, Twin

Make = Callable[[str], Twin]


def rows_of(made: Twin, out: Path) -> list[dict[str, object]]:
    prepare(Settings(str(made.root), out, size=(96, 64), workers=1))
    return list(read_manifest(out).to_pylist())


def test_7_1_1_splits_are_by_patient(twin: Make, tmp_path: Path) -> None:
    sides: dict[str, set[object]] = {}
    for row in rows_of(twin("kau-bcmd"), tmp_path / "out"):
        sides.setdefault(str(row["patient_id"]), set()).add(row["split"])
    assert all(len(found) == 1 for found in sides.values())


def test_7_1_6_vindr_boxes_are_not_shifted_by_ten_pixels(twin: Make) -> None:
    made = twin("vindr-mammo")
    kept, _ = made.read()
    lines = read_lines(made.root / "finding_annotations.csv", ("image_id", "xmin", "ymin"))
    told = {(line["image_id"], float(line["xmin"]), float(line["ymin"])) for line in lines
            if line["xmin"]}  # fmt: skip
    found = {
        (str(record.identifiers.image_id), finding.box.x1, finding.box.y1)
        for record in kept.values()
        for finding in record.labels.findings
        if finding.box is not None
    }
    assert told == found != set()


def test_7_1_6_vindr_boxes_hold_through_the_crop(twin: Make, tmp_path: Path) -> None:
    prepared = rows_of(twin("vindr-mammo"), tmp_path / "out")
    assert any(row["findings"] for row in prepared)
    for row in prepared:
        for finding in row["findings"]:  # type: ignore[attr-defined]
            box = finding["box"]
            assert 0 <= box["x1"] < box["x2"] <= row["columns"]


def test_7_1_6_cbis_lesions_have_masks_and_boxes(twin: Make) -> None:
    for layout in ("cbis-ddsm", "cbis-ddsm-jpeg"):
        kept, _ = twin(layout).read()
        findings = [one for record in kept.values() for one in record.labels.findings]
        assert findings
        assert all(one.mask is not None and one.box is not None for one in findings)


def test_7_1_6_cbis_mask_is_known_by_its_size_not_by_its_path(twin: Make) -> None:
    made = twin("cbis-ddsm")
    kept, _ = made.read()
    names = {str(one.mask)[-7:] for record in kept.values() for one in record.labels.findings}
    assert names <= {"1-1.dcm", "1-2.dcm"}
    for path in (made.root / "CBIS-DDSM").rglob("*_1/*/*"):
        first, second = path / "1-1.dcm", path / "1-2.dcm"
        content = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(content)
    again, refused = made.read()
    assert {path: repr([f.box for f in r.labels.findings]) for path, r in again.items()} == {
        path: repr([f.box for f in r.labels.findings]) for path, r in kept.items()
    }
    assert all(entry.reason == "missing-file" for entry in refused)


def test_7_1_6_dbt_boxes_hold_on_turned_volumes(twin: Make) -> None:
    made = twin("dbt")
    kept, _ = made.read()
    turned = 0
    for shown in made.shown:
        path, frame = parted(shown.path)
        assert frame is not None
        side = kept[shown.path].laterality
        turned += dbt.lies_at(made.root / path, frame) != side
        for finding in kept[shown.path].labels.findings:
            assert finding.box in [true.box for true in shown.labels.findings]
    assert turned > 2


def test_3_4_dbt_slices_are_counted_from_0(twin: Make) -> None:
    made = twin("dbt")
    assert made.shown
    for shown in made.shown:
        path, frame = parted(shown.path)
        # the other slices of a twin are dimmer
        pixels = read(made.root / path, frame=frame).pixels
        assert np.abs(pixels - shown.view.pixels).max() < 0.01


def test_3_4_dbt_without_a_slice_is_kept_out_not_guessed(tmp_path: Path) -> None:
    pen = Pen(tmp_path, SETTINGS)
    pen.stack("p/s/r/1-1.dcm", np.ones((3, 8, 8), np.uint16), BreastTomosynthesisImageStorage)
    line = {"patientid": "P", "studyuid": "S", "view": "lcc"}
    outcome = {"normal": "0", "actionable": "1", "benign": "0", "cancer": "0"}
    entries = list(dbt.slices(tmp_path, "p/s/r/1-1.dcm", line, [outcome], [], "test"))
    assert [e.reason for e in entries if isinstance(e, Quarantined)] == ["no-slice"]


def test_7_1_6_dmid_breasts_and_findings_are_one_source(twin: Make, tmp_path: Path) -> None:
    rows = rows_of(twin("dmid"), tmp_path / "out")
    assert {row["source"] for row in rows} == {"phantom-dmid"}
    assert all(row["tissue"] == row["tissue"] for row in rows)
    assert any(row["findings"] for row in rows)


def test_7_1_6_mm_names_do_not_depend_on_the_order_of_a_disk(twin: Make) -> None:
    kept, _ = twin("mm").read()
    assert kept
    for path, record in kept.items():
        assert record.identifiers.image_id == path.removeprefix("Original Dataset/")[:-4]


def test_3_4_mias_counts_y_from_the_bottom_by_the_height(twin: Make) -> None:
    made = twin("mias")
    kept, _ = made.read()
    high, wide = made.shown[0].view.pixels.shape
    assert high != wide  # the published preparation used the width
    for shown in made.shown:
        assert [f.box for f in kept[shown.path].labels.findings] == [
            f.box for f in shown.labels.findings
        ]


def test_7_1_7_lesions_of_one_film_do_not_overwrite_each_other(real: Path) -> None:
    films = cbis_ddsm.read_tables(real / "cbis")
    several = {case: lines for case, lines in films.items() if len(lines) > 1}
    assert len(several) == 293
    assert sum(map(len, several.values())) == 758
    differ = [lines for lines in several.values() if len({one["pathology"] for one in lines}) > 1]
    assert len(differ) == 19  # a last row would have won


def test_7_1_7_a_normal_breast_of_lamis_is_normal(twin: Make) -> None:
    kept, _ = twin("lamis").read()
    normal = [r for path, r in kept.items() if "/Normal/" in path]
    assert normal
    assert {record.labels.pathology for record in normal} == {0.0}


def test_7_1_7_a_false_positive_of_nlbs_is_not_called_benign(twin: Make) -> None:
    kept, _ = twin("nlbs").read()
    wrong = [r.labels for path, r in kept.items() if path.startswith("False Positive/")]
    assert wrong
    assert {repr(labels.pathology) for labels in wrong} == {"nan"}
    assert {labels.cancer for labels in wrong} == {0.0}


def test_7_1_7_a_prior_exam_of_bmcd_has_no_label_of_the_recent_one(twin: Make) -> None:
    kept, _ = twin("bmcd").read()
    prior = [record.labels for path, record in kept.items() if "_prior" in path]
    assert len(prior) == len(kept) / 2
    for labels in prior:
        assert all(repr(getattr(labels, name)) == "nan" for name in Labels.names())


def test_3_4_cmmd_sides_come_from_the_files(twin: Make) -> None:
    made = twin("cmmd")
    kept, _ = made.read()
    assert made.shown
    for shown in made.shown:
        assert kept[shown.path].laterality is shown.view.laterality
        assert f"-{shown.view.laterality}-" in str(kept[shown.path].published_name)


def test_3_4_several_lesions_of_dmid_are_several_findings(tmp_path: Path) -> None:
    exam = make_exam(SETTINGS, 6)  # with a mass and calcifications in one breast
    made = Twin("dmid", tmp_path, write_twin(tmp_path, "dmid", SETTINGS, [exam]))
    kept, _ = made.read()
    assert max(len(shown.labels.findings) for shown in made.shown) == 2
    for shown in made.shown:
        assert len(kept[shown.path].labels.findings) == len(shown.labels.findings)


def test_3_4_inbreast_regions_are_found_by_name(twin: Make) -> None:
    made = twin("inbreast")
    before, _ = made.read()
    for path in (made.root / "AllXML").glob("*.xml"):
        # a further key before the points: fixed places in the file would now read another thing
        text = path.read_text().replace("<key>Name</key>", "<key>Area</key><real>1</real>"
                                        "<key>Name</key>")  # fmt: skip
        path.write_text(text)
    after, _ = made.read()
    assert {path: repr(r.labels) for path, r in after.items()} == {
        path: repr(r.labels) for path, r in before.items()
    }


def test_3_4_embed_leaves_out_synthetic_views(twin: Make) -> None:
    _, refused = twin("embed").read()
    assert {entry.reason for entry in refused} == {"synthetic-2d"}
    assert len(refused) == SETTINGS.exams


def test_3_4_csaw_m_public_test_is_not_trained_on(twin: Make, tmp_path: Path) -> None:
    prepared = rows_of(twin("csaw-m"), tmp_path / "out")
    assert any(row["split"] == "test" for row in prepared)
    for row in prepared:
        assert (row["split"] == "test") is str(row["image_id"]).startswith("test_")


def test_7_1_14_the_aspect_of_a_breast_is_kept(twin: Make, tmp_path: Path) -> None:
    prepared = rows_of(twin("mias"), tmp_path / "out")
    assert prepared
    for row in prepared:
        crop = row["crop"]
        x1, y1, x2, y2 = crop["box"]  # type: ignore[index]
        high, wide = crop["content_size"]  # type: ignore[index]
        assert abs(high / wide - (y2 - y1) / (x2 - x1)) < 0.05


def test_3_1_a_pedestal_does_not_keep_a_breast_from_being_cropped(
    exams: Sequence[PhantomExam],
) -> None:
    assert exams[0].views
    for view in exams[0].views:
        plain, raised = find_breast(view.pixels), find_breast(0.2 + 0.8 * view.pixels)
        high, wide = view.pixels.shape
        assert raised.box.width * raised.box.height < 0.9 * high * wide
        differ = np.subtract(plain.box.as_tuple(), raised.box.as_tuple())
        assert np.abs(differ).max() <= 0.02 * high


def test_7_1_12_two_preparations_do_not_share_a_half_written_cache(
    twin: Make, tmp_path: Path
) -> None:
    settings = Settings(str(twin("mias").root), tmp_path / "out", size=(96, 64), workers=1)
    with output.claimed(tmp_path / "out"), pytest.raises(InputError) as caught:
        prepare(settings)
    assert "another run" in caught.value.message
    assert prepare(settings) == 0


def test_7_1_15_monochrome1_shows_what_monochrome2_shows(twin: Make) -> None:
    made = twin("inbreast")
    path = made.root / made.shown[0].path
    dataset = pydicom.dcmread(path)
    dataset.decompress()
    for window in ("VOILUTSequence", "WindowCenter", "WindowWidth"):
        dataset.pop(window, None)
    dataset.save_as(path)
    before = read(path).pixels
    dataset.PixelData = (2**dataset.BitsStored - 1 - dataset.pixel_array).tobytes()
    assert dataset.PhotometricInterpretation == "MONOCHROME2"
    dataset.PhotometricInterpretation, dataset.PresentationLUTShape = "MONOCHROME1", "INVERSE"
    dataset.save_as(path)
    np.testing.assert_allclose(read(path).pixels, before, atol=1e-3)


def test_3_4_cdd_cesm_categories_are_neither_cut_off_nor_averaged(twin: Make) -> None:
    made = twin("cdd-cesm")
    path = made.root / "Radiology-manual-annotations.xlsx"
    book = openpyxl.load_workbook(path)
    column = next(cells for cells in book.active.iter_cols() if cells[0].value == "BIRADS")
    for cell, words in zip(column[1:], cycle(("6$4", "3$4", "2$3")), strict=False):
        cell.value = words
    book.save(path)
    kept, _ = made.read()
    found = {t.words: r.labels.birads for r in kept.values() for t in r.told if "$" in t.words}
    assert found == {"6$4": 6.0, "3$4": 4.0, "2$3": 3.0}


def test_3_4_repeated_views_of_lamis_do_not_overwrite_each_other(
    twin: Make, tmp_path: Path
) -> None:
    made = twin("lamis")
    first, other = (made.root / shown.path for shown in made.shown[:2])
    repeat = first.parent / "again" / first.name
    repeat.parent.mkdir()
    shutil.copy(other.parent / other.name, repeat)  # another picture under the same name
    kept, _ = made.read()
    assert len(kept) == len(made.shown) + 1
    assert len({record.identifiers.image_id for record in kept.values()}) == len(kept)


def test_3_4_kau_bcmd_categories_are_the_folders(twin: Make) -> None:
    kept, _ = twin("kau-bcmd").read()
    assert kept
    for path, record in kept.items():
        assert f"birad{record.labels.birads:.0f}" in path.lower()


def test_7_1_15_sixteen_bits_are_kept(twin: Make, tmp_path: Path) -> None:
    rows = rows_of(twin("inbreast"), tmp_path / "out")
    assert min(int(str(row["bits"])) for row in rows) > 8


def test_7_2_23_no_adapter_unpickles_or_evaluates() -> None:
    for module in (cbis_ddsm, dbt):
        folder = Path(inspect.getfile(module)).parent
        text = "".join(path.read_text() for path in folder.glob("*.py"))
        for word in ("pickle", "eval(", "exec("):
            assert word not in text
