"""Which questions ask for a meaning, and which entry answers them."""

from __future__ import annotations

import pytest

from vlm.knowledge.general_questions import explained, named_in, term_alone
from vlm.knowledge.glossary import glossary
from vlm.knowledge.glossary_search import retriever

ASKED = [
    ("what does MLO mean?", "mediolateral oblique view"),
    ("whats birads 3", "BI-RADS 3"),
    ("explain spiculated", "spiculated margin"),
    ("what is a phylodes tumor", "phyllodes tumour"),
    ("what is a mass?", "mass"),
    ("wat is a mas", "mAs"),  # three letters leave no room for a slip, and this is a name
    ("Could you tell me what CC stands for", "craniocaudal view"),
    ("define XCCL", "exaggerated craniocaudal view"),
    ("why take spot compression views?", None),  # no form that is known
    ("What's spot compression?", "spot compression view"),
    ("what are magnificaton views", "magnification view"),
    ("what is an Eklund view", "implant-displaced view"),
    ("What is the pectoral muscle?", "pectoral muscle"),
    ("what is the posterior nipple line", "posterior nipple line"),
    ("what does the upper outer quadrant mean", "quadrant"),
    ("bi-rads 0 meaning", "BI-RADS 0"),
    ("What does a BIRADS-2 mean?", "BI-RADS 2"),
    ("explain birads category 4", "BI-RADS 4"),
    ("what is 4b", "BI-RADS 4"),
    ("is bi rads 5 always cancer?", "BI-RADS 5"),
    ("What is BI-RADS 6?", "BI-RADS 6"),
    ("What does ACR D mean", "density D"),
    ("what is a type a breast", "density A"),
    ("what is a category b density", "density B"),
    ("explain hetrogeneously dense", "density C"),
    ("Why is breast density important?", "breast density"),
    ("what is masking", "masking"),
    ("what is a circumscibed margin", "circumscribed margin"),
    ("what does microlobulated mean", "microlobulated margin"),
    ("are spiculated masses always malignant?", "spiculated margin"),
    ("what does an irregular shape mean", "irregular mass"),
    ("What is architectual distortion", "architectural distortion"),
    ("tell me about developing asymmetries", "developing asymmetry"),
    ("what are popcorn calcifications", "popcorn calcifications"),
    ("What is milk of calcium?", "milk of calcium"),
    ("are vascular calcifications dangerous", "vascular calcifications"),
    ("what does amorphous mean", "amorphous calcifications"),
    ("explain segmental distribution please", "segmental distribution"),
    ("What is clustered microcalcification?", "grouped calcifications"),
    ("what are micro calcifications", "microcalcification"),
    ("what does peau d orange mean", None),  # not in the glossary
    ("what does FNA stand for?", "fine-needle aspiration"),
    ("How does a vacuum assisted biopsy work?", "vacuum-assisted biopsy"),
    ("what is a sentinal node biopsy", "sentinel node biopsy"),
    ("what is 3D mammography", "tomosynthesis"),
    ("how does tomosythesis work", "tomosynthesis"),
    ("What is CESM?", "contrast-enhanced mammography"),
    ("when is a breast MRI used", "breast MRI"),
    ("what is an interval cancer", "interval cancer"),
    ("what does overdiagnosed mean", "overdiagnosis"),
    ("how often is screening done", "screening interval"),
    ("what is lead time bias", "lead-time bias"),
    ("What is BRCA1?", "BRCA"),
    ("what is ductal carcinoma in situ", "DCIS"),
    ("what is invasive ductal carcinoma?", "invasive ductal carcinoma"),
    ("What's a radial scar?", "radial scar"),
    ("is LCIS cancer?", "LCIS"),
    ("Is a fibroadenoma dangerous?", "fibroadenoma"),
    ("what is fat necrosys", "fat necrosis"),
    ("can a papilloma become cancer", "papilloma"),
    ("what does triple negative mean", "triple-negative breast cancer"),
    ("explain the VOI LUT", "VOI LUT"),
    ("what is monochrome2", "MONOCHROME2"),
    ("what does kVp mean", "kVp"),
    ("what does for processing mean", "for processing"),
    ("What is pixel spacing?", "pixel spacing"),
    ("what is ROC", "ROC curve"),
    ("what is FROC analysis", "FROC curve"),
    ("What is meant by calibration?", "calibration"),
    ("what is a bounding box", "bounding box"),
    ("What is an encoder?", "encoder"),
    ("what does LoRA mean", "LoRA"),
    ("tomosynthesis?", "tomosynthesis"),
    ("Fibroadenoma", "fibroadenoma"),
    ("what is a gynecomastia", "gynaecomastia"),
]
OF_PICTURES = [
    "is there a mass?",
    "What is the mass?",
    "any mass?",
    "mass?",
    "calcifications?",
    "What is the density?",
    "what's the BI-RADS?",
    "which BI-RADS category fits?",
    "what BI-RADS would you give?",
    "is this a cyst?",
    "Is it spiculated?",
    "does it look like a fibroadenoma",
    "what is this white spot",
    "what does this mean?",
    "explain the findings",
    "Explain your answer",
    "explain the calcifications",
    "tell me about the mass",
    "tell me about this exam",
    "describe the margin of the mass",
    "where is the mass?",
    "how big is the lesion",
    "how dense is the breast?",
    "how many calcifications are there?",
    "are there popcorn calcifications?",
    "is the mass malignant?",
    "is the lymph node suspicious?",
    "do you see a spiculated mass",
    "can you see DCIS in this image?",
    "what do the calcifications look like here?",
    "What is the size?",
    "which view is this?",
    "what is the view",
    "MLO or CC?",
    "is the mass in the upper outer quadrant?",
    "could there be invasive cancer",
    "Is the breast normal?",
    "How sure are you?",
    "should I have a biopsy?",
    "what is the probability of cancer here",
    "what findings do you see in the left breast?",
    "is the asymmetry dangerous?",
]
UNKNOWN = [
    "what is the capital of France?",
    "why is the sky blue?",
    "explain quantum chromodynamics",
    "what is a transistor",
    "tell me about the French revolution",
    "what is the meaning of life",
]


