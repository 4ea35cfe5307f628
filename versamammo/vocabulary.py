"""What can be said of a mammogram: one record per topic, which every other table reads.

A topic is one thing to ask about, under the name that MammoVQA gives it. Its record holds the
kind of question, the options, the words by which people name it, the wordings that lessons put it
in, the question of the door test, the sentences that answer it, the head that sees it, and its
SNOMED CT code as DICOM PS3.16 lists it. Data only: what reads labels or pictures stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from versamammo.vqa import Kind

YES, NO, NORMAL = "Yes", "No", "Normal"
YES_NO = (YES, NO)
NOT_JUDGED = "Not judged, which does not mean not there"  # begins a list of findings


@dataclass(frozen=True)
class Topic:
    """One thing to ask about.

    Attributes:
        name: as MammoVQA calls it, or ours for single findings.
        kind: how it may be answered.
        options: all that are possible.
        wordings: ways of asking about one image.
        synonyms: regular expressions of words that name it in a question, case ignored.
        title: as readers of mammograms call it.
        sentences: ways of answering; `{}` takes the value, described.
        nothing: ways of answering that there is nothing.
        values: option -> how a sentence words it.
        asked: the question as a user puts it in the door test; empty if it is not asked there.
        head: the attribute that knows it, of labels and of an encoder's head; empty if there is
            none.
        finding: the kind of finding that it asks for; empty if it asks for something else.
        prefix: what an option has before the head's value.
        exam: whether benchmarks also ask it about all views of an exam.
        worst: options from least to most suspicious: of views that differ the worst speaks for
            the exam. Views that differ in other options have no answer in common.
        code: SNOMED CT.
        lay: option -> words for somebody who does not read mammograms.
    """

    name: str
    kind: Kind
    options: tuple[str, ...]
    wordings: tuple[str, ...]
    synonyms: tuple[str, ...]
    title: str
    sentences: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    asked: str = ""
    head: str = ""
    finding: str = ""
    prefix: str = ""
    exam: bool = False
    worst: tuple[str, ...] = ()
    code: str = ""
    lay: tuple[tuple[str, str], ...] = ()

    def option_of(self, value: str) -> str:
        """Return the option that a head's value stands for: `B` is `Level B`."""
        return f"{self.prefix}{value if self.prefix else value.capitalize()}"

    def plain(self, option: str) -> str:
        """Return an option as a short word: `Level B` is `B`."""
        return option.removeprefix(self.prefix)

    def described(self, option: str) -> str:
        """Return an option as a sentence words it: `Level B` is `B, scattered ... tissue`."""
        return dict(self.values).get(option, self.plain(option))


def _levels(highest: int) -> tuple[str, ...]:
    return tuple(f"Level {number}" for number in range(1, highest + 1))


