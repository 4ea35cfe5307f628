"""Whether a question is put in English, and that only English is understood if it is not."""

from __future__ import annotations

import re

ENGLISH = "Only English is understood here; please ask again in English."
_SAME = {
    "German": "Hier wird nur Englisch verstanden; bitte fragen Sie auf Englisch.",
    "French": "Seul l'anglais est compris ici ; merci de poser la question en anglais.",
    "Spanish": "Aquí solo se entiende inglés; por favor, pregunte en inglés.",
    "Italian": "Qui si capisce solo l'inglese; per favore, chieda in inglese.",
    "Portuguese": "Aqui só se entende inglês; por favor, pergunte em inglês.",
    "Dutch": "Hier wordt alleen Engels begrepen; stel uw vraag in het Engels.",
}
# words that sentences of a language can hardly do without, none of them English
_WORDS = {
    "German": """der die das ist sind ein eine einen gibt es wie was wo warum brust nicht ich sie
        und oder hier auf dem bild sehen siehst können haben welche guten tag bitte danke""",
    "French": """le la les est sont un une des il elle y a-t-il où que quel quelle pourquoi sein
        seins dans cette image et vous pas bonjour merci masse combien comment""",
    "Spanish": """el la los las es son un una hay qué que dónde donde cómo como por mama masa mamas
        en esta imagen y usted hola gracias cuál tiene está""",
    "Italian": """il lo gli è sono un una c'è ci che dove come perché seno massa nella questa
        immagine e ciao grazie quale nel""",
    "Portuguese": """o os as é são um uma há que onde como por mama massa na nesta imagem e olá
        obrigado obrigada qual tem está existe""",
    "Dutch": """de het een zijn er waar hoe waarom borst niet op deze foto en wat welke dank
        hallo zit ziet u""",
}
_TOO_SHARED = frozenset(
    """die was a me on in so no is one an e o y u as en us the or are sit war""".split()  # noqa: SIM905 - as above
)
_ENGLISH = frozenset(
    """a an and any are as at be breast can could do does for from give has have how i image in is
    it look me mean of on or please see show tell that the there this to what when where which who
    why with you your""".split()  # noqa: SIM905 - a paragraph reads better than a list
)
_OTHER_LETTERS = re.compile(r"[\u0370-\u1fff\u2e80-\ud7ff\uf900-\ufaff\ufe70-\ufeff]")


def foreign(question: str) -> str | None:
    """Return that only English is understood, if a question is not English; None if it is.

    The sentence is repeated in the question's language where that is one of six.
    """
    if len(_OTHER_LETTERS.findall(question)) > 1:
        return ENGLISH
    words = re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", question.casefold())
    english = sum(word in _ENGLISH for word in words)
    known = {name: set(listed.split()) - _TOO_SHARED for name, listed in _WORDS.items()}
    count = {name: sum(word in own for word in words) for name, own in known.items()}
    best = max(count, key=lambda name: count[name])
    marked = re.search(r"[¿¡ßñãõ]|\b[^\W\d_]*[äöüéèêçàáíóúâôìùåø][^\W\d_]*\b", question.casefold())
    if re.search("[¿¡]", question):
        best, count["Spanish"] = "Spanish", 2 + english
    enough = count[best] >= 2 or (count[best] == 1 and (marked or len(words) < 4))
    if not enough or count[best] <= english:
        return ENGLISH if marked and english == 0 and len(words) > 2 else None
    return f"{ENGLISH} {_SAME[best]}"