@pytest.mark.parametrize(("question", "term"), ASKED)
def test_a_question_for_a_meaning_finds_its_entry(question: str, term: str | None) -> None:
    found = explained(question)
    assert (found[0].term if found else None) == term


@pytest.mark.parametrize("question", OF_PICTURES)
def test_a_question_about_the_pictures_is_not_answered_from_the_glossary(question: str) -> None:
    assert explained(question) == ()


@pytest.mark.parametrize("question", UNKNOWN)
def test_what_the_glossary_does_not_hold_is_not_answered_with_something_else(question: str) -> None:
    assert explained(question) == ()


def test_there_are_enough_of_each() -> None:
    assert sum(term is not None for _, term in ASKED) >= 60
    assert len(OF_PICTURES) >= 30


def test_every_entry_is_found_by_each_of_its_names() -> None:
    lost = [
        (entry.term, name)
        for entry in glossary()
        for name in entry.names
        if [hit.entry for hit in retriever().find(name)][:1] != [entry]
    ]
    assert lost == []


def test_terms_that_are_put_side_by_side_are_both_explained() -> None:
    assert [entry.term for entry in explained("difference between DCIS and LCIS?")] == [
        "DCIS",
        "LCIS",
    ]
    assert len(explained("what is a false positive in screening?")) == 1
    kinds = explained("difference between a screening mammogram and a diagnostic mammogram")
    assert [entry.term for entry in kinds] == ["screening mammography", "diagnostic mammography"]


def test_numbers_and_letters_leave_no_room_for_slips() -> None:
    for short in ("difference between BI-RADS 3 and 4", "BI-RADS 3 vs. 4: what is the difference?"):
        assert [entry.term for entry in explained(short)] == ["BI-RADS 3", "BI-RADS 4"]
    named = [entry.term for entry in explained("difference between density B and C")]
    assert named == ["density B", "density C"]
    assert [entry.term for entry in explained("what is BI-RADS 3 and BI-RADS 4?")] == [
        "BI-RADS 3",
        "BI-RADS 4",
    ]
    assert explained("what is BI-RADS 9?")[0].term == "BI-RADS"
    assert explained("what is density c")[0].term == "density C"


def test_a_term_alone_is_told_from_a_sentence() -> None:
    assert [entry.term for entry in term_alone("and LCIS?")] == ["LCIS"]
    assert term_alone("LCIS in this picture?") == ()
    assert term_alone("hello there") == ()


def test_a_meaning_may_be_asked_for_that_is_not_known() -> None:
    assert [entry.term for entry in named_in("no fibroadenoma there")] == ["fibroadenoma"]
