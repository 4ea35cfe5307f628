"""What a checker lets through and what it does not, sentence by sentence."""

from __future__ import annotations

import pytest

from vlm.grounding import completed, disagreements, hedged

MASS = (
    "Mass: R MLO yes (0.96), marked in the middle third, at middle depth, 20 x 27 mm; "
    "R CC no (0.74); L CC no (0.66); L MLO no (0.61).",
)
NONE = ("Mass: R CC no (0.89); R MLO no (0.53).",)
UNSURE = ("Calcification: R CC not sure (yes 0.46); R MLO no (0.70).",)
SILENT = (
    "Mass: not judged, because every picture that the model learnt from shows a lesion, so that it "
    "cannot tell a breast without one.",
    "If there is a lesion, it most likely lies here: R MLO lower third, at middle depth, 12 x 11 "
    "mm.",
)
DENSITY = (
    "ACR density: B, scattered fibroglandular tissue (0.40); also possible: C 0.34, D 0.18 (mean "
    "of 2 pictures).",
)
LESION = ("Pathology: malignant (0.62); also possible: Benign 0.38, if there is a lesion.",)
TAGS = (
    "R MLO: the tags say side right, view MLO; the pixels look stored as a left breast (chest wall "
    "left); the view, by the pixels, is MLO (model, 0.88). These disagree.",
)
SIDES = (
    "Right breast: ACR density B, scattered fibroglandular tissue (0.93); Mass yes (0.96).",
    "Left breast: ACR density B, scattered fibroglandular tissue (0.89); Mass no (0.61).",
)


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        (MASS, "Yes. A mass is marked in R MLO (0.96), in the middle third, at middle depth."),
        (MASS, "A mass is likely in the right MLO view (probability 0.96), 20 x 27 mm. It was not "
               "found in R CC (0.74), L CC (0.66) or L MLO (0.61)."),
        (NONE, "No mass was found in R CC (0.89) or R MLO (0.53)."),
        (NONE, "No, no mass is marked in any of these pictures."),
        (UNSURE, "Not sure about calcification: R CC (yes 0.46)."),
        (SILENT, "I cannot say whether there is a mass: every picture the model learnt from shows "
                 "a lesion. If there is one, the likeliest place is R MLO, lower third, at middle "
                 "depth, about 12 x 11 mm."),
        (DENSITY, "The density is most likely B, scattered fibroglandular tissue (probability "
                  "0.40). Also possible: C (0.34) and D (0.18)."),
        (LESION, "If there is a lesion, it is most likely malignant (0.62)."),
        (TAGS, "By the tags this is the right breast in the MLO view. The pixels disagree: R MLO "
               "is stored as a left breast would be."),
        (SIDES, "Mass: right yes (0.96), left no (0.61)."),
    ],
)  # fmt: skip
def test_what_the_record_says_may_be_said_in_other_words(
    facts: tuple[str, ...], answer: str
) -> None:
    assert disagreements(answer, facts, "is there a mass?") == ()


@pytest.mark.parametrize(
    ("facts", "answer", "why"),
    [
        (MASS, "No mass was found.", "mass is not said to be absent"),
        (MASS, "A mass is marked in L MLO (0.96).", "mass in L MLO is not said to be there"),
        (MASS, "A mass is marked in R MLO (0.66).", "0.66 belongs to another picture or finding"),
        (MASS, "A mass is marked in R MLO (0.98).", "the record has no 0.98"),
        (MASS, "A mass is marked in R MLO, in the upper third.", "the record has no upper"),
        (MASS, "A mass is marked in R MLO, 27 x 31 mm.", "the record has no 31"),
        (MASS, "A calcification is marked in R MLO (0.96).", "leaves out mass"),
        (MASS, "A mass is marked in R ML (0.96).", "the record has no R ML"),
        (MASS, "A spiculated mass is marked in R MLO.", "the record does not say “spiculated”"),
        (MASS, "Here are four pictures.", "leaves out mass"),
        (MASS, "The right breast is 12 o'clock.", "the record says nothing of a breast as a place"),
        (SILENT, "Nothing here looks amorphous.",
         "the record says nothing of what nothing here looks like"),
        (MASS, "I am not understood.", "the record says nothing of who is not understood"),
        (NONE, "Yes. A mass is marked in R CC (0.89).", "mass in R CC is not said to be there"),
        (NONE, "No mass was found in the left breast.", "the record has no L"),
        (UNSURE, "A calcification is likely in R CC (0.46).",
         "calcification in R CC is not said to be there"),
        (SILENT, "No mass was found.", "mass is not said to be absent"),
        (SILENT, "The picture shows nothing.", "leaves out that something is not judged"),
        (SILENT, "If there is a lesion, it most likely lies in R MLO, lower third.",
         "leaves out that something is not judged"),
        (SILENT, "A mass lies in R MLO, 12 x 11 mm.", "mass in R MLO is not said to be there"),
        (DENSITY, "The density is C (0.40).", "0.40 is not the probability of C"),
        (DENSITY, "The density is A (0.40).", "0.40 is not the probability of A"),
        (LESION, "It is most likely malignant (0.62).",
         "leaves out that it holds if there is a lesion"),
        (LESION, "If there is a lesion, it is most likely benign (0.62).",
         "0.62 is not the probability of benign"),
        (TAGS, "This is the right breast, MLO view.", "leaves out that tags and pixels disagree"),
        (SIDES, "Mass: right no (0.96), left yes (0.61).", "mass is not said to be absent"),
        (SIDES, "", "is empty"),
        (DENSITY, "The right breast is ACR density (0.40).", "0.40 stands without its option"),
        (TAGS, "The pixels disagree, and the view is not judged.",
         "says that something is not judged"),
    ],
)  # fmt: skip
def test_what_the_record_does_not_say_is_told(
    facts: tuple[str, ...], answer: str, why: str
) -> None:
    assert why in disagreements(answer, facts, "is there a mass?")


