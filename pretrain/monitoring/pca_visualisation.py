"""What the teacher sees: patch tokens as colours, so that a person can judge a run by eye.

The three directions in which the patches of all pictures together vary most become red, green
and blue (as in Oquab et al. 2024, figure 1): what has one colour is alike to the teacher.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pretrain.networks.vit import Vit
from versamammo.files import write_atomically
from versamammo.input.contract import InputContract

GAP = 4  # pixels between pictures


@torch.no_grad()
def patch_colors(patches: Tensor) -> NDArray[np.uint8]:
    """Turn patch tokens [B, h, w, D] into colours [B, h, w, 3] by their main components."""
    flat = patches.flatten(0, 2).double().cpu()
    centered = flat - flat.mean(0)
    _, vectors = torch.linalg.eigh(centered.T @ centered)
    main = vectors[:, -3:].flip(1)
    # an eigenvector may point either way: let the largest entry be positive, so colours stay
    main = main * main.gather(0, main.abs().argmax(0, keepdim=True)).sign()
    shown = centered @ main
    low, high = shown.quantile(0.02, dim=0), shown.quantile(0.98, dim=0)
    scaled = ((shown - low) / (high - low).clamp_min(1e-12)).clamp(0, 1)
    colors: NDArray[np.uint8] = (scaled * 255).round().to(torch.uint8).numpy()
    return colors.reshape(*patches.shape[:3], 3)


@torch.no_grad()
def draw(vit: Vit, images: Tensor, contract: InputContract, device: torch.device) -> Image.Image:
    """Draw images [B, 1, H, W] above their patch tokens as colours."""
    was_training = vit.training
    vit.eval()
    tokens = vit(images.to(device))
    vit.train(was_training)
    colors = patch_colors(tokens.patches.float().unflatten(1, tokens.grid))
    grey = (images[:, 0] * contract.std + contract.mean).clamp(0, 1)
    top = [np.stack([picture] * 3, -1) for picture in (grey * 255).round().to(torch.uint8).numpy()]
    repeat = vit.patch
    below = [picture.repeat(repeat, 0).repeat(repeat, 1) for picture in colors]
    return Image.fromarray(np.vstack([_row(top), _row(below)]))


def _row(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Set pictures [H, W, 3] side by side."""
    framed = [np.pad(one, ((0, GAP), (0, GAP), (0, 0))) for one in pictures]
    return np.hstack(framed)


def save_picture(path: Path, picture: Image.Image) -> None:
    """Write a picture as PNG, whole or not at all."""
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    write_atomically(path, stream.getvalue())
