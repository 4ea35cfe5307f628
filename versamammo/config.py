"""A run's settings: a frozen dataclass, a YAML file that says what differs, and the command line.

`--config file.yaml --optim.max_steps 100`; `--print_config` shows everything; a misspelt key or a
value of the wrong type is refused by its name, a key of earlier versions by the name it has now.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import jsonargparse
import yaml

from versamammo import NOTICE
from versamammo.errors import InputError

Settings = TypeVar("Settings")

# Keys of earlier versions and their names now. A section stands for all keys below it.
RENAMED = {
    "run.keep": "run.save_total_limit",
    "optim.steps": "optim.max_steps",
    "optim.batch": "optim.batch_size",
    "optim.parts": "optim.gradient_accumulation_steps",
    "optim.clip": "optim.max_grad_norm",
    "learning": "optim",
    "lengths": "optim.max_steps",
    "lengths.rise": "optim.warmup_steps",
    "rates": "optim.learning_rate",
    "batch": "optim.batch_size",
    "parts": "optim.gradient_accumulation_steps",
    "clip": "optim.max_grad_norm",
    "longest": "max_length",
    "tiny.longest": "tiny.max_length",
    "remember": "features_gb",
}


class Help(jsonargparse.DefaultHelpFormatter):
    """Help that names a type as people do."""

    def _expand_help(self, action: argparse.Action) -> str:
        text = super()._expand_help(action)
        return text.replace("<class 'Path'>", "path").replace("type: Path", "type: path")


def command_parser(**options: Any) -> jsonargparse.ArgumentParser:
    """Start the parser of a command; options are those of `jsonargparse.ArgumentParser`."""
    return jsonargparse.ArgumentParser(formatter_class=Help, **options)


def parser_of(kind: type[Settings]) -> jsonargparse.ArgumentParser:
    """Describe a settings class as command line options; helps come from its docstring."""
    summary = (kind.__doc__ or "").partition("\n")[0]
    made = command_parser(description=f"{summary} {NOTICE}")
    made.add_argument("--config", action="config", help="a YAML file with what differs")
    made.add_class_arguments(kind, fail_untyped=True)
    return made


def load(kind: type[Settings], argv: Sequence[str] | None = None) -> Settings:
    """Make settings from defaults, `--config` files and options, the later winning.

    Several words after an option are a list: `--data A B` is `--data '[A, B]'`.

    Raises:
        InputError: values that do not go together, or a key of an earlier version.
        SystemExit: with code 2 after a message, if an option is unknown or of the wrong type.
    """
    made = parser_of(kind)
    words = with_lists(sys.argv[1:] if argv is None else argv)
    for file, found in _sources(words):
        refuse_renamed(found, made.get_defaults().as_dict(), file)
    given = made.parse_args(words)
    given.pop("config", None)
    try:
        return kind(**vars(made.instantiate(given)))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error), field="configuration", reason="bad-option") from error


def with_lists(argv: Sequence[str]) -> list[str]:
    """Return arguments with the words that follow an option made one list, where they are many."""
    given: list[str] = []
    values: list[str] = []
    for word in (*argv, "--"):
        if not re.match("-[-A-Za-z]", word):
            values.append(word)
            continue
        if given and len(values) > 1 and "=" not in given[-1]:
            values = [json.dumps(values)]
        given += [*values, word]
        values = []
    return given[:-1]


def refuse_renamed(
    found: Mapping[str, Any], known: Mapping[str, Any], file: Path | None = None
) -> None:
    """Refuse settings with keys of an earlier version.

    Args:
        found: the settings, nested or with dots in their keys.
        known: all settings that there are now, nested.
        file: that they were read from; None for the command line.

    Raises:
        InputError: with each such key and its name now.
    """
    now = set(_keys(known))
    pairs = [(key, _new_name(key)) for key in _keys(found)]
    renamed = {old: new for old, new in pairs if old not in now and old != new and new in now}
    # of a section and what is in it, what is in it says more
    renamed = {
        old: new
        for old, new in renamed.items()
        if not any(other.startswith(f"{old}.") for other in renamed)
    }
    if renamed:
        message = ", ".join(f"{old} is now {new}" for old, new in renamed.items())
        raise InputError(message, file=file, reason="renamed-key")


def _keys(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Name every setting and every section, as `optim` and `optim.max_steps`."""
    for key, value in tree.items():
        yield f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{key}.")


def _new_name(key: str) -> str:
    """Return what a key is called now, by its own entry or that of the section it lies in."""
    section, below = key, ""
    while section:
        if section in RENAMED:
            return _new_name(RENAMED[section] + below)
        section, dot, last = section.rpartition(".")
        below = f"{dot}{last}{below}"
    return key


def _sources(words: Sequence[str]) -> Iterator[tuple[Path | None, dict[str, Any]]]:
    """Read the settings of a command line's `--config` files and of its options."""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if not word.startswith("--"):
            continue
        key, equals, value = word[2:].partition("=")
        value = value if equals else following
        if key == "config":
            yield Path(value), _read_mapping(Path(value))
        else:
            yield None, {key: _parse_mapping(value) or value}


def _read_mapping(file: Path) -> dict[str, Any]:
    try:
        return _parse_mapping(file.read_text())
    except (OSError, ValueError):
        return {}  # whoever reads it as settings says what is wrong with it


def _parse_mapping(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def dump(settings: Any) -> str:
    """Spell settings out as YAML that `--config` reads back."""
    return str(yaml.safe_dump(plain(settings), sort_keys=False))


def plain(value: Any) -> Any:
    """Turn nested dataclasses, tuples and paths into what YAML and JSON know."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def differences(first: Any, second: Any, ignored: Sequence[str] = ()) -> list[str]:
    """Name what differs between two settings, as `optim.max_steps: 100, not 200`."""
    return list(_differences(plain(first), plain(second), "", set(ignored)))


def _differences(first: Any, second: Any, at: str, ignored: set[str]) -> list[str]:
    if at in ignored:
        return []
    if isinstance(first, dict) and isinstance(second, dict):
        return [
            found
            for key in sorted(first.keys() | second.keys())
            for found in _differences(
                first.get(key), second.get(key), f"{at}.{key}".lstrip("."), ignored
            )
        ]
    return [] if first == second else [f"{at}: {first}, not {second}"]
