from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pretrain.monitoring.probes import Probes, ProbeSettings, finding_of, labels_of
from pretrain.networks.vit import Vit
from tests.pretrain.archives import write_archive
from tests.pretrain.tiny import build_tiny
from versamammo.data.dataset import Archive
from versamammo.data.labels import Labels
from versamammo.input.contract import InputContract

CONTRACT = InputContract(size=(84, 56))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = write_archive(tmp_path_factory.mktemp("prepared") / "data")
    return Archive.open(folder, ["test"])


def probes(archive: Archive, **settings: object) -> Probes:
    chosen = replace(ProbeSettings(neighbours=3), **settings)  # type: ignore[arg-type]
    return Probes(archive, CONTRACT, chosen, patch=14)


def test_labels_become_numbers_and_unknown_stays_unknown(archive: Archive) -> None:
    picture = replace(archive[0], view="ML", labels=Labels(density=3, mass=0, calcification=1))

    known = labels_of(picture)

    assert known["density"] == 3
    assert known["finding"] == 1
    assert known["laterality"] == 1
    assert np.isnan(known["view"])
    assert np.isnan(finding_of(replace(picture, labels=Labels())))


def test_patches_are_encoded_as_the_whole_grid_would_be(archive: Archive) -> None:
    asked, vit = probes(archive), build_tiny()

    cls, patches = asked.encode(vit, torch.device("cpu"), rows=5)

    with torch.no_grad():
        whole = vit.eval()(next(asked.images.batches(len(asked.images))))
    torch.testing.assert_close(cls, whole.cls)
    torch.testing.assert_close(patches, whole.patches.flatten(0, 1)[asked.chosen])


def test_probing_leaves_the_encoder_in_its_mode(archive: Archive) -> None:
    vit: Vit = build_tiny().train()

    answers = probes(archive).ask(vit, torch.device("cpu"))

    assert vit.training
    assert {"density", "view", "laterality", "finding", "lesion", "std", "rank"} == {
        name.removeprefix("probe/") for name in answers
    }


def test_features_that_tell_a_label_are_found_to(archive: Archive) -> None:
    asked = probes(archive)
    density = torch.tensor(asked.labels["density"])
    telling = torch.stack([density == 1, density == 3], dim=1).float()

    assert asked.neighbours(telling)["density"].balanced_accuracy == 1


def test_a_question_nobody_can_answer_is_left_out(archive: Archive) -> None:
    asked = probes(archive)
    asked.labels["density"] = [2.0] * len(asked.patients)
    asked.lesion[:] = False

    answers = asked.ask(build_tiny(), torch.device("cpu"))

    assert "probe/density" not in answers
    assert "probe/lesion" not in answers
    assert "probe/view" in answers


def test_no_patch_without_lesion_touches_one(archive: Archive) -> None:
    asked = probes(archive, least_lesion=0.5)
    owners = asked.owners()

    assert set(owners[asked.lesion]) == {"patient 100", "patient 101", "patient 104", "patient 105"}
    assert len(owners) == len(asked.lesion) == len(asked.chosen)
    assert 0 < asked.lesion.sum() < len(asked.lesion) / 2
