"""A projector that begins where the words of the labels lie, and a model that is gone on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.vlm.archives import write_archive
from tests.vlm.conftest import Small
from tests.vlm.tiny_training import tiny_training
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.model.features import Features
from vlm.adapter import (
    LoraSettings,
    add_adapter,
    save_adapter,
    start_adapter,
    start_projector,
)
from vlm.assembly import assemble
from vlm.instructions import LessonPool, Mixture
from vlm.language import TinyLanguage, tiny_language
from vlm.model import VersaMammoForImageTextToText
from vlm.projector import ProjectorSettings
from vlm.train import train
from vlm.word_alignment import AlignSettings, align_to_words, word_targets, words_of

TOPICS = ("ACR", "View")
SETTINGS = ProjectorSettings(shrink=(1, 1), whole=2)
TEXTS = ["Level A Level B Level C Level D CC MLO"] * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("alignment") / "prepared", patients=6)


@pytest.fixture(scope="module")
def pool(folder: Path) -> LessonPool:
    return LessonPool(Archive.open(folder, ["train"]), Mixture(topics=TOPICS))


def shown(pool: LessonPool) -> dict[int, Tensor]:
    """Draw for each image a bar for its density and one for its view, which an encoder can see."""
    drawn = {n: torch.zeros(1, *Small.size) for n in range(len(pool.pictures))}
    for topic, column in (("ACR", 8), ("View", 32)):
        for number, (_, images) in enumerate(sorted(pool.answers[topic].items())):
            for (image,) in images:
                drawn[image][:, 12 * number : 12 * number + 12, column : column + 8] = 3
    return drawn


def test_tokens_come_to_lie_nearest_the_words_of_their_labels(
    small: type[Small], pool: LessonPool
) -> None:
    model, processor = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), SETTINGS)
    pixels = shown(pool)
    words = words_of(model, processor, pool.answers)

    def told(topic: str, token: int) -> float:
        """Return the share of images whose token lies nearest the right answer's words."""
        answers = sorted(pool.answers[topic])
        table = torch.stack([words[topic][answer] for answer in answers])
        right = []
        for number, answer in enumerate(answers):
            for (image,) in pool.answers[topic][answer]:
                seen: Any = model.get_image_features(pixels[image][None]).pooler_output
                found = seen[0][token]
                right.append(int((table - found).square().sum(-1).argmin()) == number)
        return sum(right) / len(right)

    with torch.no_grad():
        before = told("ACR", 0)
    explained = align_to_words(
        model, processor, pool, pixels.__getitem__, AlignSettings(steps=300, learning_rate=0.01)
    )
    assert explained is not None
    assert explained > 0.9
    with torch.no_grad():
        assert before < 0.6
        assert told("ACR", 0) == 1
        assert told("View", 1) == 1


def test_answers_are_told_apart_by_the_words_that_they_do_not_share(
    small: type[Small], pool: LessonPool
) -> None:
    model, processor = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), SETTINGS)
    words = words_of(model, processor, {"ACR": {("Level A",): 0, ("Level B",): 0}})["ACR"]
    table = model.model.get_input_embeddings().weight
    for answer in "AB":
        own = processor.tokenizer(f" Level {answer}", add_special_tokens=False)["input_ids"][-1]
        torch.testing.assert_close(words[f"Level {answer}",], table[own].detach())


def test_answers_weigh_alike_and_what_is_unknown_weighs_nothing(
    small: type[Small], pool: LessonPool
) -> None:
    model, processor = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), SETTINGS)
    words = words_of(model, processor, pool.answers)
    images = range(len(pool.pictures))
    where = word_targets(pool, words, images, 2)
    for token, topic in enumerate(sorted(pool.answers)):
        sums = [
            float(where.weights[[image for (image,) in some], token].sum())
            for some in pool.answers[topic].values()
        ]
        assert sums == pytest.approx([sums[0]] * len(sums))
        known = {image for some in pool.answers[topic].values() for (image,) in some}
        assert all(where.weights[n, token] == 0 for n in set(images) - known)
        for answer, some in pool.answers[topic].items():
            for (image,) in some:
                torch.testing.assert_close(where.tokens[image, token], words[topic][answer])


