"""The shared core: any mammogram in, correctly, and the value types everything else stands on."""

from importlib import import_module

__version__ = "0.2.0"

NOTICE = "Research use only. Not a medical device, not for diagnosis."


def register() -> None:
    """Make AutoConfig, AutoModel and AutoImageProcessor of transformers know our encoders.

    Not done on import: transformers, torch and timm take seconds, which `versamammo --help` and
    whoever reads DICOM files alone should not pay.
    """
    import_module("versamammo.model.encoder")  # it and what it imports register their classes
