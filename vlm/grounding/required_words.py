"""Words that an answer may only say if its record does, and such that it may not leave out.

All are looked for in lower case.
"""

from __future__ import annotations

import re

# what an answer says, what has to stand in its record for that, and what it is
ONLY_IF_RECORDED = tuple(
    (re.compile(said), re.compile(recorded), what)
    for said, recorded, what in (
        (r"\blikel(y|iest)\b", r"\blikel|\b0\.\d\d|probab|chance|not judged", "what is likely"),
        (r"cannot be compared|cannot compare|nothing to compare",
         r"no picture of it|no earlier exam|not judged", "what cannot be compared"),
        (r"\bif there (is|were|was|are)\b", r"\bif there\b", "a condition"),
        (r"\bat least \d+ of (?!each answer)", r"(?!)", "how many are needed"),
        (r"\b(breast|view|picture) is (about |at )?"
         r"(\d+ o'clock|the (upper|lower|middle|inner|outer))", r"(?!)", "a breast as a place"),
        (r"\bnothing here (looks (?!for)|shows|is)\b", r"(?!)", "what nothing here looks like"),
        (r"\bi(?:'m| am) not understood\b", r"(?!)", "who is not understood"),
        (r"\bi(?:'m| am) (?:a|an|your|the) (\w+ )?(doctor|radiologist|physician|human|person)",
         r"(?!)", "a person who speaks"),
    )
)  # fmt: skip
# what stands in a record, how an answer may say it, and what it is
HAS_TO_BE_SAID = tuple(
    (re.compile(recorded), re.compile(answered), what)
    for recorded, answered, what in (
        ("not for diagnosis", "diagnosis|no advice|research", "that it is not for diagnosis"),
        (r"radiologist or the treating doctor", "doctor|radiologist", "who decides"),
        ("speak to them about it soon", "(speak|talk).*soon|soon.*(speak|talk)",
         "to speak to a doctor soon"),
        ("no earlier exam is here", r"\b(cannot|can't|no (earlier|prior))\b",
         "that no prior is here"),
        ("orders about how to behave", r"orders|whatever|evidence", "that orders change nothing"),
        ("nothing this program can help with", "cannot|can't|not something|only answer",
         "that it cannot help"),
        ("shape, margin, density and pattern of a finding are not judged", "shape|margin",
         "that shape and margin are not judged"),
        (r"^in general: ", r"\bin general\b|\bgenerally\b|\busually\b|\bas a rule\b|\bmostly\b",
         "that it is general"),
        ("technically good is not judged", "not judged|nothing here measures|cannot",
         "that quality is not judged"),
        (r"^\d pictures?: ", r"\b(one|\d) (pictures?|views?|images?|mammograms?)|here|have",
         "how many pictures there are"),
    )
)  # fmt: skip
LIKELIEST = re.compile(r"most likely lies|likeliest place|place to look at")  # once is enough
ALSO = re.compile(r"also possible|less likely")  # goes on about the sentence before
