"""Where everything stands on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from app.chat.page.findings_panel import findings_html
from app.chat.page.page_header import banner_html, cards_html, keys_html, line_html
from app.chat.page.panels import LIGHT_BOX, facts_html
from app.chat.page.similar_panel import similar_html
from app.chat.session.example_exam import EXAMPLES
from app.chat.session_service import SessionService


@dataclass
class Parts:
    """The parts of the page that something is wired to."""

    line: gr.HTML
    files: gr.File
    folder: gr.UploadButton
    examples: dict[str, gr.Button]
    kept: gr.Textbox
    status: gr.HTML
    viewer: gr.HTML
    scene: gr.HTML
    look: gr.Textbox
    warnings: gr.HTML
    verdict: gr.HTML
    facts: gr.HTML
    findings: gr.HTML
    similar: gr.HTML
    report: gr.Textbox
    redraft: gr.Button
    chat: gr.Chatbot
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    suggested: list[gr.Button]
    export: gr.Button
    exports: gr.File


def lay_out(desk: SessionService, suggested: Sequence[str]) -> Parts:
    """Build the page: a line on top, picture and talk side by side, panels under the picture.

    The order here is that of the Tab key; on a phone it is also that of what is seen.
    """
    parts: dict[str, object] = _head()
    with gr.Row(elem_id="vm-main"):
        with gr.Column(elem_id="vm-left"):
            parts |= _intake() | _light_box()
        with gr.Column(elem_id="vm-talk"):
            parts |= _talk(suggested)
        with gr.Column(elem_id="vm-panels"):
            parts |= _panels(desk)
            gr.HTML(cards_html(desk.cards))
    gr.HTML(keys_html(), elem_id="vm-keys-box")
    return Parts(**parts)  # type: ignore[arg-type]


def _head() -> dict[str, object]:
    # what the buttons do stands in static/page.js
    with gr.Row(elem_id="vm-bar"):
        gr.HTML(banner_html(), elem_id="vm-brand")
        line = gr.HTML(line_html(), elem_id="vm-line")
        gr.Button("Open another", size="sm", scale=0, elem_id="vm-another")
        gr.Button("Theme", size="sm", scale=0, elem_id="vm-dark")
        gr.Button("Keys", size="sm", scale=0, elem_id="vm-help")
    return {"line": line}


def _intake() -> dict[str, object]:
    with gr.Column(elem_id="vm-intake"):
        files = gr.File(
            label="Pictures, zip or DICOMDIR", file_count="multiple", elem_id="vm-files"
        )
        folder = gr.UploadButton("Open a folder", file_count="directory", size="sm")
        gr.HTML("<h2>Or an example</h2>")
        with gr.Row():
            examples = {
                key: gr.Button(
                    example.title, size="sm", min_width=150, elem_id=f"vm-example-{number}"
                )
                for number, (key, example) in enumerate(EXAMPLES.items(), start=1)
            }
    gr.HTML(
        '<p id="vm-dropped" class="vm-fold vm-refused" role="alert" hidden></p>',
        elem_id="vm-drop",
    )
    # the token of the exam, which the browser remembers for a reload
    kept = gr.Textbox(visible="hidden", label="exam")
    status = gr.HTML("", elem_id="vm-status")
    return {"files": files, "folder": folder, "examples": examples, "kept": kept, "status": status}


def _light_box() -> dict[str, object]:
    warnings = gr.HTML("", elem_id="vm-warnings")
    # the script of app/chat/viewer/lightbox fills it; what it shows comes through `scene`
    viewer = gr.HTML(LIGHT_BOX, elem_id="vm-viewer")
    scene = gr.HTML("", elem_id="vm-scene", visible="hidden")
    look = gr.Textbox(visible="hidden", label="look")
    return {"warnings": warnings, "viewer": viewer, "scene": scene, "look": look}


def _talk(suggested: Sequence[str]) -> dict[str, object]:
    verdict = gr.HTML("", elem_id="vm-verdict")
    # as plain text: neither a tag's words nor a model's can become links, pictures or markup
    chat = gr.Chatbot(
        label="Conversation", show_label=False, height=420, render_markdown=False,
        feedback_options=None, buttons=["copy"], latex_delimiters=[], elem_id="vm-chat",
        placeholder="Ask about the pictures on the light box.", autoscroll=False, editable="user",
    )  # fmt: skip
    with gr.Row(elem_id="vm-suggest"):
        buttons = [gr.Button(words, size="sm") for words in suggested]
    with gr.Row(elem_id="vm-ask"):
        question = gr.Textbox(
            placeholder="Ask about the pictures …", show_label=False, scale=6, max_lines=4,
            elem_id="vm-question", label="Question",
        )  # fmt: skip
        send = gr.Button("Ask", variant="primary", scale=0, min_width=80, elem_id="vm-send")
        stop = gr.Button("Stop", variant="stop", scale=0, min_width=80, visible=False,
                         elem_id="vm-stop")  # fmt: skip
    return {"verdict": verdict, "chat": chat, "question": question, "send": send, "stop": stop,
            "suggested": buttons}  # fmt: skip


def _panels(desk: SessionService) -> dict[str, object]:
    card = desk.finder.card if desk.finder else None
    with gr.Tabs():
        with gr.Tab("Findings"):
            findings = gr.HTML(findings_html(None, None, card), elem_id="vm-findings")
        with gr.Tab("Tags and pixels"):
            facts = gr.HTML(facts_html(None), elem_id="vm-facts")
        with gr.Tab("Similar cases", visible=desk.comparer is not None):
            similar = gr.HTML(similar_html(None, ()), elem_id="vm-similar")
        with gr.Tab("Report draft"):
            report = gr.Textbox(
                label="Edit and copy", lines=14, max_lines=24, buttons=["copy"],
                elem_id="vm-report", interactive=True,
            )  # fmt: skip
            redraft = gr.Button(
                "Write the draft again, with the conversation (your changes go)",
                size="sm", elem_id="vm-redraft",
            )  # fmt: skip
        with gr.Tab("Take away"):
            export = gr.Button("Write JSON, PNG and PDF", elem_id="vm-export")
            exports = gr.File(
                label="Files", file_count="multiple", interactive=False, elem_id="vm-exports"
            )
    return {
        "facts": facts, "findings": findings, "similar": similar, "report": report,
        "redraft": redraft,
        "export": export,
        "exports": exports,
    }  # fmt: skip
