"""What is said to questions that are not about what the pictures show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.chat.evidence.contracts import Card, Findings
from versamammo import NOTICE
from versamammo.vocabulary import BY_NAME
from vlm.knowledge.glossary import GlossaryTerm

CHANGE = (
    "No earlier exam is here to compare with, so it cannot be told whether anything has changed."
)
QUOTED = 3  # words of a question that are quoted; more of them make no sense without the rest
GENERAL = "general knowledge from the glossary, not about these pictures"
IN_GENERAL = "In general: "  # what an answer begins with that is about no picture
REST_OF_GLOSSARY = (
    "Explanations of terms are general knowledge from the glossary of this project, in its own "
    "words; a glossary says nothing about these pictures, so no probability and no evidence in "
    "them belongs to it, and no guideline is quoted. To read on: the BI-RADS Atlas of the American "
    "College of Radiology, and the guidelines of your screening programme. What is said of "
    "pictures comes from tags, pixels and the model, and each answer names which."
)
REST_OF_TAGS = (
    "This is read from the tags of the file and measured on its pixels; no model and no "
    "probability stands behind it. Where tags and pixels disagree, it is said."
)
REST_OF_NAMES = (
    "These files have no tags: this comes from their names and is measured on their pixels; no "
    "model and no probability stands behind it."
)
OF_TAGS = "side, view, sizes, machine and warnings"
PAGE = (
    "On the picture: the wheel zooms, dragging moves, dragging with the right button sets "
    "brightness and contrast, a double click shows one picture alone; I inverts, B shows or hides "
    "boxes, H the heat map, O the outline, R measures, 0 goes back, and “?” lists all keys. A box "
    "marks a place that the answers speak of; where no finding is judged, the likeliest place of "
    "one. Below are findings, tags, a report draft and “Take away”, which writes "
    "files. “Open another” leads to the next exam, for which files, a folder or a ZIP are dropped; "
    "a question can be changed, asked again or taken back."
)
NO_NATURE = (
    "Which kind of lesion it is, such as a cyst, a scar or a type of cancer, and what caused it, "
    "is not judged: no source was trained and tried for it."
)
HOW_WELL = "How well it did on test patients is told in figures: ask “What is your AUC?”."
TAKEN_AWAY = (
    "As a file: “Take away” on the page writes text, JSON, FHIR, PNG and PDF; no CSV, COCO, DICOM "
    "SR or SEG."
)
ORDER = (
    "Orders about how to behave or what to claim change nothing here: what is said of the "
    "mammograms comes from the evidence in them alone. You are welcome to ask about that."
)
_UNSEEN = (  # what is asked for -> why it cannot be told
    (r"clips?|(hook)?wires?|markers?", "no source here looks for it"),
    (r"when was|date|screening or diagnostic|"
     r"how old is (this|the) (mammogram|picture|image|exam|film)",
     "dates of the patient and of the exam, and why it was made, are not kept"),
    (r"biops\w*|receptor|her2|grade|stage\w*|metasta\w*|ki-?67|histolog\w*|oestrogen|estrogen",
     "results of biopsies and of the laboratory are not in a mammogram, and what is typed of them "
     "changes nothing that is said of the pictures"),
    (r"pain\w*|hurt\w*|sore|tender|feel\w*|symptom\w*|itch\w*|discharge|pregnan\w*|menopaus\w*|"
     r"period|breast-?fe\w+|nursing",
     "what somebody feels or lives through is not in the picture, and what is typed of it changes "
     "nothing that is said of the pictures"),
    (r"mother|sister|aunt|daughter|grandmother|family|relatives?|brca|genes?|genetic\w*|risk",
     "family history, genes and risk are not in the picture, and are not taken into account"),
    (r"smok\w*|drink\w*|weigh\w*|bmi|tall|children|pills?|drugs?|medicat\w*|hormones?|insur\w*|"
     r"job|married|surger\w*|operated|operation",
     "how somebody lives and what was done before are not kept with these pictures"),
    (r"pacemaker|implants?|heart|lungs?|liver|bones?|port|ribs?|ovar\w*|brain",
     "no source here looks for it"),
)  # fmt: skip
# what asks how well it does in figures, rather than whether it may be trusted
_FIGURES = re.compile(
    r"\b(auc|auroc|roc|accura\w*|sensitiv\w*|specific\w*|perform\w*|figures?|benchmark\w*|"
    r"how (good|well|often|much)|error|false|precision|recall|metrics?|f1|scores?|scored|"
    r"validat\w*|tested|tried|intervals?|miss(es|ed)?|ece|calibrat\w*|ppv|npv|rates?)\b"
)
_WORRY = re.compile(r"\b(scared|afraid|anxious|frighten\w*|terrified|nervous|worr\w+)\b")


def person(question: str) -> str:
    """Return why something that no mammogram shows, or nobody looks for, cannot be told."""
    words = question.casefold()
    why = next(
        (why for asked, why in _UNSEEN if re.search(rf"\b(?:{asked})\b", words)),
        "tags that name or describe the patient are not kept, and no source here looks for it",
    )
    return f"That cannot be told from these pictures: {why}."


def greeting(topics: Sequence[str]) -> str:
    """Return a greeting that says what can be asked."""
    listed = ", ".join(topics) or "side, view, sizes and warnings"
    return (
        f"Hello. Ask about the mammograms on the light box, for example: {listed}. Terms of "
        "mammography are explained, too."
    )


def thanks(question: str = "") -> str:
    """Return an answer to thanks or to a goodbye."""
    if re.search(r"\b(bye|goodbye|see you)\b", question.casefold()):
        return "Goodbye. The pictures are forgotten five minutes after the page is closed."
    return "You are welcome. Is there anything else to look at in these pictures?"


def about(card: Card, topics: Sequence[str]) -> str:
    """Return who speaks, what it learnt from and what it can be asked."""
    listed = ", ".join(topics) or "nothing about these pictures"
    if not card.is_model:
        return (
            "This is VersaMammo, research software for mammograms, at work without a model: it "
            f"tells what tags say and pixels measure, and explains terms. {NOTICE}"
        )
    return (
        f"This is VersaMammo, a research model for mammograms: {card.name}, version "
        f"{card.version}, trained on {card.data}. It judges here: {listed}. {words_of(card)} "
        "Its code is open (Apache-2.0) and its makers are the VersaMammo project. "
        f"{NOTICE}"
    )


def words_of(card: Card) -> str:
    """Return who words the answers."""
    if not card.worded_by:
        return "No language model words its answers: they are the lines of its record."
    return (
        f"The language model that words its answers is {card.worded_by}; what they state is "
        "compared with its record before it is shown."
    )


def abilities(topics: Sequence[str]) -> str:
    """Return what may be asked."""
    judged = (
        f"In these pictures it judges {', '.join(topics)}, with places, sizes and how sure it is"
        if topics
        else "No finding, density or BI-RADS is judged in these pictures, and each answer tells why"
    )
    return (
        f"This is VersaMammo, research software. {judged}. Side, view, sizes, the machine and "
        "warnings come from tags and measurements. "
        "It compares sides, drafts a report, and explains terms of mammography, such as “What "
        "does MLO mean?” or “What is BI-RADS 3?”. It opens mammograms as DICOM, PNG, JPEG, "
        "TIFF or PGM files or a ZIP of them: no ultrasound, MRI or CT."
    )


def trust(
    card: Card,
    seen: Findings,
    titles: Mapping[str, str],
    asked_of: Sequence[str] = (),
    question: str = "",
) -> str:
    """Return what the program is, that it errs, and how it did when it was tried.

    Args:
        card: who speaks.
        seen: the record of evidence, with how each topic was tried.
        titles: of the topics that are judged in these pictures, by their names.
        asked_of: topics that are asked for; all if there are none.
        question: in the user's words; one for figures is answered by them first.
    """
    learnt = f", trained on {card.data}" if card.is_model else ""
    mistakes = "It makes mistakes; do not rely on it, and leave decisions to a radiologist."
    first = (
        f"No doctor speaks here: VersaMammo is research software{learnt}. No authority has "
        f"cleared it as a medical device. {mistakes}"
    )
    figures = [
        one.line for one in card.measured.figures
        if ("ACR" in asked_of or not one.by_density)
        and (not asked_of or set(asked_of) & set(one.topics))
    ]  # fmt: skip
    other = (
        "Not measured: how often it raises a false alarm in breasts without a lesion, how many "
        "cancers it misses in screening, and how it does beside a radiologist."
    )
    in_figures = bool(asked_of) or _FIGURES.search(question.casefold()) is not None
    if figures and not in_figures:
        told = [HOW_WELL, other]
    elif figures:
        digital = ["No digital mammogram was among them."] if card.films_only else []
        told = [_measured_on(card), *figures, *digital, other]
    else:
        told = _tried(seen, titles, asked_of)
        told += [other] if len(told) > 1 else []
    return "\n".join([*told, mistakes] if in_figures else [first, *told])


def _measured_on(card: Card) -> str:
    where = f" ({card.measured.on})" if card.measured.on else ""
    on = card.tried_on or ("phantoms" if card.phantoms_only else "test patients")
    return f"Measured on {on}{where}, from whom it had not learnt; in brackets 95 %:"


def _tried(seen: Findings, titles: Mapping[str, str], asked_of: Sequence[str]) -> list[str]:
    """Return how the topics went when they were tried, or that they were not found to be known."""
    tried = [
        f"{title}: {seen.tried[name]}."
        for name, title in titles.items()
        if name in seen.tried and (not asked_of or name in asked_of)
    ]
    if tried:
        how = "What it judges in these pictures was tried on patients that it had not learnt from:"
        return [how, *tried]
    if asked_of:
        return [f"{BY_NAME[name].title}: {seen.why_silent(name)}." for name in asked_of]
    return ["In these pictures it judges no finding, because it was not found to know them."]


def privacy() -> str:
    """Return what becomes of pictures and questions."""
    return (
        "Pictures and questions stay on the machine that serves this page; nothing is sent "
        "elsewhere, and no model is trained on them. Uploads are deleted once they are read; the "
        "pixels of an open exam lie there without tags and names, and are deleted five minutes "
        "after the page is closed. Names, numbers and dates of patients are not kept. Marks burned "
        "into the pixels are covered outside the breast; over it they are not looked for."
    )


def advice(question: str = "") -> str:
    """Return why no advice is given."""
    told = (
        "That is for a radiologist or the treating doctor to decide. This is research software "
        "and not for diagnosis: it gives no advice on what to do."
    )
    if _WORRY.search(question.casefold()):
        return f"{told} If something worries you, please speak to them about it soon."
    return told


def meaning(entries: Sequence[GlossaryTerm]) -> str:
    """Return what the glossary says."""
    related = dict.fromkeys(
        name
        for entry in entries
        for name in entry.related
        if name not in [one.term for one in entries]
    )
    lines = [f"{entry.term[0].upper()}{entry.term[1:]}: {entry.text}" for entry in entries]
    return "\n".join([*lines, f"See also: {', '.join([*related][:4])}."])


def no_meaning(words: Sequence[str]) -> str:
    """Return that the glossary does not hold what is asked for."""
    about_what = f" for “{' '.join(words)}”" if 0 < len(words) <= QUOTED else " for that"
    return (
        f"The glossary here has no entry{about_what}, and nothing is made up. It explains terms "
        "of mammography: views, density, BI-RADS, findings, biopsies, screening, DICOM and figures."
    )


def off_topic(words: Sequence[str]) -> str:
    """Return a polite refusal of what has nothing to do with mammography."""
    what = f"“{' '.join(words)}” is" if 0 < len(words) <= QUOTED else "That is"
    return (
        f"{what} nothing this program can help with, sorry: it answers about mammograms only, "
        "about the ones on the light box and about terms of mammography, in English."
    )


def not_judged_term(entry: GlossaryTerm, topics: Sequence[str]) -> str:
    """Return that no source tells whether pictures show what a term of the glossary names."""
    if entry.part == "technique":
        return (
            f"“{entry.term}” is not read from these files: side, view, sizes, the machine and "
            "warnings are. What the term means can be asked."
        )
    listed = ", ".join(topics) or "no finding"
    return (
        f"Nothing here tells whether these pictures show “{entry.term}”: no source was trained "
        f"and tried for it. What is judged in them: {listed}. What the term means can be asked."
    )


def no_attributes(topics: Sequence[str]) -> str:
    """Return that no source tells what a finding looks like."""
    listed = ", ".join(topics) or "no finding"
    return (
        "Shape, margin, density and pattern of a finding are not judged: no source was trained and "
        f"tried for them. What is judged in these pictures: {listed}."
    )


NOT_UNDERSTOOD = "This was not understood"


def not_understood(words: Sequence[str], topics: Sequence[str], near: Sequence[str] = ()) -> str:
    """Return that a question was not understood, what is near to it, and what can be asked."""
    named = f" (“{' '.join(words)}”)" if 0 < len(words) <= QUOTED else ""
    nearest = f"Nearest to it can be asked: {'; '.join(dict.fromkeys(near))}. " if near else ""
    return (
        f"{NOT_UNDERSTOOD}{named}, and a guess would answer another question. {nearest}"
        f"What can be asked about these pictures: {', '.join([*topics, OF_TAGS])}."
    )
