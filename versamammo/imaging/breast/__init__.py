"""Where the breast is in a mammogram, on which side its chest wall, and what is burned in."""

from versamammo.imaging.breast.finder import Breast, find_breast, find_breast_in, sampled

__all__ = ["Breast", "find_breast", "find_breast_in", "sampled"]
