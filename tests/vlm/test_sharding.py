"""FSDP2 on two CPU processes: weights are divided, and what is learned and saved is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file

from tests.vlm.archives import write_archive
from tests.vlm.conftest import QUESTIONS, tiny
from tests.vlm.test_launched import launch
from versamammo.errors import InputError
from vlm.adapter import LoraSettings, add_adapter
from vlm.generation import answer
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import pack
from vlm.sharding import answering, check_launch, sharded_copy, take_back


@pytest.mark.slow
def test_two_processes_that_share_the_weights_end_where_one_ends(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "prepared", patients=3)
    one = launch(tmp_path / "one", archive, 1)
    two = launch(tmp_path / "two", archive, 2, "--shard=true")
    for phase in ("1_words", "2_projector", "3_adapter"):
        losses = [
            [json.loads(line)["loss"] for line in (run / phase / "metrics.jsonl").open()]
            for run in (one, two)
        ]
        assert losses[0] == pytest.approx(losses[1], abs=1e-4), phase
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        weights = [load_file(run / "model" / file) for run in (one, two)]
        assert weights[0].keys() == weights[1].keys()
        for name, tensor in weights[0].items():
            torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=1e-3)
    checkpoint = two / "3_adapter" / "checkpoints" / "step_00000004" / "model.safetensors"
    assert any("lora_A" in name for name in load_file(checkpoint))


def _learn(rank: int, folder: str) -> None:
    """Take steps with shared weights and with whole ones, asked in between; compare."""
    torch.set_num_threads(1)
    meet = f"file://{folder}/meet"
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=2)
    model, processor = tiny()
    add_adapter(model, LoraSettings(rank=4, dropout=0.0))
    whole = Learner(model, "adapter", teaches_encoder=False)
    sharded = sharded_copy(whole, torch.device("cpu"))
    rows = [processor.example(q, "Yes, a mass.") for q in QUESTIONS]
    batch = pack(rows, 2000, processor.tokenizer.pad_token_id)
    losses: list[list[float]] = []
    for learner in (sharded, whole):
        due = [p for p in learner.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(due, lr=3e-3)
        losses.append([])
        for _ in range(4):
            loss = learner(batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses[-1].append(float(loss.detach()))
            with answering(learner) as asked:
                asked.train(False)
                said = answer(asked, processor, QUESTIONS, most_words=4)
                asked.train(True)
        if learner is sharded:
            told = said
            shares = [p.to_local().numel() / p.numel() for p in due if p.numel() > 100]
            untouched = Learner(tiny_with_adapter(), "adapter", teaches_encoder=False)
            take_back(untouched, sharded)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[1][-1] < 0.9 * losses[1][0]
    assert told == said
    assert max(shares) < 0.6
    own = whole.state_dict()
    for name, tensor in untouched.state_dict().items():
        torch.testing.assert_close(tensor, own[name], rtol=0, atol=1e-4)
    Path(folder, f"done_{rank}").touch()
    dist.destroy_process_group()


def tiny_with_adapter() -> VersaMammoForImageTextToText:
    model, _ = tiny()
    add_adapter(model, LoraSettings(rank=4, dropout=0.0))
    return model


@pytest.mark.slow
def test_shared_weights_learn_as_whole_ones_do_and_are_asked_in_between(tmp_path: Path) -> None:
    mp.spawn(_learn, (str(tmp_path),), nprocs=2)
    assert {file.name for file in tmp_path.iterdir()} >= {"done_0", "done_1"}


def test_accelerates_own_fsdp_and_a_lonely_process_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match="`--num_processes` of 2 or more"):
        check_launch(True, 1)
    check_launch(False, 1)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="start without --use_fsdp"):
        check_launch(False, 2)
