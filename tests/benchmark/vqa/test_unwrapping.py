"""Answers of models that think aloud: the final answer counts, and no thought ever does."""

from __future__ import annotations

import pytest

from benchmark.vqa.answers import letters
from benchmark.vqa.parsing import ParseOutcome, parse
from benchmark.vqa.unwrapping import final_answer
from versamammo.vqa import Kind

LETTER = {"Normal": "A", "Malignant": "B", "Benign": "C"}
OTHER = {"Normal": "Benign", "Malignant": "Normal", "Benign": "Malignant"}
# {a} the letter and {t} the text of the right answer, {x} and {w} those of a wrong one
WRAPPERS = [
    "<think>Could be {w}. Answer: {x}</think>{t}",
    "<think></think>\n\n{a}",
    "<think/>{a}",
    "<think>\n\n</think>\n{t}.",
    "<THINK>{w}</THINK> ({a})",
    "<think time=3>{w}</think> {a}",
    "The margins look {w}, so {x}.</think>\n{a}",
    "<think>{x} <think>{w}</think> {w}</think>{a}",
    "<think>{w}</think><answer>{a}</answer>",
    "<think><answer>{x}</answer></think><answer>{t}</answer>",
    "<answer><think>{w}</think>{a}</answer>",
    "<thinking>{w}</thinking>\n<answer>{a}: {t}</answer>",
    "<reasoning>\\boxed{{{x}}}</reasoning>\\boxed{{{a}}}",
    "[THINK]{w}[/THINK]{t}",
    "◁think▷{w}◁/think▷ {a}",
    "<unused94>thought\n{w}<unused95>{a}",
    "<|begin_of_thought|>{w}<|end_of_thought|><|begin_of_solution|>{t}<|end_of_solution|>",
    "<|channel|>analysis<|message|>Maybe {w}.<|end|><|start|>assistant<|channel|>final"
    "<|message|>{a}<|return|>",
    "## Thinking\n\nIt might be {w}.\n\n## Final Response\n\n{t}",
    "Thinking...\n{w}?\n...done thinking.\n\n{a}",
    "<think>{w}</think><|begin_of_box|>{a}<|end_of_box|>",
    "<think>{w}</think>{a}</think>",
    "&lt;think&gt;{w}&lt;/think&gt;{a}",
    "<answer>{a}</answer>",
    "<answer>\n{t}\n</answer></s>",
    "<answer>{a}",
    "<answer>{x}</answer> Wait, no. <answer>{a}</answer>",
    "<answer>{a}</answer> since it is not {w}",
    "<final_answer>{t}</final_answer>",
    "<CONCLUSION>{t}</CONCLUSION>",
    "[ANSWER]{a}[/ANSWER]",
    "The final answer is $\\boxed{{{a}}}$. I hope it is correct.",
    "\\boxed{{\\text{{{t}}}}}",
    "\\(\\boxed{{\\textbf{{({a})}}}}\\)",
    "\\boxed{{{a}. {t}}}",
    "\\boxed{{{a}}}, \\boxed{{{a}}}",
    "\\boxed {a}",
    "First \\boxed{{{x}}}, on reflection \\boxed{{{a}}}",
    "\\boxed{{{a}",
    "<answer>\\boxed{{{a}}}</answer>",
    "{a}<|im_end|>",
    "{t}<|endoftext|>",
    "{a}<|eot_id|>",
    "{t}<eos><pad><pad>",
    "{a}<\uff5cend\u2581of\u2581sentence\uff5c>",
    "{a}<end_of_turn>\n<start_of_turn>user\nIs it {w}?",
    "<|im_start|>assistant\n{a}<|im_end|>",
    "<s>[INST] Normal, malignant or benign? [/INST] {t}</s>",
    "USER: Normal, malignant or benign? ASSISTANT: {t}</s>",
    '{{"answer": "{a}"}}',
    '{{"reasoning": "At first {w}", "answer": "{t}"}}',
    '{{"answer": "{a}", "explanation": "not {w}"}}',
    '```json\n{{"Final Answer": "{a}: {t}"}}\n```',
    'Here it is: {{"answer": ["{t}"]}}',
    '{{"answer": {{"letter": "{a}", "confidence": 0.9}}}}',
    '"{t}"',
    '["{a}"]',
    '{{"{a}": "{t}"}}',
    "{{'answer': '{a}'}}",
    '{{"answer": "{a}"',
    '<think>{{"answer": "{x}"}}</think>{{"answer": "{a}"}}',
    "```\n{a}\n```",
    "{a}, not {x}",
    "{a} and not {x}",
    "{a} (not {x})",
    "{a} rather than {x}",
    "{a}; {x} is incorrect",
    "{a}: {t}, not {x}: {w}",
    "Answer: {a}, not {x}",
    "Answer: {a}, not option {x}",
    "The answer is {a}, not option {x} ({w}).",
    "Not {x}. {a}.",
    "Option {a} is correct. Option {x} is wrong.",
    "{a} is the correct answer",
    "{a} is more likely than {x}",
    "{x}: {w} is ruled out, so {a}: {t}",
    "{t}, not {w}",
    "I would go with {a}",
    "**Final Answer:** {a}",
    "**Final Answer**\n\n{t}",
    "#### {a}",
    "Answer\uff1a{a}",
    "\ufeff{a}\u200b",
    "[{a}]",
]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_final_answer_counts_whatever_it_is_wrapped_in(ask, wrapper):
    for text, letter in LETTER.items():
        wrong = OTHER[text]
        said = wrapper.format(a=letter, t=text, x=LETTER[wrong], w=wrong.lower())
        item = ask(text)
        assert parse(said, item, letters(item, None)).chosen == (text,), said


