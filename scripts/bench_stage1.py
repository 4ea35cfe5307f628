"""Stage 1's step against a straightforward one of the same objective: same weights, same batches.

    python scripts/bench_stage1.py [--device cuda --name vit_base_patch14_reg4_dinov2 --batch 32]

Straightforward: one forward per crop, heads on all patches of which the hidden ones are then
selected, stochastic depth that multiplies rows by zero, a loop over pairs of views. Both variants
have their own processes, by turns; without stochastic depth they have to give the same loss.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, product

import torch
from timm.layers.drop import DropPath
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pretrain.networks.vit import RowDropBlock, Vit, VitSettings, build_vit
from pretrain.objectives.dinov2 import SelfDistillation, SelfDistillationSettings
from pretrain.objectives.self_supervised_losses import cross_entropy_to, koleo, patch_distillation
from pretrain.views.augmentations import ViewSettings
from pretrain.views.batches import CropBatch
from pretrain.views.crop_loader import CropDataset, Feed
from pretrain.views.patch_masks import MaskSettings
from pretrain.views.tissue_maps import TissueSettings, find_tissue
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Share, StepSampler
from versamammo.phantoms.default_phantoms import PhantomArchive, phantom_archive

TEMPERATURE = 0.05
TURNS = 2


@dataclass(frozen=True)
class Case:
    """What is measured."""

    name: str
    batch: int
    prototypes: int
    drop_path: float
    steps: int
    threads: int
    device: str
    compile: bool
    straightforward: bool = False


@dataclass(frozen=True)
class Measured:
    """What one process found: seconds of each step, share of waiting, bytes, FLOP of a step."""

    seconds: list[float]
    waiting: float
    memory: int
    flop: int
    loss: float


def straightforward(objective: SelfDistillation, batch: CropBatch) -> Tensor:
    """Compute the objective as one would write it down first."""
    images, settings = batch.images, objective.settings
    student, teacher = objective.student, objective.teacher
    masks = batch.hidden.masks.split(images)
    crops = batch.overview.split(images)
    with torch.no_grad():
        taught = [teacher.vit(crop) for crop in crops]
        scores = torch.cat([teacher.image_head(tokens.cls) for tokens in taught])
        patches = torch.cat([_patch_scores(teacher, t.patches) for t in taught])
        targets = objective.image_targets(scores, TEMPERATURE).split(images)
        patch_targets = objective.patch_targets(patches[batch.hidden.places], TEMPERATURE)
    seen = [student.vit(crop, mask) for crop, mask in zip(crops, masks, strict=True)]
    near = [student.vit(crop) for crop in batch.detail.split(images)]
    views = [student.image_head(tokens.cls) for tokens in (*seen, *near)]
    drawn = torch.cat([_patch_scores(student, tokens.patches) for tokens in seen])
    pairs = [
        cross_entropy_to(targets[t], views[v] / settings.student_temperature).mean()
        for t, v in product(range(len(targets)), range(len(views)))
        if t != v
    ]
    patch = patch_distillation(
        drawn[batch.hidden.places], patch_targets, batch.hidden.weights, len(batch.overview),
        settings.student_temperature,
    )  # fmt: skip
    spread = torch.stack([koleo(tokens.cls) for tokens in seen]).sum()
    return torch.stack(pairs).mean() + patch + settings.koleo_weight * spread


def _patch_scores(network: torch.nn.Module, patches: Tensor) -> Tensor:
    scores: Tensor = network.patch_head(patches).flatten(0, 1)  # type: ignore[operator]
    return scores


def zero_rows_instead(vit: Vit, rate: float) -> None:
    """Use in each branch timm's ordinary stochastic depth, which computes what it then drops."""
    for block in vit.modules():
        if isinstance(block, RowDropBlock):
            block.skip_rate = 0.0
            for layer_scale in (block.ls1, block.ls2):
                layer_scale.register_forward_hook(_Zeroing(rate))


class _Zeroing:
    def __init__(self, rate: float) -> None:
        self.drop = DropPath(rate)

    def __call__(self, module: torch.nn.Module, given: tuple[Tensor, ...], out: Tensor) -> Tensor:
        dropped: Tensor = self.drop(out) if module.training else out
        return dropped


def build(case: Case) -> SelfDistillation:
    """Build the objective, in either manner, from the same random numbers."""
    torch.manual_seed(0)
    size = ViewSettings().overview.size
    vit = build_vit(VitSettings(case.name, size, drop_path=case.drop_path))
    objective = SelfDistillation(vit, SelfDistillationSettings(prototypes=case.prototypes))
    if case.straightforward and case.drop_path:
        zero_rows_instead(objective.student.vit, case.drop_path)
    return objective.to(case.device)


