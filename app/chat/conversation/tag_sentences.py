"""What tags say of exposure, implants and why a picture was made: as much of it as is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from versamammo.imaging.mammogram import Exposure, Provenance


@dataclass(frozen=True)
class Value:
    """One value that a file tells.

    Attributes:
        name: what it is called.
        asked: words that ask for it, in lower case.
        form: how it is said.
        of: what it is of an exposure; None for a value that is not read, or of the picture.
    """

    name: str
    asked: re.Pattern[str]
    form: str = ""
    of: Callable[[Exposure], float | str | None] | None = None


_DOSE = r"\bdos(e|es|age)\b|\bradiation\b|\bmgy\b"
_SKIN = r"\bentrance\b|\bskin\b|\besd\b|\bsurface\b"
_GLAND = r"\bgland(s|ular)?\b|\b[am]gd\b|\borgan\b"
_COMPRESSED = r"\bcompressi(on|ng)( (settings?|values?|tags?|data))?$|\bcompression\?"
EXPOSURE_VALUES = (
    Value("tube voltage", re.compile(r"\bkv(p|olts?)?s?\b|kilovolt|\bvoltage\b"), "{:.3g} kVp",
          lambda one: one.kvp),
    Value("tube charge",
          re.compile(r"\bmas\b|\bma\b|milliamp|\bcurrent\b|current-time|\bcharge\b"),
          "{:.4g} mAs", lambda one: one.mas),
    Value("exposure time",
          re.compile(r"\bexposure (time|duration)|\bmilliseconds?\b|\bms\b|\bhow long\b"),
          "exposed for {:.0f} ms", lambda one: one.milliseconds),
    Value("anode", re.compile(r"\banodes?\b|\btargets?\b|\b(w|mo|rh)/(rh|mo|ag|al)\b"),
          "anode {}", lambda one: one.anode),
    Value("filter", re.compile(r"\bfilter\w*|\b(w|mo|rh)/(rh|mo|ag|al)\b"), "filter {}",
          lambda one: one.filter),
    Value("compressed thickness", re.compile(rf"\bthick(ness)?\b|\bthin\b|{_COMPRESSED}"),
          "compressed to {:.0f} mm", lambda one: one.thickness_mm),
    Value("compression force",
          re.compile(rf"\bforce\b|\bnewtons?\b|\bn\b|\bhow (hard|strong|tight|firm)|\bsque\w+|"
                     rf"\bpressure\b|{_COMPRESSED}"),
          "compressed with {:.0f} N", lambda one: one.compression_newtons),
    Value("dose to the gland",
          re.compile(rf"{_GLAND}|^(?!.*(?:{_SKIN})).*(?:{_DOSE})"), "dose to the gland {:.3g} mGy",
          lambda one: one.organ_dose_mgy),
    Value("dose at the skin", re.compile(rf"{_SKIN}|^(?!.*(?:{_GLAND})).*(?:{_DOSE})"),
          "dose at the skin {:.3g} mGy", lambda one: one.entrance_dose_mgy),
    Value("grid", re.compile(r"\bgrid\b|\bbucky\b")),
    Value("half-value layer", re.compile(r"\bhvl\b|\bhalf[ -]value\b")),
    Value("focal spot", re.compile(r"\bfocal\b")),
    Value("angle of the tube", re.compile(r"\bangles?\b|\bangulation\b")),
    Value("automatic exposure control", re.compile(r"\baec\b|\bautomatic exposure\b")),
)  # fmt: skip
SIZE_VALUES = (
    Value("bits", re.compile(r"\bbits?\b|\bbit[ -]depth\b|\bgr[ae]y (levels?|values?|scale)\b")),
    Value("pixel size",
          re.compile(r"\bpixel[ -]?(size|spacing|pitch)|\b(mm|microns?|micromet\w+|um) (per|a)\b|"
                     r"\bspacing\b|\b(large|big|small) (is|are) (a|one|the|each) pixels?\b|"
                     r"\bresolution\b")),
    Value("breast", re.compile(r"\bbreasts?\b|\bboobs?\b")),
    Value("picture",
          re.compile(r"\bhow many pixels\b|\bmatrix\b|\brows\b|\bcolumns\b|\bdimensions?\b|"
                     r"\bresolution\b|\b(image|picture|film|file)s?\b.*\b(large|big|size)\b|"
                     r"\b(large|big|size)\b.*\b(image|picture|film|file)s?\b")),
)  # fmt: skip
_OF_PATIENTS = (  # tags that tell what else only the patient could
    ("implant", r"\b(implants?|(breasts?|been|was|were|is|are) augmented|silicone|prosthe\w+)\b"),
    ("indication", r"\b(screening or( a)? diagnostic|diagnostic or( a)? screening|indication for|"
                   r"reason for (the|this|her|these|that)|why did she (have|get)|"
                   r"(is|was) (it|this|that) (an? |the )?(screening|diagnostic)|"
                   r"why (was|were) (this|it|the|these) .*\b(done|taken|made|ordered))\b"),
)  # fmt: skip
HAS_IMPLANTS = re.compile(
    r"\b(has|have|any|there|see|shows?|with)\b.{0,20}\bimplants?$|\baugmented$"
)
_VALUES = {"exposure": EXPOSURE_VALUES, "size": SIZE_VALUES}


def values_asked(fact: str, words: str) -> tuple[str, ...]:
    """Return the names of those values that words ask for; none for all of them.

    Args:
        fact: what is asked of the tags: exposure or size, of which alone there are values.
        words: of the question, in lower case.
    """
    return tuple(one.name for one in _VALUES.get(fact, ()) if one.asked.search(words))


def told_by_a_tag(words: str) -> str:
    """Return which tag may tell what else only the patient could; empty if none."""
    return next((fact for fact, way in _OF_PATIENTS if re.search(way, words)), "")


def exposure_told(made: Provenance, asked: Sequence[str] = ()) -> str:
    """Return what the tags say of the exposure: of the values asked for, or of all that are told.

    Args:
        made: where the picture comes from.
        asked: names of values; none for all.
    """
    wanted = [one for one in EXPOSURE_VALUES if one.name in asked]
    read = {one: one.of(made.exposure) for one in wanted or EXPOSURE_VALUES if one.of is not None}
    said = [one.form.format(value) for one, value in read.items() if value is not None]
    if not said and not wanted:
        return "the file says nothing of tube voltage, exposure, compression or dose."
    parts = [f"the tags say {', '.join(said)}"] if said else []
    untold = [one.name for one, value in read.items() if wanted and value is None]
    if untold:
        parts.append(f"the file does not tell the {' and the '.join(untold)}")
    unread = [one.name for one in wanted if one.of is None]
    if unread:
        parts.append(f"the {' and the '.join(unread)} is none of the tags that are read")
    return f"{'; '.join(parts)}."


def _implant(made: Provenance, _: Sequence[str] = ()) -> str:
    implant = made.exposure.implant
    if implant is None:
        return "no tag says whether there is an implant, and no source here looks for it."
    return f"the tags say that there is {'an' if implant else 'no'} implant."


def _indication(made: Provenance, _: Sequence[str] = ()) -> str:
    if not made.indication:
        return "the file does not say why the picture was made."
    return f"made for: {made.indication}, by the tag {made.indication_source}."


# of the file, by what is asked
TAG_SENTENCES: dict[str, Callable[[Provenance, Sequence[str]], str]] = {
    "exposure": exposure_told, "implant": _implant, "indication": _indication,
}  # fmt: skip