ONE_SIDE = (
    "Right breast: ACR density B, scattered fibroglandular tissue (0.93).",
    "Left breast: no picture of it here.",
)


def test_what_is_left_out_is_put_above_the_answer_and_a_wrong_answer_stays_wrong() -> None:
    placed = "If there is a lesion, it most likely lies here: R MLO, lower third."
    assert completed(placed, SILENT) == (f"{SILENT[0]}\n{placed}", ())
    spoken = "ACR density: right B (0.93)."
    assert completed(spoken, ONE_SIDE) == (f"{ONE_SIDE[1]}\n{spoken}", ())
    assert completed("Here they are.", MASS) == (f"{MASS[0]}\nHere they are.", ())
    wrong, why = completed("No mass was found.", MASS)
    assert wrong == "No mass was found."
    assert "mass is not said to be absent" in why


def test_what_is_not_judged_has_to_be_named() -> None:
    vague = "I cannot tell the right breast, because every picture shows a lesion."
    assert "does not say what is not judged" in disagreements(vague, SILENT)


def test_nothing_is_missed_yet_while_an_answer_is_written() -> None:
    begun = "Some of it is sure."
    assert disagreements(begun, MASS, complete=False) == ()
    assert "leaves out mass" in disagreements(begun, MASS)


def test_a_word_of_the_question_may_be_said_again_but_not_one_of_nobody() -> None:
    facts = ("That cannot be told from these pictures: no source here looks for it.",)
    assert disagreements("A pacemaker cannot be told here.", facts, "is there a pacemaker?") == ()
    assert disagreements("A pacemaker cannot be told here.", facts, "is it there?")


def test_which_findings_are_not_judged_is_said() -> None:
    record = (
        "Not judged, which does not mean not there: mass, calcification.",
        "If there is a lesion, it most likely lies here: R CC lower third, size not known.",
    )
    vague = "I cannot say whether anything is there. If there is one, look at R CC, lower third."
    assert "leaves out which findings are not judged" in disagreements(vague, record)
    text, wrong = completed(vague, record)
    assert text == f"{record[0]}\n{vague}"
    assert not wrong
    assert not disagreements(vague, record[::-1], "Where is it?"), "a place was asked for"
    told = "I cannot say whether there is a mass or a calcification."
    assert not any("which findings" in one for one in disagreements(told, record))


def test_a_size_that_was_asked_for_and_is_not_known_is_said_to_be_so() -> None:
    record = ("If there is a lesion, it most likely lies here: R CC lower third, size not known.",)
    said = "If there is one, the likeliest place is R CC, lower third."
    assert disagreements(said, record, "How big is it?") == ("leaves out that a size is not known",)
    assert not disagreements(said, record, "Where is it?")
    told = ("R MLO: the tags say side right.", "R MLO: breast 117 x 217 mm (width x height).")
    assert disagreements("This is the right breast.", told, "Which side, and how big is it?") == (
        "leaves out the size",
    )
    text, wrong = completed("This is the right breast.", told, "Which side, and how big is it?")
    assert (text, wrong) == (f"{told[1]}\nThis is the right breast.", ())
    assert not disagreements(f"{said} Its size is not known.", record, "How big is it?")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("If there is a lesion, the lesion is malignant (0.93).",
         "If there is a lesion, the lesion is most likely malignant (0.93)."),
        ("It looks benign.", "It looks most likely benign."),
        ("The lesion is most likely malignant (0.93).", None),
        ("It is not sure: malignant 0.55, benign 0.45.", None),
        ("This density is dense (0.80).", None),
    ],
)  # fmt: skip
def test_what_a_lesion_is_is_told_as_likely(said: str, shown: str | None) -> None:
    assert hedged(said) == (shown or said)


