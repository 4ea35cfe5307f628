from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from versamammo.errors import InputError
from versamammo.vocabulary import TOPICS
from vlm.knowledge.glossary import FOLDER, LONGEST, SHORTEST, GlossaryTerm, glossary, read_glossary
from vlm.knowledge.glossary_search import words_of

GOOD = """
- term: cyst
  also: breast cyst
  text: A sac filled with fluid that is common and harmless.
  related: mass
- term: mass
  also: lump; nodule
  text: Something that fills space and can be seen in two views.
  related: cyst
"""


def test_the_glossary_is_large_and_covers_its_parts() -> None:
    entries = glossary()
    assert len(entries) >= 150
    parts = {file.stem for file in FOLDER.glob("*.yaml")}
    assert {"views", "assessment", "masses", "pathology", "technique", "ai"} <= parts
    assert all(sum(one.part == part for one in entries) >= 20 for part in parts)


def test_no_name_stands_for_two_entries_even_when_words_are_put_alike() -> None:
    owner: dict[tuple[str, ...], str] = {}
    clashes = [
        (name, entry.term, other)
        for entry in glossary()
        for name in entry.names
        if (other := owner.setdefault(words_of(name), entry.term)) != entry.term
    ]
    assert clashes == []


def test_explanations_are_short_sentences() -> None:
    assert glossary()
    for entry in glossary():
        assert SHORTEST <= len(entry.text) <= LONGEST, entry.term
        assert entry.text.endswith("."), entry.term
        assert entry.text.count(". ") <= 2, entry.term


def test_related_terms_lead_to_other_entries() -> None:
    by_term = {entry.term: entry for entry in glossary()}
    assert by_term
    for entry in glossary():
        assert entry.related, entry.term
        assert entry.term not in entry.related
        assert set(entry.related) <= set(by_term)


def test_every_finding_and_category_of_the_vocabulary_is_explained() -> None:
    names = {words_of(name) for entry in glossary() for name in entry.names}
    for topic in TOPICS:
        if topic.finding:
            assert words_of(topic.title) in names, topic.title
    for number in range(7):
        assert words_of(f"BI-RADS {number}") in names
    for letter in "ABCD":
        assert words_of(f"density {letter}") in names


def one(term: str) -> GlossaryTerm:
    return next(entry for entry in glossary() if entry.term == term)


def test_categories_say_what_the_vocabulary_says() -> None:
    assert any(topic.name == "ACR" and topic.values for topic in TOPICS)
    for topic in TOPICS:
        for option, described in topic.values:
            if topic.name == "ACR":
                letter, words = described.split(", ", 1)
                assert all(
                    word
                    in f"{one(f'density {letter}').text} {one(f'density {letter}').also}".lower()
                    for word in words.split()
                    if word not in ("almost", "entirely", "tissue")
                ), option
            if topic.name == "Bi-Rads":
                number, words = described.split(", ", 1)
                assert one(f"BI-RADS {number}").text.lower().startswith(words), option


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("related: cyst", "related: sky"), "sky: no entry has this term"),
        (lambda text: text.replace("lump;", "Breast-cyst;"), "is a name of “cyst” too"),
        (lambda text: text.replace("A sac", "A"), None),
        (lambda text: text.replace("A sac filled with fluid that is common and", "It is"),
         "characters; expected 40 to 360"),
        (lambda text: text.replace("  related: mass\n", ""), "entry 1: expected term, also"),
        (lambda text: text.replace("also: lump; nodule", "also: [lump]"), "entry 2: expected"),
        (lambda _: "term: cyst", "expected a list of entries"),
        (lambda _: "- [", "cannot be read"),
    ],
)  # fmt: skip
def test_a_broken_glossary_is_refused_with_file_and_field(
    tmp_path: Path, spoil: Callable[[str], str], said: str | None
) -> None:
    (tmp_path / "own.yaml").write_text(spoil(GOOD), encoding="utf-8")
    if said is None:
        assert [entry.term for entry in read_glossary(tmp_path)] == ["cyst", "mass"]
        return
    with pytest.raises(InputError) as caught:
        read_glossary(tmp_path)
    assert said in caught.value.message
    assert caught.value.file == "own.yaml"


def test_a_folder_without_entries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no entries"):
        read_glossary(tmp_path)