def test_topics_that_share_a_token_lie_amid_their_words(
    small: type[Small], pool: LessonPool
) -> None:
    model, processor = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), SETTINGS)
    words = words_of(model, processor, pool.answers)
    where = word_targets(pool, words, range(len(pool.pictures)), 1)
    image = 0
    own = [
        words[topic][answer]
        for topic, classes in pool.answers.items()
        for answer, some in classes.items()
        if (image,) in some
    ]
    assert len(own) == 2
    torch.testing.assert_close(where.tokens[image, 0], torch.stack(own).mean(0))


@pytest.mark.parametrize(
    ("settings", "align"),
    [(SETTINGS, AlignSettings(steps=0)), (ProjectorSettings(shrink=(1, 1)), AlignSettings())],
)
def test_without_steps_or_tokens_of_the_whole_nothing_changes(
    small: type[Small], pool: LessonPool, settings: ProjectorSettings, align: AlignSettings
) -> None:
    model, processor = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), settings)
    before = {name: one.clone() for name, one in model.model.projector.state_dict().items()}
    assert align_to_words(model, processor, pool, shown(pool).__getitem__, align) is None
    after = model.model.projector.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_tokens_of_the_whole_are_those_among_all(small: type[Small]) -> None:
    model, _ = assemble(small.encoder(), tiny_language(TEXTS, TinyLanguage()), SETTINGS)
    projector = model.model.projector
    pooled, patches = torch.randn(3, 32), torch.randn(3, 4, 32)
    among = projector(Features(pooled, patches, (2, 2), ()))[:, :2]
    torch.testing.assert_close(projector.of_whole(pooled), among)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(InputError, match="steps are 0 or more"):
        AlignSettings(steps=-1)


def test_the_first_lesson_is_not_taken_again_when_a_run_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    options = {"projector__whole": "2", "align__steps": "3"}
    train(tiny_training(tmp_path / "once", folder, **options))
    once = tmp_path / "once" / "run"
    shutil.copytree(once, tmp_path / "again" / "run")
    # as if killed after two steps of the projector's own phase
    for gone in ("model", "3_adapter"):
        shutil.rmtree(tmp_path / "again" / "run" / gone)
    train(tiny_training(tmp_path / "again", folder, **options))
    last = "3_adapter/checkpoints/step_00000004/model.safetensors"
    before, after = load_file(once / last), load_file(tmp_path / "again" / "run" / last)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def adapted(
    small: type[Small], texts: list[str] = TEXTS, seed: int = 0
) -> VersaMammoForImageTextToText:
    torch.manual_seed(3)
    language = tiny_language(texts, TinyLanguage(vocabulary=320))
    return assemble(small.encoder(seed=seed), language, SETTINGS)[0]


@pytest.fixture(scope="module")
def kept(small: type[Small], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter of a finished model."""
    model = adapted(small)
    add_adapter(model, LoraSettings())
    with torch.no_grad():
        for name, one in model.named_parameters():
            if "lora_" in name:
                one.normal_()
    folder = tmp_path_factory.mktemp("kept") / "adapter"
    save_adapter(model, folder)
    return folder


def test_an_adapter_goes_on_beside_a_new_encoder_and_a_new_projector(
    small: type[Small], kept: Path
) -> None:
    model = adapted(small, seed=1)
    before = model.model.projector.out.weight.clone()
    assert not start_projector(model, kept)
    assert torch.equal(model.model.projector.out.weight, before)
    start_adapter(model, kept, LoraSettings())
    again = kept.parent / "beside_another"
    save_adapter(model, again)
    first, second = (load_file(one / "adapter_model.safetensors") for one in (kept, again))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_model_goes_on_from_another_beside_its_encoder(small: type[Small], kept: Path) -> None:
    model = adapted(small)
    assert start_projector(model, kept)
    start_adapter(model, kept, LoraSettings())
    again = kept.parent / "again"
    save_adapter(model, again)
    for file in ("adapter_model.safetensors", "projector.safetensors"):
        before, after = load_file(kept / file), load_file(again / file)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_adapter_of_another_language_model_is_not_gone_on_from(
    small: type[Small], kept: Path
) -> None:
    model = adapted(small, ["other words, of another language"] * 4)
    with pytest.raises(InputError, match="trained with language"):
        start_projector(model, kept)
    with pytest.raises(InputError, match="trained with language"):
        start_adapter(model, kept, LoraSettings())


def test_an_adapter_of_another_size_is_not_gone_on_from(small: type[Small], kept: Path) -> None:
    with pytest.raises(InputError, match=r"rank and alpha \(16, 32\), the settings say \(8, 32\)"):
        start_adapter(adapted(small), kept, LoraSettings(rank=8))