def feed_of(case: Case) -> Feed:
    """Feed both from the same phantoms, by one worker."""
    archive = Archive.open(phantom_archive(PhantomArchive(exams=80, size=(384, 256))), ["train"])
    tissue = find_tissue(archive, TissueSettings())
    data = CropDataset(archive, tissue, ViewSettings(), MaskSettings(), patch=14, seed=0)
    sampler = StepSampler(len(archive), Share(case.batch), range(case.steps + 2), 0)
    workers = 12 if case.device == "cuda" else 1
    return Feed(data, sampler, torch.device(case.device), workers)


def measure(case: Case) -> Measured:
    """Take two steps to warm up, of which one counts operations, then time the rest."""
    torch.set_num_threads(case.threads)
    objective, gpu = build(case), case.device == "cuda"
    if case.compile:
        for block in (m for m in objective.modules() if isinstance(m, RowDropBlock)):
            block.compile()
    optimizer = torch.optim.AdamW(objective.parameter_groups(1.0, 1.0), lr=1e-5, fused=True)
    feed = feed_of(case)
    seconds, losses, flop = [], [], 0
    for number, batch in enumerate(feed):
        if number == 2:
            feed.waited = 0.0
        if number == 0 and not case.compile:
            with FlopCounterMode(display=False) as counter:
                losses.append(_step(objective, optimizer, batch, case))
            flop = counter.get_total_flops()
        else:
            losses.append(_step(objective, optimizer, batch, case))
        if gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter())
    times = [later - earlier for earlier, later in pairwise(seconds[1:])]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    memory = torch.cuda.max_memory_allocated() if gpu else peak
    return Measured(times, feed.waited / sum(times), memory, flop, float(losses[0]))


def _step(
    objective: SelfDistillation, optimizer: torch.optim.Optimizer, batch: CropBatch, case: Case
) -> Tensor:
    with torch.autocast(case.device, torch.bfloat16, enabled=case.device == "cuda"):
        loss = (
            straightforward(objective, batch)
            if case.straightforward
            else objective(batch, TEMPERATURE).total
        )
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(objective.parameters(), 3.0)
    optimizer.step()
    objective.update_teacher(0.99)
    return loss.detach()


def apart(case: Case) -> Measured:
    """Measure in a fresh process, whose peak memory is its own."""
    # not a Pool, whose processes may not start a loader's workers
    with ProcessPoolExecutor(1, mp_context=mp.get_context("spawn")) as pool:
        return pool.submit(measure, case).result()


def report(case: Case, peak_tflops: float) -> None:
    """Print both variants and their ratio."""
    print(case)
    kinds = {"ours": False, "straightforward": True}
    for drop_path in (0.0, case.drop_path):
        steps = 1 if drop_path == 0 else case.steps
        found: dict[str, list[Measured]] = {name: [] for name in kinds}
        for _ in range(1 if drop_path == 0 else TURNS):
            for name, plain in kinds.items():
                changes = {"drop_path": drop_path, "steps": steps, "straightforward": plain}
                found[name].append(apart(Case(**{**vars(case), **changes})))
        if drop_path == 0:
            print("same loss:", *(f"{name} {one[0].loss:.6f}" for name, one in found.items()))
            continue
        step = {name: _median(turns) for name, turns in found.items()}
        for name, turns in found.items():
            line = f"{name}: {step[name]:.2f} s/step of {case.steps * TURNS} steps, "
            line += (
                f"{case.batch / step[name]:.2f} images/s, {turns[0].flop / 1e9:.0f} GFLOP/step, "
            )
            line += f"waiting for data {max(one.waiting for one in turns):.1%}, "
            line += f"peak {max(one.memory for one in turns) / 2**30:.2f} GiB"
            if peak_tflops:
                line += f", MFU {turns[0].flop / step[name] / peak_tflops / 1e12:.1%}"
            print(line)
        print(f"straightforward / ours: {step['straightforward'] / step['ours']:.2f}")


def _median(turns: list[Measured]) -> float:
    times = sorted(seconds for turn in turns for seconds in turn.seconds)
    return times[len(times) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="vit_small_patch14_reg4_dinov2")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--prototypes", type=int, default=8192)
    parser.add_argument("--drop_path", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=3, help="of each turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--peak_tflops", type=float, default=0.0, help="of the GPU in bf16")
    given = vars(parser.parse_args())
    peak = given.pop("peak_tflops")
    report(Case(**given), peak)


if __name__ == "__main__":
    main()
