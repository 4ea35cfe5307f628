"""Ten visitors at once for two minutes: failures, mixed answers, latency and memory of the server.

Each visitor has an exam of its own size, asks for it again and again, and checks that the answer
speaks of its own picture. Run `versamammo chat` first; give its process id for the memory.

    python scripts/bench_chat.py http://127.0.0.1:7860 --pid PID [--users 10] [--seconds 120]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

QUESTION = "How large is the breast in each picture?"


@dataclass
class Tally:
    """What all visitors saw."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    mixed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def make_picture(folder: Path, number: int) -> tuple[Path, str]:
    """Draw a half disc of the visitor's own size; gives it and what to expect."""
    rows, columns = 1600 + 8 * number, 1200 + 8 * number
    y, x = np.ogrid[:rows, :columns]
    away = ((y - rows / 2) / (0.42 * rows)) ** 2 + (x / (0.7 * columns)) ** 2
    noise = np.random.default_rng(number).normal(0, 400, (rows, columns))
    tissue = 12000 + 30000 * (1 - away) * (1 + 0.3 * np.sin(x / 90) * np.sin(y / 70))
    levels = np.where(away < 1, tissue + noise, 900 + noise / 4).clip(0, 65535).astype(np.uint16)
    path = folder / f"visitor{number}.png"
    Image.fromarray(levels).save(path)
    return path, f"{columns} x {rows} pixels"


def visit(client: Client, path: Path, expected: str, until: float, tally: Tally) -> None:
    """Ask until time is up."""
    while time.monotonic() < until:
        start = time.monotonic()
        try:
            told = client.predict([handle_file(str(path))], QUESTION, api_name="/ask")
        except Exception as error:
            # whatever went wrong is what this script is here to count
            with tally.lock:
                tally.failed.append(f"{type(error).__name__}: {error}")
            continue
        with tally.lock:
            tally.seconds.append(time.monotonic() - start)
            tally.mixed += expected not in told["answer"]


def main() -> None:
    """Run the visitors and print what they saw."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("url")
    made.add_argument("--pid", type=int, default=None)
    made.add_argument("--users", type=int, default=10)
    made.add_argument("--seconds", type=float, default=120)
    args = made.parse_args()
    tally = Tally()
    server = psutil.Process(args.pid) if args.pid else None
    before = most = server.memory_info().rss if server else 0
    with tempfile.TemporaryDirectory() as folder:
        pictures = [make_picture(Path(folder), number) for number in range(args.users)]
        # each a session of its own, opened before the clock starts
        clients = [Client(args.url, verbose=False) for _ in pictures]
        until = time.monotonic() + args.seconds
        threads = [
            threading.Thread(target=visit, args=(client, path, expected, until, tally))
            for client, (path, expected) in zip(clients, pictures, strict=True)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5)
            if server:
                most = max(most, server.memory_info().rss)
    spread = statistics.quantiles(tally.seconds, n=20) if len(tally.seconds) > 1 else [0.0] * 19
    print(f"{len(tally.seconds)} answers to {args.users} visitors in {args.seconds:.0f} s")
    print(f"failed {len(tally.failed)} {sorted(set(tally.failed))[:3]}, mixed {tally.mixed}")
    print(
        f"seconds from sending the picture to the answer: p50 {spread[9]:.2f}, p95 {spread[18]:.2f}"
    )
    print(f"server's memory: {before / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