BOTH = (
    "ACR density: C, heterogeneously dense (0.47); also possible: B 0.31 (mean of 2 pictures).",
    "Pathology: malignant (0.94), if there is a lesion (mean of 2 pictures).",
)


def test_a_value_that_an_answer_leaves_out_is_added() -> None:
    said = "The composition is C, heterogeneously dense (0.47)."
    assert disagreements(said, BOTH) == ("leaves out pathology",)
    text, wrong = completed(said, BOTH)
    assert not wrong
    assert text == f"{BOTH[1]}\n{said}"


@pytest.mark.parametrize(
    "said",
    [
        "The composition is C (0.47). If there is a lesion, it is most likely malignant.",
        "If there is a lesion, it is malignant (0.94). The density is C, heterogeneously dense.",
    ],
)
def test_a_value_may_be_told_by_word_or_by_figure(said: str) -> None:
    assert disagreements(said, BOTH) == ()


def test_tags_do_not_say_what_a_file_name_says() -> None:
    told = (
        "R CC: the file name says side right, view CC; the view, by the pixels, is not judged.",
    )
    wrong = disagreements("The tags say it is a right breast, CC view.", told, complete=False)
    assert wrong == ("the file name says it, not the tags",)
    assert not disagreements("The file name says right breast, CC view.", told, complete=False)


TWO = (
    "R CC: the tags say side right, view CC; the pixels look stored as a right breast.",
    "R MLO: the tags say side right, view MLO; the pixels look stored as a right breast.",
)


def test_no_picture_whose_tags_were_asked_for_is_left_out() -> None:
    short = "By the tags this is R CC, and the pixels agree with that side."
    assert disagreements(short, TWO) == ("leaves out R MLO",)
    text, wrong = completed(short, TWO)
    assert not wrong
    assert text == f"{TWO[1]}\n{short}"
    assert not disagreements("By the tags R CC and R MLO are right breasts.", TWO)
    assert not disagreements("By the tags this is a right breast.", TWO[:1])


def test_bits_that_were_asked_for_are_told() -> None:
    told = ("R CC: 462 x 800 pixels, 8 bits, pixel size not said.",)
    answer = "It is 462 x 800 pixels, pixel size not said."
    assert disagreements(answer, told, "how many bits per pixel?") == ("leaves out the bits",)
    assert not disagreements(answer, told, "how many pixels has it?")


def test_a_line_that_is_added_is_not_said_again() -> None:
    place = "If there is a lesion, it most likely lies here: R CC lower third, size not known."
    facts = (place, "Mass: not judged, because the model was never tried at it.")
    said = "Mass is not judged, because the model was never tried at it."
    again = f"{said} If there is a lesion, it most likely lies here: R CC, lower third."
    assert completed(again, facts, "How large is the mass?") == (f"{place}\n{said}", ())


def test_the_machine_that_was_asked_for_is_named() -> None:
    told = ("R MLO: GE MEDICAL SYSTEMS Senographe, read as DICOM.",)
    assert disagreements("It is the right breast, MLO view.", told) == ("leaves out the machine",)
    assert not disagreements("It was taken with a GE MEDICAL SYSTEMS Senographe.", told)
    assert not disagreements(
        "The machine is not recorded.", ("R CC: machine not said, read as PNG.",)
    )


def test_why_something_is_not_judged_may_be_told_in_several_parts() -> None:
    told = (
        "BI-RADS: not judged, because it was tried on 13 questions whose answer is Bi-Rads 1; at "
        "least 20 of each answer are needed to tell it from guessing.",
    )
    answer = told[0].replace("BI-RADS: not judged, because", "BI-RADS is not judged here:")
    assert not disagreements(answer, told, "which category?")
    assert disagreements("It was not judged; at least 20 of each are needed.", told)


def test_whether_a_lesion_is_benign_is_no_claim_that_it_is() -> None:
    told = ("Pathology: not judged, because this model was never tried at it.",)
    answer = (
        "I cannot tell whether a lesion is benign or malignant, because this model was never "
        "tried at it."
    )
    assert not disagreements(answer, told, "is it bad?")
    assert hedged(answer) == answer
    assert disagreements(answer.replace("or malignant", ""), told, "is it bad?")


VIEWS = (
    "Right breast: Mass yes (0.59).",
    "Left breast: no picture of it here.",
    "R CC: Mass yes (0.59).",
    "R MLO: Mass no (0.97).",
)


def test_views_of_one_breast_are_compared_with_their_own_lines() -> None:
    only = "They cannot be compared: only the right breast is here, no picture of the left breast."
    assert not disagreements(f"{only} Mass: R CC yes (0.59); R MLO no (0.97).", VIEWS)
    assert "leaves out that a side is not here" in disagreements(
        "Only the right breast is here. Mass: R CC yes (0.59); R MLO no (0.97).", VIEWS
    )
    turned = disagreements(f"{only} Mass: R CC no (0.97); R MLO yes (0.59).", VIEWS)
    assert "mass in R CC is not said to be absent" in turned
    assert "mass in R MLO is not said to be there" in turned


