"""Two processes with half the batch each do what one does with the whole: real DDP over gloo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from pretrain.monitoring.collapse_detection import PrototypeTally
from pretrain.objectives.centering import CenteredTargets, sinkhorn_knopp
from pretrain.objectives.contrastive_mim import ContrastiveMim
from pretrain.objectives.dinov2 import SelfDistillation
from pretrain.objectives.registry import Objective
from pretrain.views.batches import CropBatch
from pretrain.views.patch_masks import MaskedPatches
from tests.pretrain.tiny import CONTRASTIVE, DINOV2, build_tiny, random_batch

Results = dict[str, Tensor]


OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "sinkhorn": lambda: SelfDistillation(build_tiny(), replace(DINOV2, centering="sinkhorn")),
    "softmax": lambda: SelfDistillation(build_tiny(), replace(DINOV2, separate_patch_head=False)),
    "contrastive": lambda: ContrastiveMim(build_tiny(), CONTRASTIVE),
    "contrastive with measures": lambda: ContrastiveMim(
        build_tiny(), replace(CONTRASTIVE, seen_weight=0.5, measure_weight=4.0)
    ),
}


def _batch(name: str, images: slice = slice(None)) -> CropBatch:
    """Take some of four images, in float64."""
    batch = random_batch(images=4, details=0 if name.startswith("contrastive") else 2)

    def part(crops: Tensor) -> Tensor:
        return crops.reshape(-1, 4, *crops.shape[1:])[:, images].flatten(0, 1)

    masks = part(batch.hidden.masks)
    flat = masks.flatten(1)
    weights = (1 / flat.sum(1).clamp(min=1).double())[flat.nonzero()[:, 0]]
    hidden = MaskedPatches(masks, flat.flatten().nonzero()[:, 0], weights)
    overview, detail = part(batch.overview.double()), part(batch.detail.double())
    return CropBatch(overview, detail, hidden, batch.index[images])


def _train(objective: Objective, callable_: nn.Module, batch: CropBatch) -> Results:
    """Take two steps, so that the centre and the teacher of the first matter in the second."""
    optimizer = torch.optim.SGD(objective.parameter_groups(1.0, 1.0), lr=0.1)
    found: Results = {}
    for step in range(2):
        outcome = callable_(batch, 0.05)
        optimizer.zero_grad()
        outcome.total.backward()
        optimizer.step()
        objective.update_teacher(0.5)
        found |= {f"{step} {name}": loss for name, loss in outcome.losses.items()}
    found |= {f"weight {name}": value for name, value in objective.state_dict().items()}
    return found


def _train_sharded(batch: CropBatch) -> Results:
    """Take the same two steps with every parameter divided between the processes (FSDP2)."""
    objective = OBJECTIVES["sinkhorn"]().double()
    for network in (objective.student, objective.teacher):
        for part in (*network.vit.backbone.blocks, network.image_head, network.patch_head):
            fully_shard(part)
    fully_shard(objective)
    found = _train(objective, objective, batch)
    return {
        name: value.full_tensor() if isinstance(value, DTensor) else value
        for name, value in found.items()
    }


def _pieces(rows: slice) -> Results:
    """Measure what is summed over processes directly, with unequal numbers of rows."""
    scores = torch.randn(9, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    centered = CenteredTargets(6).double()
    centered(scores[rows], 0.05)
    tally = PrototypeTally(6)
    tally.add(scores[rows].softmax(1))
    return {
        "targets": sinkhorn_knopp(scores[rows], 0.3),
        "center": centered.center,
        "information": torch.tensor(tally.read().information),
    }


def _work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    meet = f"file://{folder}/meet"
    dist.init_process_group(
        "gloo", init_method=meet, rank=rank, world_size=2, timeout=timedelta(minutes=5)
    )
    try:
        found = {"pieces": _pieces(slice(0, 7) if rank == 0 else slice(7, 9))}
        for name, build in OBJECTIVES.items():
            objective = build().double()
            batch = _batch(name, slice(2 * rank, 2 * rank + 2))
            found[name] = _train(objective, DistributedDataParallel(objective), batch)
        found["sharded"] = _train_sharded(_batch("sinkhorn", slice(2 * rank, 2 * rank + 2)))
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Results]]:
    folder: Path = tmp_path_factory.mktemp("processes")
    # this process is one of the two, so that only the other has to import torch and timm
    other = mp.get_context("spawn").Process(target=_work, args=(1, str(folder)), daemon=True)
    other.start()
    _work(0, str(folder))
    other.join(60)
    assert other.exitcode == 0
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("name", [*OBJECTIVES, "sharded"])
def test_two_processes_train_as_one_does(together: list[dict[str, Results]], name: str) -> None:
    objective = OBJECTIVES.get(name, OBJECTIVES["sinkhorn"])().double()
    alone = _train(objective, objective, _batch(name))

    first, second = (result[name] for result in together)
    assert first.keys() == alone.keys()
    for what, expected in alone.items():
        if what.startswith("weight"):
            assert torch.equal(first[what], second[what]), what
        found = (first[what] + second[what]) / 2  # each reports the mean over its own rows
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6, msg=what)


def test_sums_over_processes_take_unequal_shares(together: list[dict[str, Results]]) -> None:
    alone = _pieces(slice(None))
    first, second = (result["pieces"] for result in together)

    torch.testing.assert_close(torch.cat([first["targets"], second["targets"]]), alone["targets"])
    for result in (first, second):
        torch.testing.assert_close(result["center"], alone["center"])
        torch.testing.assert_close(result["information"], alone["information"])
