"""An untrained model's folder as `versamammo chat --model` takes it: small, seeded, offline."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from versamammo.input.preprocess import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.heads import describe_heads
from versamammo.scoring.topic_scores import TopicScore
from vlm.assembly import assemble, save
from vlm.language import TinyLanguage, tiny_language
from vlm.trained_topics import Competence, write_competence

SIZE = (64, 48)
TOPICS = ("ACR", "Bi-Rads", "Mass", "Calcification", "Place", "Report")
TEXTS = ("Is there a mass? Yes, there is a mass.", "Which side? Left breast. Right breast.") * 4
ABOUT = {"name": "Tiny", "version": "0", "data": "nothing; untrained", "phantoms_only": True}


def tiny_encoder() -> VersaMammoModel:
    """An encoder with heads for density, BI-RADS, view and masses."""
    torch.manual_seed(0)
    config = VersaMammoConfig(
        backbone="vit_tiny_patch16_224",
        backbone_args={"depth": 1, "embed_dim": 32, "num_heads": 2, "img_size": list(SIZE)},
        contract=InputContract(size=SIZE).to_dict(),
        heads=describe_heads(
            ("density", "birads", "view", "laterality", "mass"), ("mass", "calcification"), 8
        ),
    )
    return VersaMammoModel(config).eval()


def score(topic: str, low: float = 0.6) -> TopicScore:
    """What an invented trial found of a topic: better than guessing, unless told otherwise."""
    classes = (("one", 60), ("other", 60))
    return TopicScore(topic, 120, classes, 40, 0.7, low, 0.8, 0.5)


def write_tiny_models(folder: Path, topics: tuple[str, ...] = TOPICS) -> Path:
    """Write vlm/, encoder/ and about.json."""
    encoder = tiny_encoder()
    encoder.save_pretrained(folder / "encoder")
    words = TinyLanguage(vocabulary=320, width=32, depth=1, heads=2)
    model, processor = assemble(encoder, tiny_language(TEXTS, words))
    save(model, processor, folder / "vlm")
    tried = tuple(map(score, topics))
    write_competence(folder / "vlm", Competence(topics, 1.0, 5, tried))
    (folder / "about.json").write_text(json.dumps(ABOUT))
    return folder
