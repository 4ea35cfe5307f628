"""What can be asked for, and words that no answer takes into account."""

from __future__ import annotations

import re
from enum import StrEnum


class Subject(StrEnum):
    """What is asked for."""

    FINDINGS = "whether findings are there"
    PLACES = "where findings lie"
    SIZES = "how large findings are"
    COUNT = "how many findings there are"
    ATTRIBUTES = "what a finding looks like"
    TOPIC = "what is judged"
    SCORES = "the probabilities of each picture"
    AGREE = "whether the record agrees with a reading"
    NATURE = "which kind of lesion it is, or why it is there"
    COMPARE = "how the breasts differ"
    REPORT = "a report"
    TAGS = "what the tags and measurements say"
    CONFIDENCE = "how sure an answer is"
    WHY = "what an answer rests on"
    CHANGE = "what has changed since an earlier exam"
    ADVICE = "what to do"
    MEANING = "what a term means"
    KNOWLEDGE = "something general"
    PERSON = "something no mammogram shows"
    SOURCE = "what general knowledge rests on"
    ABOUT = "who answers"
    ABILITIES = "what can be asked"
    TRUST = "whether to trust what is said"
    PRIVACY = "what becomes of the pictures"
    PAGE = "how the page is used"
    PROGRAM = "one thing about the program"
    LANGUAGE = "something in another language"
    GREETING = "a greeting"
    THANKS = "thanks"
    UNKNOWN = "not understood"


# what tells the program how to behave
ORDER = re.compile(
    r"\b(ignore|forget|disregard|override|bypass|skip)\b.*\b(instructions?|rules?|prompts?|previous|"
    r"above|guidelines?|orders|restrictions?|training|evidence)\b|"
    r"\b(pretend(?! i)|role-?play|act (as|like)|jailbreak|developer mode|you are now|from now on|"
    r"system prompt|talk like|speak like|answer (only )?(with|as if))\b|<\|"
)
# what is asked for as a file
FILE_FORMATS = re.compile(
    r"\b(json|csv|pdf|fhir|xml|excel|xlsx?|docx?|files?|download|export|print(out)?|save|"
    r"structured report|dicom sr)\b"
)
# what a finding is said to look like, or where to lie, in a question whether it is there: it is
# looked for whatever its shape and place
QUALIFIERS = re.compile(
    r"\b(spiculat\w*|stellate|irregular\w*|round(ed)?|oval|lobulat\w*|microlobulat\w*|"
    r"(well[- ]?)?circumscribed|obscured|indistinct|ill[- ]?defined|pleomorphic|amorphous|"
    r"punctate|clustered|grouped|branching|segmental|coarse|fine[- ]linear|popcorn|eggshell|"
    r"upper|lower|outer|inner|quadrants?|retro-?areolar|sub-?areolar|anterior|posterior|"
    r"liver|lungs?|brain|kidneys?|spine)\b"
)
