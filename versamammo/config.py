"""A run's settings: a frozen dataclass, a YAML file that says what differs, and the command line.

`--config file.yaml --optim.steps 100`; `--print_config` shows everything; a misspelt key or a
value of the wrong type is refused by its name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import jsonargparse
import yaml

from versamammo import NOTICE
from versamammo.errors import InputError

Settings = TypeVar("Settings")


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

    Raises:
        InputError: values that do not go together.
        SystemExit: with code 2 after a message, if an option is unknown or of the wrong type.
    """
    made = parser_of(kind)
    given = made.parse_args(sys.argv[1:] if argv is None else list(argv))
    given.pop("config", None)
    try:
        return kind(**vars(made.instantiate(given)))
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error), field="configuration", reason="bad-option") from error


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
    """Name what differs between two settings, as `optim.steps: 100, not 200`."""
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
