"""What is no good answer whatever its record: said twice, beside the question, out of its place."""

from __future__ import annotations

import pytest

from vlm.grounding import disagreements

FOUND = (
    "Mass: R CC yes (0.98), marked in the upper third; R MLO yes (0.89), marked in the middle "
    "third; L CC no (0.89).",
)
SIDES = (
    "Right breast: ACR density B, scattered fibroglandular tissue (0.89).",
    "Left breast: ACR density B, scattered fibroglandular tissue (0.94).",
)


@pytest.mark.parametrize(
    ("record", "question", "good", "bad", "why"),
    [
        (FOUND, "how many masses?",
         "Mass in R CC, upper third. Mass in R MLO, middle third.",
         "Mass in R CC, upper third. Mass in R MLO, middle third. Mass in R MLO, middle third.",
         "says the same twice"),
        (FOUND, "how sure are you?",
         "The answer on mass is yes in R CC (0.98).", "The answer on mass is 0 (0.98).",
         "tells a figure in place of yes or no"),
        (FOUND, "is there no mass?",
         "That is not so: a mass is likely in R CC (0.98).",
         "Yes: a mass is likely in R CC (0.98).",
         "says yes to a question that denies"),
        (SIDES, "which is denser?",
         "ACR density: right B (0.89); left B (0.94).", "ACR density: right B (0.89).",
         "leaves out the left breast"),
        (SIDES, "which is denser?",
         "ACR density: right B (0.89); left B (0.94).",
         "They cannot be compared. ACR density: right B (0.89); left B (0.94).",
         "the record says nothing of what cannot be compared"),
    ],
)  # fmt: skip
def test_a_form_that_misleads_is_not_shown(
    record: tuple[str, ...], question: str, good: str, bad: str, why: str
) -> None:
    assert why not in disagreements(good, record, question)
    assert why in disagreements(bad, record, question)
    assert not disagreements(good, record, question)


def test_a_condition_holds_for_the_sentence_that_it_stands_in() -> None:
    record = (
        "If there is a lesion, it most likely lies here: R CC lower third, size not known.",
        "Pathology: malignant (0.80); also possible: benign 0.20, if there is a lesion.",
    )
    place = "If there is a lesion, it most likely lies here: R CC, lower third."
    lesion = "If there is one, it is most likely malignant (0.80). Also possible: benign (0.20)."
    good = f"{place} {lesion}"
    why = "leaves out that it holds if there is a lesion"
    assert not disagreements(good, record, "where?")
    assert why in disagreements(f"{place} It is most likely malignant (0.80).", record, "where?")
    twice = f"{place} The place to look at, if there is a lesion: R CC, lower third."
    assert "says the same twice" in disagreements(twice, record, "where?")


def test_what_the_record_knows_is_not_said_to_be_unknown() -> None:
    record = (
        "ACR density: C, heterogeneously dense (0.47); also possible: B 0.31.",
        "Mass: not judged, because every picture that the model learnt from shows a lesion.",
    )
    value = "The ACR density is C, heterogeneously dense (0.47)."
    mass = "I cannot say whether there is a mass, because every picture shows a lesion."
    assert not disagreements(f"{mass} {value}", record, "where?")
    denied = "The density is not known, because every picture shows a lesion."
    assert "says that density is not known" in disagreements(f"{denied} {value}", record, "where?")


@pytest.mark.parametrize(
    ("record", "good", "bad", "why"),
    [
        ("Background tissue: not judged, because this model was never tried at it.",
         "The background tissue is not judged here, because this model was never tried at it.",
         "I cannot tell whether there is a background tissue, because this model was never tried "
         "at it.",
         "doubts that there is what every breast has"),
        ("L CC: the tags say side left, view CC; the pixels look stored as a left breast.",
         "By the tags this is the left breast in the CC view.",
         "The side is L CC and the view is L CC.",
         "tells one thing for another"),
        ("Pathology is based on the encoder's heads in the pixels; tried on 174 questions.",
         "That is based on the encoder's heads in the pixels; tried on 174 questions.",
         "It is not based on the encoder's heads; tried on 174 questions.",
         "denies what an answer rests on"),
        ("BI-RADS: not judged, because it was tried on 10 questions whose answer is Bi-Rads 2; at "
         "least 20 of each answer are needed to tell it from guessing.",
         "BI-RADS is not judged here: it was tried on 10 questions whose answer is Bi-Rads 2; at "
         "least 20 of each answer are needed to tell it from guessing.",
         "BI-RADS is not judged here: it was tried on 10 questions whose answer is Bi-Rads 2; at "
         "least 20 of these pictures need to be shown to tell it from guessing.",
         "the record says nothing of how many are needed"),
    ],
)  # fmt: skip
def test_what_was_shown_once_and_made_no_sense_is_not_shown(
    record: str, good: str, bad: str, why: str
) -> None:
    assert not disagreements(good, (record,), "What of it?")
    assert why in disagreements(bad, (record,), "What of it?")


def test_the_place_of_a_lesion_is_told_of_no_other_finding() -> None:
    record = (
        "Asymmetry: not judged, because this model was never tried at it.",
        "If there is a lesion, it most likely lies here: R CC lower third, size not known.",
    )
    silent = "Asymmetry is not judged here, because this model was never tried at it."
    why = "tells the place of a lesion as that of another finding"
    place = "the likeliest place is R CC, lower third."
    assert not disagreements(f"{silent} If there is a lesion, {place}", record, "asymmetry?")
    assert why in disagreements(f"{silent} If there is one, {place}", record, "asymmetry?")
    wrong = f"{silent} If there is an asymmetry, {place}"
    assert why in disagreements(wrong, record, "asymmetry?")


def test_none_of_three_findings_that_are_not_judged_is_passed_over() -> None:
    record = tuple(
        f"{name}: not judged, because this model was never tried at it."
        for name in ("Architectural distortion", "Calcification")
    )
    both = "Neither distortion nor calcification is judged here: the model was never tried at it."
    why = "leaves out which findings are not judged"
    one = "Architectural distortion is not judged here: this model was never tried at it."
    assert why in disagreements(one, record, "distortion or calcs?")
    assert why not in disagreements(both.replace("distortion", "architectural distortion"), record)
