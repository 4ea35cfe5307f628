"""Whoever types what README and docs print gets what they promise: every fence runs, in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.journeys.command_rules import PLACED, RULES, TINY, Rule
from tests.journeys.documents import (
    PYTHON,
    ROOT,
    SHELL,
    SHOWN_ONLY,
    Block,
    Shell,
    blocks_of,
    documents,
    indented_commands,
    words_of,
)

ADDRESS = "127.0.0.1:7860"
CLONE = "git clone <this repository> && cd versamammo"
TYPED = [one for one in documents() if any(b.language != "json" for b in blocks_of(one))]


def commands_of(document: str) -> Iterator[str]:
    for block in blocks_of(document):
        if block.language not in SHOWN_ONLY:
            yield from block.commands


@pytest.mark.parametrize("document", documents())
def test_every_block_says_what_it_is(document: str) -> None:
    for block in blocks_of(document):
        where = f"{block.document}:{block.line} has the language {block.language!r}"
        assert block.language in (*SHELL, *PYTHON, *SHOWN_ONLY), where
    assert indented_commands(document) == [], "a command stands in a fence, where it is tried"


def test_no_entry_of_the_tables_is_stale() -> None:
    for document, command in RULES:
        assert command in commands_of(document), f"{document} no longer prints: {command}"
    for document, names in PLACED.items():
        missing = names.keys() - words_of(commands_of(document))
        assert not missing, f"{document} no longer speaks of {missing}"


def test_setup_and_demo_say_how_the_commands_are_found() -> None:
    for word in ("setup", "demo"):
        planned = subprocess.run(
            ["make", "-n", word], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert "source .venv/bin/activate" in planned.stdout
    readme = list(commands_of("README.md"))
    activated = readme.index("source .venv/bin/activate")
    assert not [line for line in readme[:activated] if line.startswith(("versamammo", "accel"))]


def outputs() -> dict[Path, str]:
    """The folder that each configuration of a training writes to."""
    found = [*ROOT.glob("configs/pretrain/*.yaml"), *ROOT.glob("configs/vlm/*.yaml")]
    return {one: yaml.safe_load(one.read_text())["run"]["output"] for one in found}


def test_every_configuration_writes_to_a_folder_of_its_own_name() -> None:
    assert outputs()
    for config, output in outputs().items():
        prefix = "vlm_" if config.parent.name == "vlm" else ""
        assert output == f"runs/{prefix}{config.stem}", config


def test_every_run_folder_that_is_named_is_one_that_something_writes() -> None:
    from pretrain.settings.stage1_config import Stage1
    from pretrain.settings.stage2_config import Stage2
    from vlm.training_config import VlmTraining

    without_a_config = {str(made().run.output) for made in (Stage1, Stage2, VlmTraining)}
    written = {*outputs().values(), *without_a_config}
    texts = [ROOT / name for name in documents()] + list(ROOT.glob("configs/**/*.yaml"))
    assert texts
    for path in texts:
        text = path.read_text()
        said = set(re.findall(r"(?:--out |--run\.output |\b(?:out|result): )(runs/[\w.]+)", text))
        named = set(re.findall(r"runs/\w[\w.]*", text))
        assert {one.rstrip(".") for one in named} <= written | said, path


class Assets:
    """Tiny phantoms, and what is made of them, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self.made:
            makers: dict[str, Callable[[], Path]] = {
                "archive": lambda: self._phantoms("archive", "--exams", "16", "--height", "384"),
                "scan": lambda: sorted((self["archive"] / "images").rglob("*.dcm"))[0],
                "vindr": lambda: self._twin("vindr-mammo"),
                "cbis": lambda: self._twin("cbis-ddsm"),
                "prepared": lambda: self._prepared("prepared", str(self["archive"])),
                "bench data": lambda: (
                    self._prepared(
                        "archives/vindr-mammo", "vindr-mammo", "--root", str(self["vindr"])
                    ).parent
                ),
                "student": lambda: self._encoder("student"),
                "model": lambda: ROOT / "models" / "demo",
                "rival": lambda: self._encoder("rival"),
                "bench": self._bench,
                "answers": self._answers,
            }
            self.made[name] = makers[name]()
        return self.made[name]

    def _verb(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _phantoms(self, name: str, *options: str) -> Path:
        self._verb("phantom", str(self.folder / name), *options)
        return self.folder / name

    def _twin(self, layout: str) -> Path:
        return self._phantoms(
            layout, "--layout", layout, "--exams", "24", "--height", "256", "--lesion_rate", "0.8"
        )

    def _prepared(self, name: str, *source: str) -> Path:
        out = self.folder / name
        self._verb("prepare", *source, "--out", str(out), "--size", "128,96")
        return out

    def _encoder(self, name: str) -> Path:
        from tests.benchmark.made_up_archives import small_encoder

        return small_encoder(self.folder / name)

    def _bench(self) -> Path:
        out = self.folder / "bench.json"
        self._verb("questions", str(self["prepared"]), "--out", str(out), "--per-answer", "2")
        return out

    def _answers(self) -> Path:
        out = self.folder / "answers.jsonl"
        items = json.loads(self["bench"].read_text())
        rows = items.items() if isinstance(items, dict) else enumerate(items)
        lines = [json.dumps({"id": str(key), "answer": "no"}) for key, _ in rows]
        out.write_text("\n".join(lines) + "\n")
        return out


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return Assets(tmp_path_factory.mktemp("assets"))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the files as they are here, committed or not."""
    folder = tmp_path_factory.mktemp("origin") / "versamammo"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "as it is"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reader:
    """Someone who types a document from its first line to its last."""

    def __init__(self, document: str, folder: Path, origin: Path, assets: Assets) -> None:
        self.document, self.origin, self.assets = document, origin, assets
        self.clone, self.tiny = folder / "versamammo", folder / "tiny"
        self.port = free_port()
        self.served: list[tuple[int, Path]] = []
        self.tiny.mkdir()
        for name, text in TINY.items():
            (self.tiny / f"{name}.yaml").write_text(text)
        environment = {
            "PYTHONPATH": str(self.clone), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
            "BROWSER": "true", "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1",
            "TQDM_DISABLE": "1", "PYTHONDONTWRITEBYTECODE": "",
        }  # fmt: skip
        self.shell = Shell(folder, folder / "logs", environment)
        if document != "README.md":  # which the others take as read
            self.type(CLONE)
            self.type("source .venv/bin/activate")

    def read(self, block: Block) -> None:
        if block.language in PYTHON:
            file = self.tiny / f"line_{block.line}.py"
            file.write_text(self._here(block.text))
            self._finish(f"python '{file}'", f"{block.document}:{block.line}")
            return
        for command in block.commands:
            self.type(command)

    def type(self, command: str) -> None:
        rule = RULES.get((self.document, command), Rule(""))
        if rule.way == "leave":
            return
        wanted = command
        if rule.way == "make":
            wanted = subprocess.run(
                ["make", "-n", *command.split()[1:]],
                cwd=self.clone, capture_output=True, text=True, check=True,
            ).stdout.splitlines()[-1]  # fmt: skip
        more = rule.more.format(port=self.port, tiny=self.tiny)
        wanted = self._here(f"{wanted} {more}".strip())
        if rule.way == "serve" or f"--port {self.port}" in more:
            self._serve(wanted)
        else:
            self._finish(wanted, command)
        if command == CLONE:
            self._arrive()

    def _here(self, text: str) -> str:
        ours = text.replace("<this repository>", str(self.origin))
        return ours.replace(ADDRESS, f"127.0.0.1:{self.port}")

    def _arrive(self) -> None:
        """Do what `make setup` does, by a link, and lay out what a reader would have."""
        (self.clone / ".venv").symlink_to(sys.prefix)
        for name, asset in PLACED.get(self.document, {}).items():
            made = self.assets[asset]
            (shutil.copytree if made.is_dir() else shutil.copy)(made, self.clone / name)

    def _finish(self, wanted: str, printed: str) -> None:
        began = time.perf_counter()
        done = self.shell.type(wanted)
        print(f"{time.perf_counter() - began:6.1f} s  {printed.splitlines()[0]}")
        assert done.code == 0, f"{self.document}: {printed}\nended with {done.code}\n{done.output}"

    def _serve(self, wanted: str) -> None:
        """Start a server and ask for its page; one that is already there is stopped first."""
        self.stop()
        began = time.perf_counter()
        process, log = self.shell.start(wanted)
        self.served.append((process, log))
        page = b""
        while b"VersaMammo" not in page:
            assert time.perf_counter() - began < 600, log.read_text()
            assert Path(f"/proc/{process}").exists(), log.read_text()
            time.sleep(0.3)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}", timeout=10) as reply:
                    page = reply.read()
            except OSError:
                continue
        print(f"{time.perf_counter() - began:6.1f} s  {wanted}")

    def stop(self) -> None:
        while self.served:
            process, log = self.served.pop()
            os.kill(process, signal.SIGTERM)
            assert self.shell.wait(process) == 0, log.read_text()


@pytest.mark.commands
@pytest.mark.parametrize("document", TYPED)
def test_a_document_works_as_printed(
    document: str, tmp_path: Path, origin: Path, assets: Assets
) -> None:
    reader = Reader(document, tmp_path, origin, assets)
    try:
        for block in blocks_of(document):
            if block.language not in SHOWN_ONLY:
                reader.read(block)
        reader.stop()
    finally:
        for process, _ in reader.served:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        reader.shell.close()
    assert re.fullmatch(r"versamammo", reader.clone.name)