def _lower(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((word, word.lower()) for word in words)


_DENSITY = (
    ("Level A", "A, almost entirely fatty"),
    ("Level B", "B, scattered fibroglandular tissue"),
    ("Level C", "C, heterogeneously dense"),
    ("Level D", "D, extremely dense"),
)
_LAY_DENSITY = (
    ("Level A", "almost only fat, in which little can hide"),
    ("Level B", "mostly fat, with some gland tissue"),
    ("Level C", "a good deal of gland tissue, in which small changes can hide"),
    ("Level D", "very much gland tissue, in which changes are hard to see"),
)
_BIRADS = (
    ("Bi-Rads 0", "0, incomplete"),
    ("Bi-Rads 1", "1, negative"),
    ("Bi-Rads 2", "2, benign"),
    ("Bi-Rads 3", "3, probably benign"),
    ("Bi-Rads 4", "4, suspicious"),
    ("Bi-Rads 5", "5, highly suggestive of malignancy"),
)
_PATHOLOGY = (NORMAL, "Malignant", "Benign")
_TISSUE = ("Fatty-glandular", "Fatty", "Dense-glandular")


@dataclass(frozen=True)
class FindingTerm:
    """One kind of finding: its name in labels and on heads, and the words for it.

    Attributes:
        lay: words for somebody who does not read mammograms.
    """

    kind: str
    name: str
    phrase: str
    lay: str
    synonyms: tuple[str, ...]
    code: str
    extra: tuple[str, ...] = ()
    asked: str = ""


_FINDINGS = (
    FindingTerm(
        "mass", "Mass", "a mass", "a lump",
        (r"mass(es)?", r"tumou?rs?", r"lumps?", r"nodul\w*", r"space[- ]occupying lesions?"),
        "129788004",
    ),
    FindingTerm(
        "calcification", "Calcification", "a calcification", "specks of calcium",
        (r"(micro|macro)?[- ]?calcif\w*", r"(micro)?[- ]?calcs?",
         r"calcium( deposit| speck| spot)?s?", r"white specks?"),
        "309587003",
        ("Are there calcifications?", "Do you see suspicious calcifications?"),
        asked="Are there calcifications?",
    ),
    FindingTerm(
        "asymmetry", "Asymmetry", "an asymmetry", "a patch that the other breast does not have",
        (r"asymm?etr\w*",), "129790003",
    ),
    FindingTerm(
        "distortion", "Architectural distortion", "an architectural distortion",
        "a place where the tissue is pulled together",
        (r"(architectural )?distort\w*",), "129792006",
    ),
    FindingTerm(
        "skin_thickening", "Skin thickening", "thickened skin", "thickened skin",
        (r"skin thick\w*", r"thick\w*( of the)? skin", r"thick skin"), "129797000",
        asked="Is the skin thickened? Is there skin thickening?",
    ),
    FindingTerm(
        "skin_retraction", "Skin retraction", "retracted skin", "skin that is pulled in",
        (r"skin (retract\w*|dimpl\w*)", r"(retract\w*|dimpl\w*)( of the)? skin"), "129796009",
        asked="Is there skin retraction?",
    ),
    FindingTerm(
        "nipple_retraction", "Nipple retraction", "a retracted nipple",
        "a nipple that is pulled in",
        (r"nipple (retract\w*|invers\w*|invert\w*)", r"(retract\w*|invert\w*)( of the)? nipples?",
         r"nipples?\b.{0,12}\b(pulled|drawn|sucked|turned) in(ward)?s?"),
        "271955004", asked="Is there a nipple retraction?",
    ),
    FindingTerm(
        "lymph_node", "Suspicious lymph node", "a suspicious lymph node", "a suspicious lymph node",
        (r"(suspicious )?(axillary )?lymph( ?nodes?|aden\w*)?", r"axillary nodes?", r"armpits?",
         r"axilla", r"nodal (involve?ment|disease|metastas[ei]s)",
         r"(swollen|enlarged) (gland|node)s?"),
        "59441001",
    ),
)  # fmt: skip
_FOUND_ASKED = (
    "Is there {}?",
    "Is there {} in this image?",
    "Does this mammogram show {}?",
    "Can {} be seen here?",
    "Do you see {}?",
)
_FOUND = ("Yes, there is {}.", "Yes, {} can be seen.")
_ABSENT = ("No, there is no {}.", "No {} can be seen.")


def _presence(term: FindingTerm) -> Topic:
    wordings = tuple(asked.format(term.phrase) for asked in _FOUND_ASKED)
    article = "" if term.name.startswith("Skin") else "an " if term.name[0] in "AEIOU" else "a "
    words = term.name.lower()
    return Topic(
        term.name, Kind.YES_NO, YES_NO, (*wordings, *term.extra), term.synonyms, term.name,
        sentences=tuple(found.format(article + words) for found in _FOUND),
        nothing=tuple(absent.format(words) for absent in _ABSENT),
        asked=term.asked or wordings[0], head=term.kind, finding=term.kind, worst=(NO, YES),
        code=term.code, lay=((YES, term.lay),),
    )  # fmt: skip


TOPICS: tuple[Topic, ...] = (
    Topic(
        "View", Kind.SINGLE, ("MLO", "CC"),
        ("Which view is this?", "In which projection was this mammogram taken?",
         "Is this a craniocaudal or an oblique view?"),
        (r"views?", r"projections?", r"cranio-?caudal or"),
        "View", ("This is a {} view.", "The projection is {}."),
        asked="Which view is this?", head="view",
    ),
    Topic(
        "Laterality", Kind.SINGLE, ("Right", "Left"),
        ("Which breast is shown?", "On which side of the body is this breast?",
         "Is this the right or the left breast?"),
        (r"which (breast|side)", r"lateralit\w*", r"left or( the)? right",
         r"right or( the)? left"),
        "Side", ("It is the {} breast.", "The {} breast is shown."),
        values=_lower(("Right", "Left")), head="laterality",
    ),
    Topic(
        "ACR", Kind.SINGLE, tuple(option for option, _ in _DENSITY),
        ("How dense is the breast?", "Which density level fits?", "What is the breast density?",
         "What is the ACR composition?", "What is the ACR density?"),
        (r"dens(e|er|est|ity|ities)", r"(breast )?composition", r"acr", r"fibroglandular"),
        "ACR density", ("The breast density is ACR {}.", "The composition is ACR {}."),
        values=_DENSITY, asked="How dense is the breast?", head="density", prefix="Level ",
        exam=True, code="129793001", lay=_LAY_DENSITY,
    ),
    Topic(
        "Bi-Rads", Kind.SINGLE, tuple(option for option, _ in _BIRADS),
        ("Which BI-RADS category fits?", "How would you assess this, in BI-RADS?",
         "What is the BI-RADS assessment?", "What is your assessment?"),
        (r"bi-?rads", r"(final )?assessment( category)?", r"assess"),
        "BI-RADS", ("The assessment is BI-RADS {}.", "BI-RADS {}."),
        values=_BIRADS, asked="Which BI-RADS category fits?", head="birads", prefix="Bi-Rads ",
        exam=True, worst=tuple(option for option, _ in _BIRADS[1:]),
    ),
    Topic(
        "Background tissue", Kind.SINGLE, _TISSUE,
        ("What is the background tissue?", "Of what kind is the tissue?"),
        (r"background tissue", r"(kind|type) of tissue", r"(kind|type) is the tissue",
         r"(?<!overlapping )(?<!overlapping glandular )tissue"),
        "Background tissue", ("The tissue is {}.",), values=_lower(_TISSUE),
        asked="What is the background tissue?", head="tissue",
    ),
    Topic(
        "Pathology", Kind.SINGLE, _PATHOLOGY,
        ("What is the pathology?", "Is the breast normal, or is a lesion benign or malignant?"),
        (r"patholog\w*", r"benign", r"malignan\w*"),
        "Pathology", ("The breast looks {}.", "It looks {}."),
        values=_lower(_PATHOLOGY), asked="Is it benign or malignant?", head="pathology",
        worst=(NORMAL, "Benign", "Malignant"),
        lay=(("Malignant", "cancer than harmless"), ("Benign", "harmless than cancer")),
    ),
    Topic(
        "Subtlety", Kind.SINGLE, (NORMAL, *_levels(5)),
        ("How obvious is the lesion, from 1, subtle, to 5?", "How subtle is the finding?"),
        (r"subtle(ty)?", r"obvious"),
        "Subtlety", ("The subtlety is {} of 5.",), ("There is no lesion.",),
        values=_lower(_levels(5)), asked="How subtle is the finding?", head="subtlety",
        prefix="Level ",
    ),
    Topic(
        "Masking potential", Kind.SINGLE, _levels(8),
        ("How easily could a tumour hide here, from 1 to 8?", "What is the masking potential?"),
        (r"masking( potential)?", r"(tumou?r|cancer|mass) (to )?hide", r"hid(e|den|ing)"),
        "Masking potential", ("The masking potential is {} of 8.",),
        values=_lower(_levels(8)), asked="How easily could a tumour hide here?",
        head="masking", prefix="Level ",
    ),
    Topic(
        "Abnormality", Kind.MULTIPLE, (NORMAL, *(term.name for term in _FINDINGS)),
        ("Which abnormalities are there?", "What is found in this image?",
         "What abnormalities do you see?", "Are there any findings?"),
        (r"abnormal\w*", r"findings?", r"lesions?", r"suspicious", r"normal", r"unusual",
         r"anything( wrong)?", r"something wrong", r"what is found", r"odd", r"healthy",
         r"all clear", r"concerning", r"worrisome", r"(stand|stick|jump|leap)s? out",
         r"(second|closer) look", r"worst", r"clean", r"flag(s|ged)?",
         r"gist", r"(in )?(one|a) (line|nutshell|sentence)",
         r"what (did )?you (find|found)", r"what'?s? (is )?wrong",
         r"everything (ok|okay|fine|alright)"),
        "Findings", ("There is: {}.", "Found: {}."),
        ("Nothing abnormal is found.", "There is no finding."),
    ),
    Topic(
        "Cancer", Kind.YES_NO, YES_NO,
        ("Is there cancer?", "Is there cancer in this breast?", "Was cancer found in this breast?"),
        (r"cancer\w*", r"carcinoma\w*"),
        "Cancer", ("Yes, this looks like cancer.",), ("No, this does not look like cancer.",),
        asked="Is there cancer?", head="cancer", worst=(NO, YES),
    ),
    Topic(
        "Invasive cancer", Kind.YES_NO, YES_NO,
        ("Is the cancer invasive?", "Has the cancer grown into its surroundings?"),
        (r"invasive( cancer| carcinoma)?", r"cancer (invasive|grown into)", r"invad\w+"),
        "Invasive cancer", ("Yes, it looks invasive.",), ("No, it does not look invasive.",),
        asked="Is the cancer invasive?", head="invasive",
    ),
    *map(_presence, _FINDINGS),
)  # fmt: skip
BY_NAME = {topic.name: topic for topic in TOPICS}
FINDING_WORDS = {term.kind: term.name for term in _FINDINGS}  # kind of finding -> topic's name
BY_HEAD = {topic.head: topic for topic in TOPICS if topic.head}
NAMED = {topic.name: re.compile(rf"\b(?:{'|'.join(topic.synonyms)})\b") for topic in TOPICS}


def topics_named(words: str) -> tuple[str, ...]:
    """Return the topics that a text in lower case names.

    A longer name hides a shorter one inside it, and a named finding any finding at all.
    """
    spans = {
        name: [match.span() for match in pattern.finditer(words)] for name, pattern in NAMED.items()
    }
    found = [
        name
        for name, own in spans.items()
        if any(
            not any(
                _inside(span, other)
                for other_name, others in spans.items()
                if other_name != name
                for other in others
            )
            for span in own
        )
    ]
    named = any(BY_NAME[name].finding for name in found)
    return tuple(name for name in found if not (named and name == "Abnormality"))


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return other != span and other[0] <= span[0] and span[1] <= other[1]


def sentence(topic: Topic, answer: Sequence[str], turn: int = 0) -> str:
    """Return an answer as a sentence; `turn` chooses among the ways of saying it."""
    if topic.kind is Kind.YES_NO:
        forms = topic.sentences if answer[0] == YES else topic.nothing
        return forms[turn % len(forms)]
    if tuple(answer) == (NORMAL,) and topic.nothing:
        return topic.nothing[turn % len(topic.nothing)]
    listed = ", ".join(topic.described(option) for option in answer)
    words = listed.lower() if topic.kind is Kind.MULTIPLE else listed
    return topic.sentences[turn % len(topic.sentences)].format(words)
