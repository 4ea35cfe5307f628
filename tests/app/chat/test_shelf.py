from __future__ import annotations

from app.chat.evidence.exam import Exam
from app.chat.session.limits import Limits
from app.chat.session.session_store import SessionStore, Visit


def test_a_token_leads_to_its_own_visit_only(exam: Exam) -> None:
    shelf = SessionStore(Limits())
    first, second = Visit(exam), Visit(exam)
    one, two = shelf.put(first), shelf.put(second)
    assert shelf.get(one) is first
    assert shelf.get(two) is second
    assert shelf.get("guessed") is None
    assert shelf.get(None) is None


def test_the_longest_unused_visit_makes_room(exam: Exam) -> None:
    shelf = SessionStore(Limits(held_bytes=2 * exam.weight))
    tokens = [shelf.put(Visit(exam)) for _ in range(2)]
    assert shelf.get(tokens[0])
    newest = shelf.put(Visit(exam))
    assert shelf.get(tokens[0])
    assert shelf.get(tokens[1]) is None
    assert shelf.get(newest)


def test_a_visit_that_was_left_is_forgotten(exam: Exam) -> None:
    shelf = SessionStore(Limits())
    token = shelf.put(Visit(exam))
    shelf.drop(token)
    shelf.drop(token)
    assert shelf.get(token) is None
