"""Ten visitors at once for two minutes: failures, mixed answers, latency and memory of the server.

Each visitor has a picture of its own, opens it and asks about it again and again, as one does on
the page. Before the crowd comes, each asks alone; an answer that differs from that one is another
visitor's, or depends on who else is there: both are counted as mixed. The crowd drops its pictures
all at once. Start `versamammo chat` first and give its process id.

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

# by measurement, by option likelihood, in free words where the model was trained for them
QUESTIONS = (
    "How large is the breast in each picture?",
    "Is there a mass?",
    "Which BI-RADS category fits?",
    "Describe the pictures.",
)


@dataclass
class Tally:
    """What all visitors saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {q: [] for q in QUESTIONS})
    opened: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    mixed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def make_picture(folder: Path, number: int) -> Path:
    """Draw a half disc of the visitor's own size and texture."""
    rows, columns = 1600 + 8 * number, 1200 + 8 * number
    y, x = np.ogrid[:rows, :columns]
    away = ((y - rows / 2) / (0.42 * rows)) ** 2 + (x / (0.7 * columns)) ** 2
    noise = np.random.default_rng(number).normal(0, 400, (rows, columns))
    ripple = 1 + 0.3 * np.sin(x / (60 + 12 * number)) * np.sin(y / 70)
    tissue = 12000 + 3000 * number + 30000 * (1 - away) * ripple
    levels = np.where(away < 1, tissue + noise, 900 + noise / 4).clip(0, 65535).astype(np.uint16)
    path = folder / f"visitor{number}.png"
    Image.fromarray(levels).save(path)
    return path


def ask(client: Client, exam: str, question: str) -> tuple[str, float]:
    """Ask about an open exam.

    Returns all of the answer that may depend on the picture, and when its first words came.
    """
    start = time.monotonic()
    first, told = 0.0, None
    for piece in client.submit(question=question, exam=exam, api_name="/ask"):
        first, told = first or time.monotonic() - start, piece
    if told is None:
        raise RuntimeError("no answer")
    return f"{told['answer']} {told['confidence']} {told['evidence']}", first


def open_exam(client: Client, path: Path) -> str:
    """Drop a picture; returns the way to it."""
    return str(client.predict(files=[handle_file(str(path))], api_name="/open")["exam"])


def ask_alone(client: Client, path: Path) -> dict[str, str]:
    """Return the answers to all questions while nobody else is there."""
    exam = open_exam(client, path)
    told = {question: ask(client, exam, question)[0] for question in QUESTIONS}
    client.predict(exam, api_name="/close")
    return told


def visit(client: Client, path: Path, alone: dict[str, str], until: float, tally: Tally) -> None:
    """Drop the picture, and ask until time is up."""
    turn, exam = 0, ""
    while time.monotonic() < until:
        question = QUESTIONS[turn % len(QUESTIONS)]
        start = time.monotonic()
        try:
            if not exam:
                exam = open_exam(client, path)
                with tally.lock:
                    tally.opened.append(time.monotonic() - start)
                continue
            told, first = ask(client, exam, question)
        except Exception as error:
            # whatever went wrong is what this script is here to count
            with tally.lock:
                tally.failed.append(f"{type(error).__name__}: {error}")
            continue
        turn += 1
        with tally.lock:
            tally.seconds[question].append(time.monotonic() - start)
            tally.first.append(first)
            tally.mixed += told != alone[question]


def quantiles(seconds: list[float]) -> str:
    """Return n, p50 and p95."""
    if len(seconds) < 2:
        return f"n {len(seconds)}"
    spread = statistics.quantiles(seconds, n=20, method="inclusive")
    return f"n {len(seconds)}, p50 {spread[9]:.2f} s, p95 {spread[18]:.2f} s"


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
    with tempfile.TemporaryDirectory() as folder:
        pictures = [make_picture(Path(folder), number) for number in range(args.users)]
        # each a session of its own
        clients = [Client(args.url, verbose=False) for _ in pictures]
        alone = [ask_alone(*one) for one in zip(clients, pictures, strict=True)]
        different = {question: len({told[question] for told in alone}) for question in QUESTIONS}
        before = most = server.memory_info().rss if server else 0
        until = time.monotonic() + args.seconds
        threads = [
            threading.Thread(target=visit, args=(client, path, told, until, tally))
            for client, path, told in zip(clients, pictures, alone, strict=True)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5)
            if server:
                most = max(most, server.memory_info().rss)
    everything = [one for seconds in tally.seconds.values() for one in seconds]
    print(f"{len(everything)} answers to {args.users} visitors in {args.seconds:.0f} s")
    print(f"failed {len(tally.failed)} {sorted(set(tally.failed))[:3]}, mixed {tally.mixed}")
    print(f"from dropping the picture to its being looked at: {quantiles(tally.opened)}")
    print(f"from the question to the first words: {quantiles(tally.first)}")
    print(f"from the question to the whole answer: {quantiles(everything)}")
    for question, seconds in tally.seconds.items():
        print(f"  {question} {quantiles(seconds)}; {different[question]} different answers alone")
    print(f"server's memory: {before / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
