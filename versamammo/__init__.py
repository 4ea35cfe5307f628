"""The shared core: any mammogram in, correctly, and the value types everything else stands on."""

from versamammo.registration import register_after

__version__ = "0.2.0"

NOTICE = "Research use only. Not a medical device, not for diagnosis."

register_after("transformers.models.auto.configuration_auto", "versamammo.configuration")
register_after("transformers.models.auto.image_processing_auto", "versamammo.image_processor")
