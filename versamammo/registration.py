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

# Module of transformers: module of ours that registers with it when imported.
_AFTER = {
    "transformers.models.auto.configuration_auto": "versamammo.configuration",
    "transformers.models.auto.image_processing_auto": "versamammo.image_processor",
}


class _ThenOurs(SourceFileLoader):
    """Run a module as ever, then import ours."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        import_module(_AFTER[module.__name__])


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


def register_with_transformers() -> None:
    """Register with what transformers has imported by now, and wait for the rest."""
    if any(isinstance(finder, _Waiting) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Waiting())
    for theirs, ours in _AFTER.items():
        if theirs in sys.modules:
            import_module(ours)
