"""Questions and answers from what a manifest knows; nothing unknown is ever asked."""

from vlm.instructions.drawing import LessonPool, Mixture
from vlm.instructions.items import make_items
from vlm.instructions.lessons import Lesson

__all__ = ["Lesson", "LessonPool", "Mixture", "make_items"]
