"""What can be asked for, and the words that ask for it. Data only: intent.py reads it."""

from __future__ import annotations

import re
from enum import StrEnum


class Subject(StrEnum):
    """What is asked for."""

    FINDINGS = "whether findings are there"
    PLACES = "where findings lie"
    SIZES = "how large findings are"
    COUNT = "how many findings there are"
    TOPIC = "what is judged"
    COMPARE = "how the breasts differ"
    REPORT = "a report"
    TAGS = "what the tags and measurements say"
    CONFIDENCE = "how sure an answer is"
    WHY = "what an answer rests on"
    CHANGE = "what has changed since an earlier exam"
    ADVICE = "what to do"
    MEANING = "what a term means"
    PERSON = "something no mammogram shows"
    SOURCE = "what general knowledge rests on"
    ABOUT = "who answers"
    ABILITIES = "what can be asked"
    TRUST = "whether to trust what is said"
    PRIVACY = "what becomes of the pictures"
    LANGUAGE = "something in another language"
    GREETING = "a greeting"
    THANKS = "thanks"
    UNKNOWN = "not understood"


# what is asked, the first that matches wins
ASKS: tuple[tuple[Subject, tuple[str, ...]], ...] = (
    (Subject.THANKS, (r"^(\w+ ){0,3}?(thank(s| you)|thx)\b( (so|very) much| a lot)?",
                      r"^cheers\b", r"^(good)?bye\b", r"^see you\b")),
    (Subject.ABOUT, (r"\bwho (are|made|built|trained) (you|this)\b", r"\bwhat are you\b",
                     r"\b(which|what) ((large )?language |ai )?(model|network|llm)\b",
                     r"\btraining (data|set)\b",
                     r"\b(were|was|are|is) (you|it|this|the model) (trained|taught)\b",
                     r"\bhow were you\b", r"\byour name\b",
                     r"\b(chat ?gpt|gpt|openai|claude|gemini|siri|copilot|llama|smollm)\w*\b")),
    (Subject.ABILITIES, (r"\bwhat( all)? (can|could|do) (you|i|we) (do|ask)\b",
                         r"\bwhat (sorts?|kinds?|types?) of (things|questions?)\b", r"^help$",
                         r"\bmay i ask\b", r"\bcan i ask( you)?\b(?! (if|whether))",
                         r"\b(how|can|could) (do i|you) (use|help)\b", r"\bcapab\w+",
                         r"\b(can|could|do|does|will) (you|it|this) (also )?(read|look at|handle|"
                         r"open|process|analy[sz]e|understand|do|work (on|with))\b.*\b(mris?|"
                         r"ultrasounds?|sonograms?|cts?|tomosynthesis|dbt|pdfs?)\b")),
    (Subject.TRUST, (r"\btrust (you|your|this (program|software|model|ai|tool|answer))\b",
                     r"\brely on (you|this|it)\b",
                     r"\b(are|r) (you|u) (an? )?(real |human |actual |qualified |licensed )?"
                     r"(doctors?|radiologists?|physicians?|humans?|persons?|robots?|ais?|bots?|"
                     r"machines?|nurses?|computers?|medical device|experts?)\b",
                     r"\bhow (good|accurate|reliable) (are you|is (this|the) (program|model|ai))\b",
                     r"\b(make|made) mistakes\b", r"\b(you|this) (ever )?(be )?(wrong|mistaken)\b",
                     r"\b(approved|certified|licen[sc]ed|fda|medical device)\b",
                     r"\b(how often|what (percentage|share|proportion)|how many (times|cases))\b.*"
                     r"\b(you|it|this|model)\b.*\b(right|wrong|correct|mistaken)\b",
                     r"\bhallucinat\w+", r"\byour (auc|auroc|accuracy|sensitivity|specificity|"
                     r"error rate|precision|recall|performance|track record)\b",
                     r"\b(were|was|are|have|has) (you|it|this|the model) (ever |been )*(tested|"
                     r"validated|tried|evaluated|benchmarked)\b",
                     r"\bhow (well|often) (do|does|can) (you|it|this|the model) (detect|find|spot|"
                     r"do|work|miss|perform|recogni[sz]e|see)\b", r"\bdo you (ever |often )?miss\b",
                     r"\bcalibrat\w+", r"\bguess(ing|es)?\b")),
    (Subject.PRIVACY, (r"\b(stor|keep|sav|upload|shar|send|sent|delet|forget|remember)\w*\b.*"
                       r"\b(images?|pictures?|files?|data|films?|exams?|mammograms?|questions?)\b",
                       r"\b(privacy|private|confidential\w*|gdpr|hipaa|anonym\w+)\b",
                       r"\bwhere (do|does|will) .*\b(files?|data|pictures?|images?) go\b",
                       r"\b(see|read|access|open) (my |the )?other "
                       r"(files?|folders?|pictures?|data)\b",
                       r"\bleaves? (my|this|the|our) (computer|machine|laptop|hospital)\b",
                       r"\b(my|our|the|her|these) (data|files?|images?|pictures?|films?|uploads?)\b"
                       r".*\b(sent|stored|kept|saved|uploaded|shared|deleted|safe|secure)\b")),
    (Subject.PERSON, (r"\b(results?|outcomes?) of (the|her|his|a) .*\bbiops\w*",
                      r"\bwhat (did|does) .*\bbiops\w*", r"\bbiops\w* (shows?|results?|said|found)",
                      r"\bwas .*\bbiops\w+", r"\bwhen was\b", r"\bscreening or diagnostic\b",
                      r"\b(what|which) (date|day|month|year)\b", r"\bdate of\b",
                      r"\b(is|was) (it|this|that) (an? )?(screening|diagnostic)\b",
                      r"\b(ribs?|bones?|stents?)\b",
                      r"\b(biops\w+ |marker )?(clips?|(hook)?wires?|(?<!put a )(?<!place a )"
                      r"(?<!draw a )(?<!set a )markers?)\b",
                      r"\b(mother|sister|aunt|daughter|grandmother|relatives?|family history)\b",
                      r"\b(smok\w+|menopaus\w*|medicat\w+|hormones?|insurance|bmi|weigh\w*)\b",
                      r"\b(receptors?|her2|ki-?67|metasta\w+|tumou?r (grade|stage))\b",
                      r"\b(grade|stage) (of|is)\b", r"\b(what|which) (grade|stage)\b")),
    (Subject.ADVICE, (r"\bshould\b(?! (know|(i|we) (look|focus|check)))",
                      r"\bnext (mammogram|appointment|screening|visit|exam)\b", r"\bdue\b",
                      r"\b(skip|without)( \w+){0,2}? (radiologist|doctor|physician)\b",
                      r"\bbiops\w*", r"\btreat\w*", r"\brecommend\w*",
                      r"\bnext step\w*", r"\bprognos\w*", r"\bsurviv\w*", r"\bto worry\b",
                      r"\bworried\b", r"\bneed to\b", r"\bfollow[- ]?up\b",
                      r"\b(would|will|to) .*\b(recall|call) (her|him|this|the|them)\b",
                      r"\bcall(ed)? (her |him |them |the patient )?back\b",
                      r"\bsurger\w*", r"\boperat(e|ed|ion)\b",
                      r"\bneed (an?|any|more)\b(?! (second|closer) look)",
                      r"\bwhat (do|can|would) (i|we|she|he) do\b", r"\bwhat now\b", r"\bneeded\b",
                      r"\b(chemo|radiotherap|mastectom|lumpectom|tamoxifen)\w*",
                      r"\b(scared|afraid|anxious|frightened|terrified|nervous)\b")),
    (Subject.CHANGE, (r"\bchang(e|ed|es)\b(?! (your|its) mind)", r"\bsince\b",
                      r"\bgrown\b(?! into)", r"\bgrew\b",
                      r"\bprior\w*\b", r"\bprevious\w*\b", r"\bearlier\b",
                      r"\blast (year|time|exam\w*|mammogram|screening|study|visit|one)\b",
                      r"\bcompared? (to|with) (the )?(last|old)", r"\bnew\b", r"\bprogress\w*",
                      r"\b(get|got|getting|become|becoming) (bigger|larger|smaller|worse|better)\b",
                      r"\bstable\b", r"\b(before|ago)\b", r"\b(19|20)\d\d\b",
                      r"\b(bigger|larger|smaller|worse) than (before|then|it was)\b")),
    (Subject.PERSON, (r"\bhow old\b", r"\bage\b", r"\b(her|his|\w+'s) name\b",
                      r"\bname of\b", r"\brisk\b",
                      r"\bpacemaker\b", r"\bimplants?\b", r"\bheart\b", r"\blungs?\b",
                      r"\bpregnan\w*", r"\b(hereditary|inherited|genetic)\b",
                      r"\bpain\w*", r"\bhurt\w*", r"\bsymptom\w*", r"\bwho is\b")),
    (Subject.MEANING, (r"\bwhat (do|does|did|would)\b.*\bmean\b",
                       r"^what (is|are|'s) (an?|meant)\b",
                       r"\bexplain\b", r"\bdefin\w+", r"\bmeaning of\b", r"^why (does|do|is|are)\b"
                       r"(?! (you|that your))", r"^how (do|does|can) (?!you (know|see))",
                       r"\bwhat happens\b", r"^what(?: is| are|'s)? (bi-?rads|acr|micro\w*|mlo|cc|"
                       r"calcif\w*|mass(es)?|asymmetry|density)$")),
    (Subject.CONFIDENCE, (r"\bhow (sure|certain|confident|reliable)\b", r"\bare you sure\b",
                          r"\bconfiden(t|ce)\b", r"\bcertain(ty)?\b", r"\bhow likely\b",
                          r"\b(is that|that) (for )?sure\b", r"\breally sure\b",
                          r"^(really|sure|seriously|honestly)$",
                          r"\bare you (kidding|joking|serious)\b",
                          r"\b(disagree|not convinced|don't (agree|believe|think so))\b",
                          r"\bis that (right|correct|true)\b",
                          r"\b(how|are you) (positive|confident)\b",
                          r"\bhow (accurate|good|reliable|trustworthy) is (this|that|the|your)\b",
                          r"\bprobab\w+", r"\bcould (that|this|it|you) be wrong\b",
                          r"\bcan i (trust|rely on) (that|this|it)\b")),
    (Subject.WHY, (r"^(and |but )?why\b", r"\b(makes?|made) you\b", r"\bchange your mind\b",
                   r"\bbased on\b",
                   r"\bevidence\b", r"\breasons?\b", r"\bexplain (your|the|that|this) answer\b",
                   r"\bhow come\b", r"\bwhat (speaks|points) (for|to)\b", r"\brests? on\b",
                   r"\bhow (do|can|did) you (know|tell|see)\b")),
    (Subject.COMPARE, (r"\bcompar\w+", r"\bdenser\b", r"\bone side to the other\b",
                       r"\bdiffer\w*\b.*\b(sides?|breasts?)\b", r"\bsymmetric(al)?\b",
                       r"\bwhich (breast|side) (is|looks) (more|less|larger|bigger|worse)\b",
                       r"\b(between|difference)\b.*\b(sides|breasts|left|right)\b",
                       r"\bmore dense\b", r"\bboth (breasts|sides)\b.*\b(same|alike|equal)\b")),
    (Subject.COUNT, (r"\bhow many\b(?! (mm|cm|millimet\w+|centimet\w+|inch(es)?|bits|pixels|"
                     r"images|pictures|films|views|files|mammograms))",
                     r"\bcount\b(?! as)", r"\bnumber of\b", r"\bmore than one\b",
                     r"\b(one|single|solitary)\b( \w+)? or (are there |is it )?"
                     r"(several|more|many|multiple|two|three)\b")),
    (Subject.PLACES, (r"\bwhere\b", r"\blocat\w+", r"\bplace of\b", r"\bpoint (me )?(to|at|out)\b",
                      r"\bshow me\b", r"^(please |can you |could you )*show (it|them|that|this)\b",
                      r"\bshow (us )?(the|which) (area|region|place|spot|part)\b",
                      r"\bwhich (region|quadrant|part)\b", r"\bposition\b",
                      r"\bwhereabouts\b", r"\bhow (deep|far)\b", r"\bo'?clock\b",
                      r"\bcoordinates?\b", r"\bbox(es)?\b", r"\blook (at )?first\b",
                      r"^(please )?(mark|circle|encircle|outline|highlight|annotate)\b",
                      r"\bmark (it|them|the)\b", r"\b(retro|sub)-?areolar\b( region)?",
                      r"^(is|are|does|do) (the|it|this|that|they)\b.* in the( \w+){1,3}? "
                      r"(region|quadrant|third|half|tail)\b")),
    (Subject.SIZES, (r"\bhow (large|big|wide|long|small)\b", r"\bsizes?\b", r"\bdiameter\b",
                     r"\bmeasure\w*\b", r"\bextent\b", r"\bdimensions\b", r"\bmm\b",
                     r"\b(milli|centi)met\w+", r"\bcms?\b", r"\binch(es)?\b", r"\bacross\b",
                     r"\b(bigger|larger|smaller|wider|longer) than \d+")),
    (Subject.REPORT, (r"\breport\w*", r"\bdescri(be|ption)\b", r"\bsummar\w+",
                      r"\bwhat (do |can )?you (can )?see\b", r"\btell me about\b",
                      r"\bimpression\b",
                      r"\bread (this|the|it|my)\b",
                      r"\bwhat (would|do|does) .*\b(say|think|make) (about|of|to)\b",
                      r"\bdictat\w+")),
)  # fmt: skip
FACTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pictures", (r"how many (images|pictures|films|views|files|mammograms)",)),
    ("side", (r"which (breast|side)", r"side and view", r"lateralit\w*",
              r"right (one |side |breast )?or( the)? left",
              r"left (one |side |breast )?or( the)? right",
              r"which views?", r"(from )?above or", r"(at an|which|what) angle",
              r"which direction", r"mirror\w*", r"flipped",
              r"the view", r"what (view|projection)\w*",
              r"wh?ich v(ie|ei)ws?", r"projections?", r"tags?", r"agree\w*", r"mlo or cc",
              r"cc or mlo", r"cranio-?caudal or( an)? oblique")),
    ("size", (r"how (large|big) (is|are) (the )?(breasts?|pictures?|images?)", r"resolution",
              r"(how many )?bits?( per pixel| depth)?", r"how many pixels",
              r"pixels?( size)?(?! made)", r"spacing", r"dimensions?", r"breast size")),
    ("quality", (r"quality", r"nipple\b.*\bin profile", r"positioning", r"positioned",
                 r"pectoral(is)?( muscles?)?", r"blur\w*", r"motion", r"art[ei]facts?",
                 r"sharp(ness)?",
                 r"((well|under|over)[- ]?)?expos(ed|ure)", r"nois[ey]", r"technically")),
    ("warnings", (r"warn\w*", r"know about( the)? (images?|pictures?)", r"problems?",
                  r"trust\w*", r"attention", r"anything i should know",
                  r"(wrong|off|odd|strange) with (the|this|my) (files?|tags?)")),
    ("machine", (r"machines?", r"detectors?", r"vendor", r"manufactur\w*", r"device",
                 r"equipment", r"scanner",
                 r"made with", r"taken (on|with|by)", r"brand", r"mammography (unit|system)",
                 r"(made|produced|took|recorded) (this|the) (file|image|picture|film|mammogram)",
                 r"which (unit|system|company)",
                 r"film or( a)? digital", r"digital or( a)? film")),
)  # fmt: skip
# what tells the program how to behave
ORDER = re.compile(
    r"\b(ignore|forget|disregard|override|bypass|skip)\b.*\b(instructions?|rules?|prompts?|previous|"
    r"above|guidelines?|orders|restrictions?|training|evidence)\b|"
    r"\b(pretend|role-?play|act (as|like)|jailbreak|developer mode|you are now|from now on|"
    r"system prompt|talk like|speak like|answer (only )?(with|as if))\b|<\|"
)
# words that carry a question and ask for nothing by themselves
CARRIERS = frozenset(
    """a an and any are as at be breast breasts by can category could describe do does doc exam
    exactly film films find fits for from give given got has have here how i if image images in
    is it its itself just kind large largest let level like look looking looks mammogram
    mammograms may me mean might most my nothing of on one only or other out patient picture
    pictures please present really say see seen show shown shows side sides so some something
    still tell than that the their them there these they think this those to two us view views
    every yes should worry lie lies section chance chances assign anywhere rule meant
    was we were what what's when which with would write you your visible biggest big small
    smallest no not many much more also too about ok okay final am and's call called you'd i'd
    could's woman woman's women's her his she he four letters letter radiologist draft radiology
    full short quick brief whether sure possible possibly maybe perhaps all certain both
    actually but now well then hello hi hey dear sir pls plz check vs versus odds said extremely
    heterogeneously almost entirely it's that's she's he's each again go ahead let's lets i'm
    whatever list over up anything everything file answer isn't aren't there's doesn't don't can't
    spot spots thanks thank did correct would""".split()  # noqa: SIM905 - a paragraph reads better than a list
)
