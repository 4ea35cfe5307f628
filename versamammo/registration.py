"""Tell transformers of our classes when, and only when, its Auto classes are imported.

`AutoModel.from_pretrained` must know an encoder folder after `import versamammo`, but transformers,
torch and timm take seconds to import, which `versamammo --help` should not pay, and transformers
has no entry points for others' classes. So a finder waits on `sys.meta_path` for two modules of
transformers and imports ours, which register themselves, right after each of them. The model's own
module follows with the first config of ours, since no model is opened without one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

# Module waited for: modules of ours that register when imported, right after it.
_AFTER: dict[str, list[str]] = {}


class _ThenOurs(SourceFileLoader):
    """Run a module as ever, then import ours."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        for ours in _AFTER[module.__name__]:
            import_module(ours)


class _Waiting:
    """Find nothing but the modules waited for, where they would have been found anyway."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _AFTER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _ThenOurs(spec.loader.name, spec.loader.path)
        return spec


def register_after(theirs: str, ours: str) -> None:
    """Import our module as soon as theirs is imported: now, if it is there already."""
    if not any(isinstance(finder, _Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Waiting())
    _AFTER.setdefault(theirs, []).append(ours)
    if theirs in sys.modules:
        import_module(ours)
