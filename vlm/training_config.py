"""The settings of training a vision-language model, and the parts that they name."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from transformers import BitsAndBytesConfig

from versamammo.data.bounded_cache import bytes_of
from versamammo.data.dataset import Archive
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.phantoms.default_phantoms import PhantomArchive
from versamammo.training.run import RunSettings
from vlm.adapter import LoraSettings
from vlm.feature_memory import FEATURES_GB
from vlm.image_cache import PICTURES_GB
from vlm.instructions import LessonPool, Mixture
from vlm.instructions.bench_items import BenchItems, read_bench_items
from vlm.instructions.instruction_samples import facts
from vlm.instructions.recorded import Recorded, read_recorded
from vlm.language import Language, TinyLanguage, load_language, tiny_language
from vlm.language_package import is_installed
from vlm.projector import ProjectorSettings
from vlm.trained_topics import TRIED
from vlm.word_alignment import AlignSettings

PhaseName = Literal["words", "projector", "adapter"]
RECIPE = Path("configs/vlm/smollm2_135m.yaml")
TEXTS = 3000  # conversations that a tiny language model's vocabulary is made from


@dataclass(frozen=True)
class PhaseSteps:
    """How many optimiser steps each phase takes.

    Attributes:
        words: a tiny language model learns its language from descriptions; 0 for any other.
        projector: the projector alone learns.
        adapter: projector and adapter learn, the encoder too where it may.
    """

    words: int = 400
    projector: int = 200
    adapter: int = 600


@dataclass(frozen=True)
class LearningRates:
    """Highest learning rates; they fall to nothing along a cosine within each phase.

    Attributes:
        words: of a whole tiny language model.
        projector: while it learns alone.
        projector_later: beside the adapter.
        adapter: of LoRA.
        encoder: where it learns.
    """

    words: float = 2e-3
    projector: float = 2e-3
    projector_later: float = 1e-3
    adapter: float = 1e-3
    encoder: float = 1e-3


@dataclass(frozen=True)
class VlmOptim:
    """How long and how fast a vision-language model learns.

    Attributes:
        max_steps: optimiser steps of each phase.
        batch_size: conversations per step, on all processes and in all parts together.
        gradient_accumulation_steps: how many parts a process takes one after the other, adding up
            gradients.
        learning_rate: highest, of each part of the model.
        warmup_steps: of each phase, in which learning rates rise.
        max_grad_norm: largest norm of the gradient.
    """

    max_steps: PhaseSteps = PhaseSteps()
    batch_size: int = 16
    gradient_accumulation_steps: int = 1
    learning_rate: LearningRates = LearningRates()
    warmup_steps: int = 20
    max_grad_norm: float = 1.0


@dataclass(frozen=True)
class SmallEncoder:
    """An encoder to begin with from nothing, where no folder is given.

    Attributes:
        backbone: timm's name.
        size: (H, W) of its input.
    """

    backbone: str = "test_efficientnet"
    size: tuple[int, int] = (256, 192)


@dataclass(frozen=True)
class VlmTraining:
    """Teach a language model to answer from mammograms, or say what that takes (`--plan`).

    Attributes:
        run: folder, seed, precision, log.
        data: folder that `versamammo prepare` wrote, or several, each as FOLDER or FOLDER:WEIGHT,
            where the weight says how often each image is drawn; None trains on phantoms.
        phantoms: which, if no data are given.
        conversations: JSONL file of conversations that `versamammo conversations` wrote, or of
            one's own in its form; `mixture.recorded` is their share.
        bench: MammoVQA file of items about images of `data`, whose paths begin at the folder that
            was prepared; `mixture.bench` is their share, and 1 learns from nothing else.
        splits: that are learned from.
        shareable: learn only from sources whose terms let the weights be passed on.
        check_splits: that are asked about on the way.
        encoder: folder or name of the encoder; None begins a small one from nothing.
        small_encoder: the one that begins from nothing.
        encoder_learns: `auto` if it begins from nothing, since a random one shows little.
        language: folder or name of the language model, or `package:NAME`; None makes a tiny one
            from nothing.
        dtype: of its frozen weights in memory; `auto` is bfloat16 on a GPU, float32 elsewhere.
        tiny: the one that is made.
        quantise: load the language model in 4 bits (QLoRA); needs bitsandbytes, and a GPU for any
            but the smallest.
        shard: divide the weights among the processes while they learn (FSDP2).
        checkpointing: compute activations twice to save memory.
        projector: how many visual tokens an image becomes.
        lora: how large the adapter is.
        start: folder of a finished model whose adapter is gone on from, beside the same language
            model, and whose projector too, if the encoder is the same; None begins new ones.
        align: how a new projector is first brought to the words of the labels.
        mixture: what is asked.
        lists_first: share of lists of all that an image shows, while the projector learns alone:
            they teach it more per image than single answers.
        features_gb: gigabytes for what the encoder saw, kept in half precision where it computes,
            as long as it does not learn; 0 looks at every image anew.
        pictures_gb: gigabytes of host memory for prepared pictures that are learned from, which
            the workers share, and as many for those that are asked about.
        max_length: most words and visual tokens of a conversation.
        row: words and visual tokens of a packed row, unless a conversation is longer; rows that
            are short cost less, since attention over a row is dense. 0 makes it `max_length`.
        optim: how long and how fast.
        check_every: steps between two checks by generated answers, a multiple of run.log_every.
        check_items: most questions of one answer of one topic in a check.
        trial_items: about how many questions of each topic are asked at the end, of `check_splits`,
            to tell what was learned and to calibrate; at least 20 of each answer, where there are.
        workers: processes that prepare conversations, for each training process.
    """

    run: RunSettings = field(default_factory=lambda: RunSettings(output=Path("runs/vlm")))
    data: tuple[str, ...] | Path | None = None
    phantoms: PhantomArchive = field(
        default_factory=lambda: PhantomArchive(exams=120, size=(256, 192))
    )
    conversations: Path | None = None
    bench: Path | None = None
    splits: tuple[str, ...] = ("train",)
    shareable: bool = False
    check_splits: tuple[str, ...] = ("val",)
    encoder: str | None = None
    small_encoder: SmallEncoder = field(default_factory=SmallEncoder)
    encoder_learns: Literal["auto", "yes", "no"] = "auto"
    language: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    tiny: TinyLanguage = field(default_factory=TinyLanguage)
    quantise: bool = False
    shard: bool = False
    checkpointing: bool = False
    projector: ProjectorSettings = field(default_factory=lambda: ProjectorSettings(shrink=(1, 1)))
    lora: LoraSettings = field(default_factory=LoraSettings)
    start: Path | None = None
    align: AlignSettings = field(default_factory=AlignSettings)
    mixture: Mixture = field(default_factory=Mixture)
    lists_first: float = 0.5
    features_gb: float = FEATURES_GB
    pictures_gb: float = PICTURES_GB
    max_length: int = 1024
    row: int = 0
    optim: VlmOptim = VlmOptim()
    check_every: int = 100
    check_items: int = 4
    trial_items: int = TRIED
    workers: int = 0

    def __post_init__(self) -> None:
        if self.check_every % self.run.log_every:
            raise ValueError(
                f"check_every needs to be a multiple of run.log_every, got {self.check_every} "
                f"and {self.run.log_every}"
            )
        if not 0 <= self.lists_first < 1:
            message = "lists_first needs to lie in 0..1"
            raise InputError(message, field="lists_first", reason="bad-option")
        bytes_of(self.features_gb, "features_gb")
        bytes_of(self.pictures_gb, "pictures_gb")
        if self.quantise and importlib.util.find_spec("bitsandbytes") is None:
            message = "quantising needs bitsandbytes; `pip install 'versamammo[qlora]'` brings it"
            raise InputError(message, field="quantise", reason="missing-library")
        if self.quantise and self.language is None:
            message = "a tiny language model learns whole and cannot be quantised"
            raise InputError(message, field="quantise", reason="bad-option")
        if self.quantise and self.shard:
            message = "weights of 4 bits are not divided; choose one of quantise and shard"
            raise InputError(message, field="shard", reason="bad-option")
        if (self.conversations is None) == (self.mixture.recorded > 0):
            message = "a file of conversations and their share, mixture.recorded, go together"
            raise InputError(message, field="conversations", reason="bad-option")
        if (self.bench is None) == (self.mixture.bench > 0):
            message = "a file of items and their share, mixture.bench, go together"
            raise InputError(message, field="bench", reason="bad-option")

    def items(self, archive: Archive) -> BenchItems | None:
        """Return the items of the MammoVQA file about an archive's images, if there is one.

        Raises:
            InputError: it cannot be read, or none is about these images.
        """
        return None if self.bench is None else read_bench_items(self.bench, archive)

    def recorded(self) -> tuple[Recorded, ...]:
        """Return the conversations of the file, if there is one.

        Raises:
            InputError: it cannot be read, or is not as `vlm.instructions.recorded` says.
        """
        return () if self.conversations is None else read_recorded(self.conversations)

    @property
    def teaches_encoder(self) -> bool:
        """Whether the encoder learns beside the adapter."""
        if self.encoder_learns == "auto":
            return self.encoder is None
        return self.encoder_learns == "yes"

    @property
    def shown_projector(self) -> ProjectorSettings:
        """The projector, without evidence if the encoder begins from nothing: it has no heads."""
        return self.projector if self.encoder else replace(self.projector, evidence=False)

    def phases(self) -> tuple[PhaseName, ...]:
        """Name what is done, in turn."""
        from_nothing: tuple[PhaseName, ...] = ("words",) if self.language is None else ()
        return (*from_nothing, "projector", "adapter")

    def steps(self, phase: PhaseName) -> int:
        """Return the length of a phase."""
        return int(getattr(self.optim.max_steps, phase))

    def lessons(self, phase: PhaseName) -> Mixture:
        """Return what a phase learns; a projector that learns alone mostly lists what it shows."""
        return self.mixture.listing(self.lists_first) if phase == "projector" else self.mixture

    def learning_rate(self, phase: PhaseName, part: str) -> float:
        """Return the highest learning rate of a part in a phase."""
        rates = self.optim.learning_rate
        if phase == "adapter" and part == "projector":
            return rates.projector_later
        name = {"language": "words"}.get(part, part)
        return float(getattr(rates, name))


def with_default_recipe(argv: Sequence[str]) -> list[str]:
    """Return arguments that name no recipe with the default one before them, where it can be run.

    That is `configs/vlm/smollm2_135m.yaml`, in a checkout with its language model installed.
    """
    recipe = Path(__file__).parents[1] / RECIPE
    named = any(one.partition("=")[0] in ("--config", "--help", "-h") for one in argv)
    if named or not recipe.is_file() or not is_installed():
        return list(argv)
    return ["--config", str(recipe), *argv]


def build_encoder(config: VlmTraining) -> VersaMammoModel | str:
    """Name the encoder, or begin one."""
    if config.encoder is not None:
        return config.encoder
    contract = InputContract(size=config.small_encoder.size)
    return VersaMammoModel(
        VersaMammoConfig(backbone=config.small_encoder.backbone, contract=contract.to_dict())
    )


def build_language(config: VlmTraining, pool: LessonPool) -> Language:
    """Load the language model, or make a tiny one whose vocabulary is the lessons'."""
    if config.language is None:
        return tiny_language(_texts(pool, config), config.tiny)
    if not config.quantise:
        return load_language(config.language, _dtype(config.dtype))
    bits: Any = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return load_language(config.language, torch.bfloat16, quantization_config=bits)


def _dtype(named: str) -> torch.dtype:
    """Return the type of frozen weights; what learns is made wide again before it does."""
    if named != "auto":
        return cast(torch.dtype, getattr(torch, named))
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if on_gpu else torch.float32


def _texts(pool: LessonPool, config: VlmTraining) -> list[str]:
    texts = []
    for number in range(TEXTS):
        lesson = pool.draw((0, number), config.lessons("projector"))
        random = np.random.default_rng(number)
        told = [facts(picture, random, config.mixture.topics) for picture in pool.of(lesson.images)]
        before = [word for turn in lesson.history for word in (turn.question, turn.answer)]
        texts.append("\n".join([*told, *before, lesson.question, lesson.answer]))
    return texts
