"""The final answer of a model that thinks aloud: without its thoughts and without its wrappers.

Thoughts are cut out first, so that nothing in them can be taken for an answer. A thought that
never ends reaches to the end of the text; one that ends without a beginning began in the prompt.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

DEEPEST = 6  # wrappers within wrappers
MOST_OBJECTS = 64  # of JSON that a text is searched for, counted from its end

_THOUGHT = (
    r"think(?:ing)?|thoughts?|reason(?:ing)?|rationale|analysis|reflection|scratchpad|cot|caption"
    r"|(?:inner_)?monologue"
)
# how model families mark where a thought begins and ends
_BEGIN = re.compile(
    rf"<\s*\|?\s*(?:(?:begin|start)_of_|seed:)?(?:{_THOUGHT})(?:\s[^<>]*)?\|?\s*>"
    r"|\[think\]|◁think▷|<unused94>|<\|channel\|?>\s*(?:analysis|commentary)[^<]*<\|message\|>"
    r"|^\s*#+\s*(?:thinking|reasoning|thoughts?)\b[^\n]*$|^thinking\.\.\.\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_FINISH = re.compile(
    rf"<\s*\|?\s*(?:/\s*|end_of_)(?:seed:)?(?:{_THOUGHT})\s*\|?\s*>"
    r"|\[/think\]|◁/think▷|<unused95>|<\|channel\|?>\s*final\s*<\|message\|>"
    r"|^\s*#+\s*(?:final\b|answer\b|response\b|conclusion\b)[^\n]*$|^\.\.\.done thinking\.\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_THOUGHT = re.compile(rf"<\s*(?:{_THOUGHT})\s*/\s*>", re.IGNORECASE)
_END = re.compile(
    r"</s>|<eos>|<pad>|<end_of_turn>|<end_of_utterance>|<turn\|>|\[eos\]|<\|eos\|>"
    r"|<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|eom_id|end|return|eos_token|end_of_turn"
    r"|end.of.sentence|user|observation|call)\|>",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"<\|(?:im_start|start|header_start|start_header_id)\|>\s*(?:assistant|model)\s*"
    r"(?:<\|(?:end_header_id|header_end|message)\|>)?|<start_of_turn>\s*model|<\|assistant\|>"
    r"|\[/inst\]|\bassistant\s*:|^\s*assistant\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_MARKER = re.compile(r"<s>|<bos>|<unk>|<\|begin_of_text\|>", re.IGNORECASE)

_ANSWER = r"(?:final[ _-]?)?(?:answer|ans)|final|conclusion|solution|response|result|output|choice"
_TAGGED = re.compile(
    rf"<\s*\|?\s*(?:begin_of_)?({_ANSWER}|box)\s*\|?\s*>(.*?)"
    rf"(?:<\s*\|?\s*(?:/|end_of_)\s*(?:{_ANSWER}|box)\s*\|?\s*>|\Z)"
    r"|\[answer\](.*?)(?:\[/answer\]|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?=[A-Za-z(]))")
_TEX = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|bf|rm|emph)\s*\{([^{}]*)\}")
_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_KEYS = ("answer", "finalanswer", "final", "answers", "choice", "choices", "option", "options",
         "selected", "selection", "selectedoption", "prediction", "predicted", "label", "labels",
         "response", "result", "output", "conclusion", "letter", "value", "text")  # fmt: skip
_LOOSE = re.compile(
    r"""["']?(?:final[_ ]?)?(?:answer|choice|option|prediction)["']?\s*:\s*["']([^"'{}\[\]]+)""",
    re.IGNORECASE,
)


def final_answer(text: str) -> str:
    """Return what a model said at last, without thoughts, tags, boxes, JSON and end tokens."""
    plain = unicodedata.normalize("NFKC", text)
    if "&lt;" in plain:
        plain = html.unescape(plain)
    said = _spoken(_without_thoughts(plain))
    for _ in range(DEEPEST):
        inner = _unwrapped(said)
        if inner == said:
            break
        said = inner
    return said


def _without_thoughts(text: str) -> str:
    """Cut out what lies between the marks of a thought; marks may be nested or stand alone."""
    text = _EMPTY_THOUGHT.sub(" ", text)
    marks = [(hit.start(), hit.end(), 1) for hit in _BEGIN.finditer(text)]
    marks += [(hit.start(), hit.end(), -1) for hit in _FINISH.finditer(text)]
    kept: list[str] = []
    before: list[str] = []  # said between a proper thought and an end too many
    depth, at, begun = 0, 0, False
    for start, end, step in sorted(marks):
        heading = text[start:end].lstrip().startswith("#")
        if depth == 0:
            kept.append(text[at:start])
        if step > 0:
            depth, begun = depth + 1, True
        elif depth:
            depth -= 1
        elif not heading:
            before, kept = (kept if begun else []), []
        at = end
    kept.append(text[at:] if depth == 0 else "")
    return " ".join(kept if "".join(kept).strip() else before)


def _spoken(text: str) -> str:
    """Leave out what was said before the model's turn and after it."""
    said = _MARKER.sub(" ", _ROLE.split(text)[-1])
    parts = [part for part in _END.split(said) if part.strip()]
    return parts[0] if parts else ""


def _unwrapped(said: str) -> str:
    """Open the outermost wrapper; the last of several, unless they stand side by side."""
    tagged = [(hit.start(), hit.end(), hit[2] or hit[3] or "") for hit in _TAGGED.finditer(said)]
    for found in (tagged, _boxes(said)):
        inner = _last_of(said, found)
        if inner:
            return inner
    said = _TAGGED.sub(" ", said)  # what is left are tags around nothing
    said = _TEX.sub(r"\1", said)
    if fenced := _last_of(said, [(h.start(), h.end(), h[1]) for h in _FENCE.finditer(said)]):
        return fenced
    return _from_json(said)


def _last_of(said: str, found: list[tuple[int, int, str]]) -> str:
    """Return the last of several wrapped texts, together with those right before it."""
    found = [one for one in found if one[2].strip()]
    kept: list[str] = []
    begin = len(said)
    for start, end, inner in reversed(found):
        if kept and not re.fullmatch(r"[\s,;&$]*(?:and)?[\s,;&$]*", said[end:begin]):
            break
        kept.insert(0, inner.strip())
        begin = start
    return ", ".join(kept)


def _boxes(said: str) -> list[tuple[int, int, str]]:
    """Find boxes of TeX with their content, whose own braces are paired."""
    found: list[tuple[int, int, str]] = []
    for hit in _BOX.finditer(said):
        if found and hit.start() < found[-1][1]:
            continue
        if not hit[0].endswith("{"):
            word = re.match(r"\(?\w+\)?", said[hit.end() :])
            end = hit.end() + (word.end() if word else 0)
            found.append((hit.start(), end, said[hit.end() : end]))
            continue
        depth, end = 1, hit.end()
        while end < len(said) and depth:
            depth += {"{": 1, "}": -1}.get(said[end], 0)
            end += 1
        found.append((hit.start(), end, said[hit.end() : end - (depth == 0)]))
    return found


def _from_json(said: str) -> str:
    """Read the last JSON value that stands in the text; other text passes."""
    stripped = said.strip()
    starts = [hit.start() for hit in re.finditer(r"\{", stripped)][-MOST_OBJECTS:]
    if stripped.startswith(('"', "[", "{")):
        starts = sorted({0, *starts})
    last, end = None, -1
    for start in starts:
        if start < end:
            continue  # within the value that was read last
        try:
            value, stop = json.JSONDecoder().raw_decode(stripped, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | str) or (start == 0 and stop == len(stripped)):
            last, end = value, stop
    if last is not None:
        return _value(last)
    if "{" in stripped and (loose := _LOOSE.findall(stripped)):
        return str(loose[-1]).strip()
    return said


def _value(value: Any) -> str:
    """Spell what an answer in JSON says; a list is several options."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_value, value)))
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    named = {re.sub(r"[^a-z]", "", str(key).lower()): part for key, part in value.items()}
    for key in _KEYS:
        if key in named:
            return _value(named[key])
    if len(value) == 1:
        key, part = next(iter(value.items()))
        if re.fullmatch(r"[A-Z]", str(key)) and isinstance(part, str):
            return f"{key}: {part}"
    return ""
