"""One step of stage 2 against the shape of the published one: images per second, peak memory.

    python scripts/bench_stage2.py --backbone efficientnet_b5 --size 512 512 --batch 2

Same student, size and batch, float32 on this CPU, made-up images, no loading. *Published*: two
identical passes of the fine view in the usual order of memory, its objective, Adam, teacher
features stored beforehand. *Ours*: one pass of the fine view and one of a coarse view of half its
sides, channels last, all terms, the running mean, and a teacher that looks at the same view; then
the same with whole blocks recomputed. Every way runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch

from pretrain.networks.frozen_teacher import FrozenTeacher
from pretrain.objectives.as_published import PublishedHeads, published_loss
from pretrain.objectives.supervised_losses import Frequencies
from pretrain.settings.stage2_config import Stage2, StudentSettings
from pretrain.student.student import LabelStatistics, Student, tissue_cell
from pretrain.views.whole_breast import WholeSettings
from pretrain.views.whole_breast_loader import WholeBatch
from versamammo.data.allocation import keep_memory
from versamammo.data.attributes import ATTRIBUTES
from versamammo.data.labels import FINDINGS
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel

WAYS = ("published", "ours", "ours, recomputing")
KNOWN = ("density", "birads", "pathology", "mass", "calcification", "view")
TEACHER = {"depth": 4, "embed_dim": 128, "num_heads": 4, "init_values": 1.0, "img_size": [168, 84]}
Step = Callable[[], object]


def known() -> LabelStatistics:
    """Make up what labels are known: six attributes with even classes, two kinds of findings."""
    even = [
        Frequencies(name, np.full(k, 1 / k), 100)
        for name in KNOWN
        for k in [len(ATTRIBUTES[name].classes)]
    ]
    return LabelStatistics(even, ("mass", "calcification"), np.array([0.01, 0.01]))


def classes(batch: int) -> torch.Tensor:
    """Make up a class of every attribute, [B, A]."""
    return torch.stack(
        [torch.arange(batch) % len(one.classes) for one in ATTRIBUTES.values()], dim=1
    )


def published_step(given: argparse.Namespace) -> Step:
    """Build the published step."""
    # timm's own parts in the usual order of memory, not those that `build_backbone` makes lean
    network = timm.create_model(given.backbone, in_chans=1, num_classes=0).train()
    heads = PublishedHeads(network.num_features)
    weights = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-4)
    images, truth = torch.randn(given.batch, 1, *given.size), classes(given.batch)
    teacher = torch.randn(given.batch, 768)

    def step() -> None:
        first, second = network(images), network(images.clone())
        total, _ = published_loss(heads, first, second, teacher, truth)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return step


def our_step(given: argparse.Namespace, recompute: bool) -> Step:
    """Build our step, with a teacher such as stage 1 trains on phantoms."""
    keep_memory()  # as `Run` does
    size = tuple(given.size)
    low = (size[0] // 2, size[1] // 2)
    config = Stage2(
        student=StudentSettings(given.backbone, checkpointing=recompute),
        views=WholeSettings(size=size, low=low),
    )
    taught = VersaMammoModel(
        VersaMammoConfig(backbone="vit_small_patch14_reg4_dinov2", backbone_args=TEACHER)
    )
    fine = torch.randn(given.batch, 1, *size)
    guide = FrozenTeacher(taught, config.views.contract, fine)
    student = Student(config, known(), guide.width)
    optimizer = torch.optim.AdamW(student.parameter_groups(), lr=1e-4)
    cell = tissue_cell(student.encoder)
    grid = (-(-size[0] // cell), -(-size[1] // cell))
    batch = WholeBatch(
        fine, torch.randn(given.batch, 1, *low), torch.ones(given.batch, *grid),
        torch.zeros(given.batch, len(FINDINGS), *grid),
        torch.ones(given.batch, len(FINDINGS)).bool(), torch.zeros(given.batch, 2, *grid),
        classes(given.batch), *windows(given.batch),
    )  # fmt: skip

    def step() -> None:
        outcome = student(batch, guide(batch.high))
        optimizer.zero_grad()
        outcome.total.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 3.0)
        optimizer.step()
        student.update_mean(0.99)

    return step


def windows(batch: int) -> tuple[torch.Tensor, ...]:
    """Make up two close-ups for each image: images, cover, placed, grades."""
    side, kinds = WholeSettings().close_size, len(FINDINGS)
    return (
        torch.randn(batch, 2, 1, side, side),
        torch.zeros(batch, 2, kinds, side // 8, side // 8),
        torch.ones(batch, 2, kinds).bool(),
        torch.zeros(batch, 2, 2, side // 8, side // 8),
    )


def measure(given: argparse.Namespace) -> None:
    """Run one way and print its figures as JSON."""
    torch.manual_seed(0)
    before = peak_bytes()
    if given.way == "published":
        step = published_step(given)
    else:
        step = our_step(given, recompute=given.way != "ours")
    step()  # the first allocates the optimiser's moments
    seconds = []
    for _ in range(given.times):
        began = clock()
        step()
        seconds.append(clock() - began)
    print(json.dumps({"seconds": min(seconds), "bytes": peak_bytes() - before}))


def clock() -> float:
    """Return seconds: of the processor with one thread, so that others' work does not count."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def peak_bytes() -> int:
    """Return the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="efficientnet_b5")
    parser.add_argument("--size", type=int, nargs=2, default=(512, 512))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--way", choices=WAYS, help="one alone, in this process")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.way:
        measure(given)
        return
    print(
        f"{given.backbone} at {given.size[0]} x {given.size[1]}, batch {given.batch}, "
        f"{given.threads} thread(s), best of {given.times} steps\n"
        "\n| step | images per second | of published | peak GB | of published |\n"
        "|---|---|---|---|---|"
    )
    first: dict[str, float] = {}
    for way in WAYS:
        command = [sys.executable, str(Path(__file__)), *sys.argv[1:], "--way", way]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        first = first or found
        rate, memory = given.batch / found["seconds"], found["bytes"] / 1e9
        print(
            f"| {way} | {rate:.3f} | {first['seconds'] / found['seconds']:.2f} | {memory:.2f} "
            f"| {found['bytes'] / first['bytes']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
