"""Questions and answers from what a manifest knows; nothing unknown is ever asked."""

from vlm.instructions.archive_items import items_of, make_items
from vlm.instructions.instruction_samples import Lesson
from vlm.instructions.mixture_sampling import LessonPool, Mixture

__all__ = ["Lesson", "LessonPool", "Mixture", "items_of", "make_items"]