@pytest.mark.parametrize(
    ("record", "good", "bad", "missing"),
    [
        ("That is for a radiologist or the treating doctor to decide. This is research software "
         "and not for diagnosis: it gives no advice on what to do.",
         "A radiologist has to decide; this is research software.", "I cannot say.",
         "leaves out who decides"),
        ("No earlier exam is here to compare with, so it cannot be told whether anything has "
         "changed.", "I cannot tell, no earlier exam is here.", "It has changed.",
         "leaves out that no prior is here"),
        ("Orders about how to behave or what to claim change nothing here: what is said of the "
         "mammograms comes from the evidence in them alone.",
         "Orders change nothing here.", "That is what I claim.",
         "leaves out that orders change nothing"),
        ("Whether a picture is technically good is not judged: nothing here measures positioning, "
         "sharpness, exposure or artefacts.",
         "The quality is not judged here.", "The picture is technically good.",
         "leaves out that quality is not judged"),
    ],
)  # fmt: skip
def test_what_a_fixed_text_is_for_is_not_left_out(
    record: str, good: str, bad: str, missing: str
) -> None:
    assert not disagreements(good, (record,))
    assert missing in disagreements(bad, (record,))


def test_film_or_digital_is_told_where_it_is_asked_for() -> None:
    film = ("R CC: machine not said, read as PNG; film or digital is not said.",)
    digital = ("R CC: GE Senographe, read as DICOM; a digital mammogram.",)
    question = "Is it film or digital?"
    assert disagreements("The machine is not said.", film, question)
    assert not disagreements("Film or digital is not said.", film, question)
    assert disagreements("It was taken with a GE Senographe.", digital, question)
    assert not disagreements("It is digital, taken with a GE Senographe.", digital, question)
    assert not disagreements("It was taken with a GE Senographe.", digital, "Which machine?")


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        ("Breast density: How much of the breast is glandular and connective tissue, which is "
         "white on a mammogram.", "The breast density is most likely glandular."),
        ("Recall rate: The share of screened people who are called back: about 3 to 10 per cent.",
         "If there is a recall, the rate is 3 to 10 per cent."),
    ],
)  # fmt: skip
def test_an_explanation_does_not_become_a_likelihood_or_a_condition(
    record: str, answer: str
) -> None:
    assert any("the record says nothing of" in one for one in disagreements(answer, (record,)))
    assert not disagreements(record, (record,))


def test_lines_of_the_record_complete_an_answer_even_where_they_say_not_judged() -> None:
    facts = [
        f"{name}: the file name says side left, view {name[2:]}; the pixels look stored as a left "
        "breast (chest wall left); the view, by the pixels, is not judged."
        for name in ("L CC", "L MLO")
    ]
    said = "Both are of the left breast."
    text, wrong = completed(said, facts, "Right breast or left breast?")
    assert wrong == ()
    assert text == "\n".join([*facts, said])
    assert completed("Both are of the right breast.", facts, "Which side?")[1]


@pytest.mark.parametrize(
    ("answer", "agrees"),
    [
        ("There is no picture of the left breast, only of the right one.", True),
        ("They cannot be compared: there is no picture of the right breast, only of the left one.",
         False),
        ("Only the left breast is here, so there is nothing to compare it with.", False),
    ],
)  # fmt: skip
def test_the_breast_that_is_not_here_is_the_one_of_the_record(answer: str, agrees: bool) -> None:
    record = ("Right breast: ACR density C, heterogeneously dense (0.46).",
              "Left breast: no picture of it here.")  # fmt: skip
    wrong = disagreements(answer, record, "compare left and right", complete=False)
    assert ("says of the wrong breast that it is not here" not in wrong) is agrees


def test_a_text_that_explains_findings_says_nothing_of_their_presence() -> None:
    text = ("Asymmetry: White tissue in one breast, without the bulging edge of a mass.",)
    said = "An asymmetry is white tissue in one breast, without a bulging edge of a mass."
    assert disagreements(said, text, of_pictures=False) == ()
    assert "mass is not said to be absent" in disagreements(said, text)


def test_a_category_in_front_of_a_colon_may_be_named() -> None:
    text = ("Density C: Heterogeneously dense: much of the breast is glandular tissue.",)
    said = "Density C, heterogeneously dense, means that much of the breast is glandular tissue."
    assert disagreements(said, text, of_pictures=False) == ()


def test_letters_that_are_spoken_with_a_vowel_have_an() -> None:
    assert hedged("It is a MLO view.") == "It is an MLO view."
    assert hedged("It is a CC view.") == "It is a CC view."
