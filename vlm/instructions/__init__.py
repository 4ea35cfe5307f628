"""Questions and answers from what a manifest knows; nothing unknown is ever asked."""

from vlm.instructions.drawing import LessonPool, Mixture
from vlm.instructions.instruction_samples import Lesson
from vlm.instructions.items import items_of, make_items

__all__ = ["Lesson", "LessonPool", "Mixture", "items_of", "make_items"]
