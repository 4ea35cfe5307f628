"""Talking about a mammogram: encoder, projector and language model.

```python
import vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

vlm.register()
model = AutoModelForImageTextToText.from_pretrained("folder")
processor = AutoProcessor.from_pretrained("folder")
```
"""

from importlib import import_module


def register() -> None:
    """Make the Auto classes of transformers know our encoders and vision-language models."""
    for name in ("vlm.model", "vlm.processor"):  # each registers its classes when it is imported
        import_module(name)
