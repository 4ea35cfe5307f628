"""Talking about a mammogram: encoder, projector and language model.

```python
import vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained("folder")
processor = AutoProcessor.from_pretrained("folder")
```
"""

from versamammo.registration import register_after

# not after transformers' own module: ours builds on this one, which may still be loading then
register_after("versamammo.configuration", "vlm.configuration")
register_after("transformers.models.auto.processing_auto", "vlm.processor")
