"""The shared core: any mammogram in, correctly, and the value types everything else stands on."""

from versamammo.registration import register_with_transformers

__version__ = "0.1.0"

NOTICE = "Research use only. Not a medical device, not for diagnosis."

register_with_transformers()
