"""What a question is about and which pictures it means, told by its words alone.

A classifier tells what is asked for; names of topics come from the vocabulary and terms from the
glossary. Words that restrict a question and are not taken into account are listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.chat.conversation.asked import (
    ANY_FINDING,
    KINDS,
    Asked,
    bare_words,
    judged_among,
    kinds_among,
)
from app.chat.conversation.asked_form import BRIEF, with_form, without_greeting, without_limit
from app.chat.conversation.follow_ups import after
from app.chat.conversation.intent_classifier import GENERAL, SAME, Likely, likely_intent
from app.chat.conversation.intent_classifier import ORDER as ORDERED
from app.chat.conversation.languages import foreign
from app.chat.conversation.marks_meant import BOX_MEANING, BOXES, SPOT, asks_what_a_box_means
from app.chat.conversation.pictures_meant import (
    OTHER_ONE,
    OTHER_SIDE,
    OTHER_VIEW,
    PRIOR,
    means_prior,
    other_side,
    pictures_meant,
    with_numbers,
)
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.spelling import corrected, misspelt
from app.chat.conversation.stated_reading import asks_to_agree, stated_place
from app.chat.conversation.subjects import ORDER, QUALIFIERS, Subject
from app.chat.conversation.tag_sentences import HAS_IMPLANTS, told_by_a_tag
from app.chat.evidence.contracts import ChatTurn
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME, topics_named
from vlm.knowledge.general_questions import (
    asks_what_it_is,
    explained,
    named_in,
    of_open_pictures,
    points_at,
    speaks_of_these,
    term_alone,
    terms_in,
)
from vlm.knowledge.glossary import GlossaryTerm
from vlm.knowledge.glossary_search import CARRIERS

_PICTURES = re.compile(
    r"\b([lr][ -]?(cc|mlo)|(picture|image|view) \d+|left|right|cc|mlo|cranio-?caudal|"
    r"medio-?lateral|oblique)\b"
)
# topics that are told together: one of them stands for the usual one of its kind
_FAMILIES = (
    ("ACR", "Background tissue", "Masking potential"),
    ("Pathology", "Cancer", "Invasive cancer"),
    ("Bi-Rads",),
)
# subjects whose question may name what nothing here judges, and the parts of the glossary it is in
_OF_TERMS = (Subject.FINDINGS, Subject.TOPIC, Subject.COUNT, Subject.PLACES)
_FOUND = ("masses", "calcifications", "pathology")
# “right” that is no side: “all right”, “right now”, and at the end, as in “no cancer right?”, but
# not behind a word that a side may follow
_NO_SIDE = re.compile(
    r"\b(all|that's|thats|is that|am i|are you|you're) right\b|\bright (now|away|there|here)\b|"
    r"\b(you|i|we|they|ones?|nothing|anything|what's|time) left\b|"
    r"\bleft (out|over|behind|off|to)\b|\b(top|upper|bottom|lower)[- ](left|right)\b"
)
_RIGHT_AT_THE_END = re.compile(
    r"(?<=\w)(?<!\bis it)"
    + "".join(rf"(?<!\b{word})" for word in (
        "the", "on", "or", "and", "her", "his", "my", "to", "of", "for", "about", "vs", "versus",
        "in", "only", "just",
    ))
    + " right$"
)  # fmt: skip
_MEANS = re.compile(r"\bwhat (is |are |does |do )?(\w|[ -])+ (means?|stands? for)\b")
_RISK = re.compile(r"\b(raises?|increases?|higher|my|her|own|at|the) risk\b(?! that (this|it))")
# a topic that an answer shall not hold
_LEFT_OUT = re.compile(
    r"\b(leave|leaving|left) out( \w+){1,4}|\b(omit|omitting|skip|skipping|except( for)?)"
    r"( \w+){1,3}|\bwithout (giving |using |the |any |a )*(bi-?rads|categor\w+|density)( \w+)?"
)
_DENSE = re.compile(r"\b(dens\w+|tissue|gland\w*|fibro\w*|vol\w*|parenchym\w*|white|pmd|vbd)\b")
# density, which BI-RADS has four letters for
_DENSITY_SCALE = re.compile(r"\bbi-?rads (density|[a-d]( ?(-|to|through) ?[a-d])?)\b")
# “it says "heterogeneously dense". What does that mean?”
_THAT_MEANS = re.compile(r"\bwhat (does|do|is) (that|this|it|they|these|those)( \w+)? mean|"
                         r"\bwhat (is|are) (that|those)\b")  # fmt: skip
_QUOTED = re.compile(r"[\"“]([^\"”]+)[\"”]")
# what a longer message may be taken for, though it asks about the pictures
_BESIDE = (Subject.GREETING, Subject.PRIVACY, Subject.PAGE, Subject.THANKS, Subject.ABILITIES)
_IS_IT = re.compile(
    r"\b(is|are) (it|this|that|there|these|they|she|he|i)\b|\b(do|does|have|has) (i|she)\b|"
    r"\b(if|whether) (i|she|he|it|this|that|there)\b"
)
# what a worried message ends in
_OF_SPOTS = (Subject.MEANING, Subject.UNKNOWN, Subject.PERSON, Subject.TAGS)
_CANCER = re.compile(r"\b(do i have|have i got|is it|is this) (breast )?cancer$")
MANY_WORDS = 5  # of a message that says enough by itself; shorter ones go on from the one before
MOST_TERMS = 4  # of a letter, that are explained at once
_STATED = (
    Subject.FINDINGS, Subject.PLACES, Subject.TOPIC, Subject.NATURE, Subject.ATTRIBUTES,
    Subject.KNOWLEDGE, Subject.MEANING, Subject.SIZES,
)  # fmt: skip
_SHOWN_BEST = re.compile(
    r"\b(which|what) (views?|pictures?|images?|projections?|one)\b.*"
    r"\b(clear\w*|best|better|most|more|obvious|easiest|well)\b"
)


def understand(question: str, exam: Exam, history: Sequence[ChatTurn] = ()) -> Asked:
    """Return what is asked; a question that leaves out its topic means that of the one before."""
    question = re.sub(r"(?i),\s*right\s*[,.;?!]", ", ", without_greeting(question))
    words = _RIGHT_AT_THE_END.sub("", _NO_SIDE.sub(" ", bare_words(question))).strip()
    words = with_numbers(words)
    images, chosen = pictures_meant(words, exam)
    earlier = means_prior(words, exam)
    if earlier:  # which pictures are meant is read; what is asked of them is not
        question, words = PRIOR.sub(" ", question), " ".join(PRIOR.sub(" ", words).split())
    asked = _alone(without_limit(question), without_limit(words), first=not history)
    of_a_prior = PRIOR.search(words) and asked.subject in (Subject.FINDINGS, Subject.TOPIC)
    if (earlier and asked.subject is Subject.COMPARE) or (of_a_prior and not exam.prior):
        asked = replace(asked, subject=Subject.CHANGE)
    asked = with_form(replace(asked, images=images, chosen=chosen), words)
    if asked.subject is Subject.COMPARE and not asked.sides:
        one_breast = len({exam.images[i].side for i in exam.current}) == 1 < len(exam.current)
        views = asked.views or one_breast
        asked = replace(asked, views=views, images=exam.current if views else asked.images)
    if history:
        before = understand(history[-1].question, exam, history[:-1])
        asked = after(asked, _spoken_of(asked, before, exam, history), question)
    if OTHER_SIDE.search(words) and asked.subject not in (Subject.COMPARE, Subject.MEANING):
        return replace(asked, images=other_side(asked, exam), chosen=True)
    if history:
        one = len(before.images) == 1 and asked.subject is not Subject.COMPARE
        sides = {exam.images[i].side for i in exam.current}
        # both views of one breast were spoken of, and so there is no other one
        whole = before.images == exam.current and len(sides) == 1 and not OTHER_VIEW.search(words)
        other = OTHER_ONE.search(words) and asked.subject is not Subject.PROGRAM
        if (one or whole) and asked.images == before.images and other:
            rest = tuple(i for i in exam.current if i not in before.images)
            asked = replace(asked, images=rest, chosen=True)
        return asked
    goes_on = asked.order or (asked.same and words.startswith("and "))
    if asked.subject is Subject.UNKNOWN and not goes_on and (alone := term_alone(question)):
        return replace(asked, subject=Subject.MEANING, entries=alone)
    return asked


def _spoken_of(asked: Asked, before: Asked, exam: Exam, history: Sequence[ChatTurn]) -> Asked:
    """Return the last question, or the last of topics where one asks how sure that was, or why."""
    goes_back = asked.subject in (Subject.CONFIDENCE, Subject.WHY) and not asked.topics
    own = [Subject.UNKNOWN, Subject.CONFIDENCE, Subject.WHY, Subject.TRUST, Subject.THANKS]
    own += [Subject.ADVICE] if asked.subject is Subject.CONFIDENCE else []
    if goes_back and not before.topics and not before.facts and before.subject in own:
        for turn in range(len(history) - 2, -1, -1):
            earlier = understand(history[turn].question, exam, history[:turn])
            if earlier.topics:
                return earlier
    return before


def _alone(question: str, words: str, *, first: bool) -> Asked:
    """Read a question without its pictures and without what was asked before."""
    if foreign(question) is not None:
        return Asked(Subject.LANGUAGE, ())
    read = corrected(words)
    likely = likely_intent(corrected(question.casefold()))
    other = likely.other != "source" and not (likely.known and words.startswith("why "))
    here = first and likely.name == GENERAL and other and speaks_of_these(question)
    if here and not _explained(question, likely, ()):
        likely = likely.or_else()  # “what is on this mammogram, simply put?”
    if likely.intent.known and points_at(question) and topics_named(read):
        likely = likely.or_else()  # of these pictures, not of all
    topics = topics_named(_LEFT_OUT.sub(" ", _DENSITY_SCALE.sub("density", read)))
    judged = judged_among(topics)
    subject = likely.intent.subject
    doubted = likely.intent.program_fact == "disputed" and stated_place(bare_words(question))
    if doubted or (subject in _STATED and asks_to_agree(bare_words(question))):
        return Asked(Subject.AGREE, (), judged, misspelt=misspelt(words))
    unsure = not likely.sure and not judged
    asked = Asked(
        subject, (), judged, unsure=unsure, misspelt=misspelt(words), same=likely.name == SAME
    )
    cancer = subject in (Subject.TAGS, Subject.REPORT) and {*judged} & {*_FAMILIES[1]}
    asks = _CANCER.search(words) is not None and subject in (Subject.ADVICE, Subject.PERSON)
    spot = subject in _OF_SPOTS or likely.name in ("normal_parts", "artefacts")
    spot = spot and SPOT.search(words) is not None
    if asks or spot or ((cancer or (subject in _BESIDE and judged)) and _IS_IT.search(words)):
        # “hi, I got my scan, is it cancer”
        return _of_topics(replace(asked, subject=Subject.FINDINGS), (), read)
    if subject is Subject.TAGS and BOXES.search(words):
        return _of_topics(replace(asked, subject=Subject.PLACES), (), read)
    if ORDER.search(words) or (likely.name == ORDERED and likely.sure):
        telling = _telling(words)
        return replace(asked, subject=Subject.UNKNOWN, topics=(), unread=telling, order=True)
    by_patients = asked.subject in (Subject.PERSON, Subject.FINDINGS, Subject.MEANING, Subject.WHY)
    defines = asks_what_it_is(words) and subject is not Subject.WHY
    if by_patients and not defines and (tag := told_by_a_tag(words)):
        return replace(asked, subject=Subject.TAGS, topics=(), facts=(tag,), unsure=False)
    if asks_what_a_box_means(words, likely.name, of_pictures=subject in _OF_TERMS):
        of_the_box = replace(asked, subject=Subject.PROGRAM, topics=(), unsure=False)
        return replace(of_the_box, program_fact=BOX_MEANING)
    asks_more = likely.sure_of_known and not asks_what_it_is(words)
    if subject is Subject.MEANING and asks_more and not (judged and _here(question)):
        return replace(asked, subject=Subject.KNOWLEDGE, topics=(), known=likely.known)
    if entries := _explained(question, likely, judged):
        return replace(asked, subject=Subject.MEANING, entries=entries, unsure=False)
    return _by_intent(asked, likely, question, words)


def _by_intent(asked: Asked, likely: Likely, question: str, words: str) -> Asked:
    """Read a question that asks for no term by what it most likely asks for."""
    judged, same, read = asked.topics, asked.same, corrected(words)
    if likely.far and not judged and len(words.split()) >= MANY_WORDS:
        unread = _telling(words)
        return replace(
            asked, subject=Subject.UNKNOWN, unread=unread, near=likely.far, unsure=False
        )  # fmt: skip
    told = program_facts().get(likely.intent.program_fact)
    if told is not None and told.name == "implants" and HAS_IMPLANTS.search(words):
        return replace(asked, subject=Subject.TAGS, topics=(), facts=("implant",), unsure=False)
    if likely.intent.known:
        return replace(asked, topics=(), known=likely.intent.known)
    if told is not None and told.name == "percent_density" and not _DENSE.search(words):
        return replace(asked, subject=Subject.CONFIDENCE)  # “what percent?”
    if told is not None:
        return replace(asked, topics=told.topics, program_fact=told.name)
    if asked.subject is Subject.TAGS and _SHOWN_BEST.search(words):
        return replace(asked, subject=Subject.COMPARE)
    if asked.subject is Subject.TAGS:
        return replace(asked, topics=(), facts=likely.facts)
    if asked.subject is Subject.MEANING and _RISK.search(words):
        return replace(asked, subject=Subject.PERSON)
    if asked.subject is Subject.MEANING and judged and _here(question):
        return _of_topics(replace(asked, subject=Subject.FINDINGS), (), read)
    if asked.subject in (Subject.AGREE, Subject.SCORES):
        return asked
    if asked.subject in (Subject.MEANING, Subject.UNKNOWN) and asked.kinds:
        return _of_topics(replace(asked, subject=Subject.FINDINGS), (), read)
    unanswered = asked.subject in (Subject.MEANING, Subject.UNKNOWN) and not same
    if unanswered and len(words.split()) > 2 and likely.known and not of_open_pictures(words):
        return replace(asked, subject=Subject.KNOWLEDGE, topics=(), known=likely.known)
    if asked.subject is Subject.MEANING:
        return replace(asked, unread=_telling(words))
    letter = terms_in(question) if asked.subject is Subject.UNKNOWN and not same else ()
    if len(letter) > 1:  # a report or a letter, of which terms can be explained
        return replace(asked, subject=Subject.MEANING, entries=letter[:MOST_TERMS], unsure=False)
    if asked.subject is Subject.UNKNOWN:
        return replace(asked, unread=() if same else _telling(words), unsure=False)
    if asked.subject in _OF_TERMS and not judged:
        other, meant = _other_terms(words)
        if other:
            return replace(asked, subject=Subject.UNKNOWN, unread=other)
        asked = replace(asked, topics=meant)
    return _of_topics(asked, likely.intent.topics, read)


def _explained(question: str, likely: Likely, judged: Sequence[str]) -> tuple[GlossaryTerm, ...]:
    """Return the entries of the glossary that a question asks for.

    One that points at the pictures and names what is judged there asks for that.
    """
    if not likely.general:
        return ()
    folded = question.casefold()
    if (told := _MEANS.search(folded)) and (entries := terms_in(told[0])):
        return entries
    quoted = " and ".join(_QUOTED.findall(folded)) if _THAT_MEANS.search(folded) else ""
    if quoted and (entries := terms_in(quoted)):
        return entries
    asks = likely.intent.subject is Subject.MEANING and not (judged and _here(question))
    several = asks and re.search(r"\b(each|all of them|all three|these terms)\b", folded)
    if several and len(named := terms_in(question)) > 1:
        return named[:MOST_TERMS]
    if entries := explained(question) or (terms_in(question) if asks else ()):
        return entries
    first, *rest = re.split(r"(?<=[?.!])\s+", question)
    if rest and asks and first.endswith("?") and (entries := explained(first)):
        return entries
    titles = [BY_NAME[name].title.casefold() for name in kinds_among(judged) if asks]
    return tuple(entry for title in titles for entry in named_in(title)[:1])


def _here(question: str) -> bool:
    """Return whether a question that may ask for a meaning is about what lies here."""
    if re.match(r"\W*(why|how come)\b", question.casefold()):
        return False
    return points_at(question) or re.search(r"\bhere\b", question.casefold()) is not None


def _of_topics(asked: Asked, usual: Sequence[str], words: str) -> Asked:
    """Return a question about the pictures with its topics: those named, or the usual ones."""
    subject, topics = asked.subject, asked.topics
    others = tuple(name for name in topics if name not in (*KINDS, ANY_FINDING))
    if subject is Subject.FINDINGS:
        found = _findings_named(topics)
        subject = Subject.TOPIC if others and not found else subject
        topics = topics or tuple(usual)
    elif subject is Subject.TOPIC and topics and _RISK.search(words):
        subject = Subject.PERSON  # the risk of a woman is no likelihood of a lesion
    elif subject is Subject.COUNT and others and not _findings_named(topics):
        subject = Subject.TOPIC
    elif subject is Subject.TOPIC:
        family = next((one for one in _FAMILIES if usual[0] in one), ())
        named = tuple(name for name in topics if name != ANY_FINDING)
        told = set(named) & set(family) - {"Background tissue"}
        topics = named if told else (*usual, *named)
        subject = Subject.FINDINGS if kinds_among(topics) else subject
    looked_for = subject in (Subject.FINDINGS, Subject.COUNT, Subject.SIZES)
    place = stated_place(words)  # what is said of it stands in the answer
    placed = place.words.casefold().split() if place is not None else []
    listed = dict.fromkeys(found[0] for found in QUALIFIERS.finditer(words))
    unread = tuple(word for word in listed if word not in placed)
    return replace(asked, subject=subject, topics=topics, unread=unread if looked_for else ())


def _findings_named(topics: Sequence[str]) -> bool:
    return bool(kinds_among(topics)) or ANY_FINDING in topics


def _telling(words: str) -> tuple[str, ...]:
    """Return the words of a question that may name what it is about."""
    left = _PICTURES.sub(" ", BRIEF.sub(" ", words))
    return tuple(
        dict.fromkeys(word for word in left.split() if word not in CARRIERS and len(word) > 1)
    )


def _other_terms(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of findings that the glossary knows and nothing judges, and known topics."""
    telling = _telling(words)
    named = [entry for entry in named_in(" ".join(telling)) if entry.part in _FOUND]
    topics = {entry.term: judged_among(topics_named(entry.term.casefold())) for entry in named}
    if all(topics.values()):
        return (), tuple(dict.fromkeys(name for some in topics.values() for name in some))
    return telling, ()