@pytest.mark.parametrize(
    "said",
    [
        "<think>It looks benign",
        "<think>Answer: C",
        "<think>\\boxed{C}",
        '<think>{"answer": "C"}',
        "<think>benign</think>",
        "<think>benign</think></s>",
        "It looks benign.</think>",
        "<think><answer>C</answer></think>",
        "[THINK] benign",
        "◁think▷ benign",
        "<unused94>thought benign",
        "<|channel|>analysis<|message|>benign",
        "## Thinking\n\nbenign",
        "<think>benign</think><think>malignant",
        '{"reasoning": "benign", "answer": null}',
        '{"thought": "benign"}',
        "<answer></answer>",
    ],
)
def test_nothing_is_chosen_from_a_thought(ask, said):
    item = ask("Benign")
    reading = parse(said, item, letters(item, None))
    assert (reading.outcome, reading.chosen) == (ParseOutcome.FAILED, ())


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("<think>Asymmetry?</think>B, C", ("Calcification", "Mass")),
        ("\\boxed{B}, \\boxed{C}", ("Calcification", "Mass")),
        ("\\boxed{B, C}", ("Calcification", "Mass")),
        ('{"answer": ["Mass", "Calcification"]}', ("Calcification", "Mass")),
        ("<answer>B and C</answer>", ("Calcification", "Mass")),
        ("B and C, not E", ("Calcification", "Mass")),
        ("B, C (not D or E)", ("Calcification", "Mass")),
    ],
)
def test_several_findings_are_unwrapped_as_a_set(ask, said, chosen):
    item = ask("Mass", kind=Kind.MULTIPLE)
    assert parse(said, item, letters(item, None)).chosen == chosen


@pytest.mark.parametrize(
    ("said", "chosen"),
    [("<think>No?</think>Yes", "Yes"), ('{"answer": true}', "Yes"), ("\\boxed{No}</s>", "No")],
)
def test_yes_and_no_are_unwrapped(ask, said, chosen):
    item = ask("Yes", kind=Kind.YES_NO, options=("Yes", "No"), topic="Cancer")
    assert parse(said, item, letters(item, None)).chosen == (chosen,)


@pytest.mark.parametrize("said", ["A, B", "\\boxed{A} \\boxed{B}", "not A", "A is wrong"])
def test_unwrapping_does_not_guess(ask, said):
    item = ask("Normal")
    assert parse(said, item, letters(item, None)).chosen == ()


@pytest.mark.parametrize("said", ["[" * 100_000, "{" * 100_000, "\\boxed{" * 20_000,
                                  "<think>" * 50_000, "<answer>" * 20_000])  # fmt: skip
def test_deep_wrappers_end(said):
    assert len(final_answer(said)) <= len(said)
