"""Training in phases: what may change does, nothing else, and a stopped run goes on bit-equal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.vlm.archives import write_archive
from tests.vlm.tiny_training import tiny_training
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Share
from versamammo.errors import InputError
from vlm.adapter import LoraSettings, add_adapter
from vlm.assembly import assemble, load
from vlm.feeding import StepDataset
from vlm.instructions import LessonPool
from vlm.learner import Learner
from vlm.packing import pack
from vlm.train import train
from vlm.trained_topics import read_competence
from vlm.training_config import build_encoder, build_language

UNCOUNTED = {"Abnormality", "Place", "Report"}  # of more than one right answer, or of free words


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("training") / "prepared", patients=3)


@pytest.fixture(scope="module")
def finished(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    train(tiny_training(folder, archive))
    return folder / "run"


def test_training_leaves_a_model_that_loads_and_knows_its_topics(finished: Path) -> None:
    model, _ = load(finished / "model")
    assert not model.training
    competence = read_competence(finished / "model")
    assert {"ACR", "View", "Mass"} <= set(competence.topics)
    assert competence.fitted_on > 0
    assert sum(one.asked for one in competence.tried) == competence.fitted_on
    assert {one.topic for one in competence.tried} == set(competence.topics) - UNCOUNTED
    assert not any(one.above_chance for one in competence.tried)  # of three patients


def test_generated_answers_are_checked_on_the_way(finished: Path) -> None:
    lines = (finished / "3_adapter" / "metrics.jsonl").read_text().splitlines()
    assert "answered/all" in json.loads(lines[-1])


def test_a_stopped_run_goes_on_bit_equal(finished: Path, archive: Path, tmp_path: Path) -> None:
    # as if killed after two steps of the last phase
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    checkpoints = tmp_path / "run" / "3_adapter" / "checkpoints"
    shutil.rmtree(checkpoints / "step_00000004")
    train(tiny_training(tmp_path, archive))
    last = "3_adapter/checkpoints/step_00000004/model.safetensors"
    once, again = load_file(finished / last), load_file(tmp_path / "run" / last)
    assert once.keys() == again.keys()
    assert all(torch.equal(once[name], again[name]) for name in once)
    for phase in ("2_projector", "3_adapter"):
        logs = [root / phase / "metrics.jsonl" for root in (finished, tmp_path / "run")]
        assert logs[0].read_text() == logs[1].read_text()


def test_a_folder_with_other_settings_is_refused(
    finished: Path, archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="other settings"):
        train(tiny_training(tmp_path, archive, run__output=str(finished), optim__batch_size="8"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoder": "nowhere"},
        {"language": str(Path(__file__).parent)},  # no model lies here
        {"data": "nowhere"},
        {"max_length": "10"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_start_that_fails_leaves_the_folder_to_the_corrected_one(
    archive: Path, tmp_path: Path, wrong: dict[str, str]
) -> None:
    with pytest.raises(InputError):
        train(tiny_training(tmp_path, **{"data": archive, **wrong}))
    assert not (tmp_path / "run").exists()


def test_the_corrected_command_goes_on_in_the_same_folder(archive: Path, tmp_path: Path) -> None:
    short = {"optim__max_steps": "{words: 1, projector: 1, adapter: 1}"}
    with pytest.raises(InputError):
        train(tiny_training(tmp_path, archive, **short, optim__gradient_accumulation_steps="3"))
    assert (train(tiny_training(tmp_path, archive, **short)) / "config.json").is_file()


@pytest.mark.parametrize(
    ("phase", "learned"),
    [("projector", {"projector"}), ("adapter", {"projector", "adapter", "encoder"})],
)
def test_a_phase_changes_its_own_parts_and_nothing_else(
    archive: Path, tmp_path: Path, phase: str, learned: set[str]
) -> None:
    config = tiny_training(tmp_path, archive)
    pool = LessonPool(Archive.open(archive, ["train"]))
    model, processor = assemble(build_encoder(config), build_language(config, pool))
    add_adapter(model, LoraSettings(rank=2))
    learner = Learner(model, phase, teaches_encoder=True)
    assert set(learner.groups()) == learned
    before = {name: value.clone() for name, value in model.state_dict().items()}
    dataset = StepDataset(pool, processor, Share(2), phase, max_length=400, seed=0)
    optimizer = torch.optim.SGD([p for p in learner.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):  # LoRA's first factor stands still until its second has moved
        learner(dataset[0]).backward()
        optimizer.step()
    names = {name for name, _ in learner.vlm.named_parameters() if _.requires_grad}
    for name, value in model.state_dict().items():
        if name not in names and "vision_tower" not in name:
            assert torch.equal(value, before[name]), name
    changed = [n for n in names if not torch.equal(model.state_dict()[n], before[n])]
    assert len(changed) > 0.5 * len(names)


def test_packed_and_single_conversations_have_one_loss(archive: Path, tmp_path: Path) -> None:
    config = tiny_training(tmp_path, archive)
    pool = LessonPool(Archive.open(archive, ["train"]))
    model, processor = assemble(build_encoder(config), build_language(config, pool))
    dataset = StepDataset(pool, processor, Share(4), "projector", max_length=400, seed=0)
    learner = Learner(model, "projector", teaches_encoder=False)
    examples = [dataset.example(0, place) for place in range(4)]
    together = learner(pack(examples, 2000, 0))
    apart = sum(learner(pack([example], 2000, 0)) for example in examples)
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-4)
    # the loss of the model itself, unpacked and padded, is the same sum
    model.train(False)
    whole = model(**processor.collate(examples), num_items_in_batch=1).loss
    torch.testing.assert_close(together, whole, rtol=1e-4, atol=1e-3)


def test_words_alone_hold_no_image(archive: Path, tmp_path: Path) -> None:
    config = tiny_training(tmp_path, archive)
    pool = LessonPool(Archive.open(archive, ["train"]))
    _model, processor = assemble(build_encoder(config), build_language(config, pool))
    batch = StepDataset(pool, processor, Share(4), "words", max_length=400, seed=0)[0]
    assert batch.pixel_values is None
    assert not (batch.input_ids == processor.image_token_id).any()


def test_two_processes_learn_what_one_learns(archive: Path, tmp_path: Path) -> None:
    config = tiny_training(tmp_path, archive)
    pool = LessonPool(Archive.open(archive, ["train"]))
    _, processor = assemble(build_encoder(config), build_language(config, pool))

    def examples(share: Share) -> list[tuple[int, ...]]:
        dataset = StepDataset(pool, processor, share, "projector", max_length=400, seed=0)
        places = [p for part in range(share.parts) for p in dataset._places(part)]
        return [dataset.example(3, place).input_ids for place in places]

    halves = [examples(Share(4, 1, 2, rank)) for rank in range(2)]
    assert halves[0] + halves[1] == examples(Share(4))


def test_quantising_without_bitsandbytes_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bitsandbytes"):
        tiny_training(tmp_path, archive, quantise="true")
