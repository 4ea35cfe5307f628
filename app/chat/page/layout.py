"""Where everything stands on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from app.chat.page.findings_panel import findings_html
from app.chat.page.panels import LIGHT_BOX, banner_html, cards_html, facts_html
from app.chat.page.similar_panel import similar_html
from app.chat.page.theme import TURN_DARK
from app.chat.session_service import SessionService


@dataclass
class Parts:
    """The parts of the page that something is wired to."""

    files: gr.File
    folder: gr.UploadButton
    example: gr.Button
    kept: gr.Textbox
    status: gr.HTML
    viewer: gr.HTML
    scene: gr.HTML
    look: gr.Textbox
    warnings: gr.HTML
    facts: gr.HTML
    findings: gr.HTML
    similar: gr.HTML
    report: gr.Textbox
    redraft: gr.Button
    chat: gr.Chatbot
    question: gr.Textbox
    send: gr.Button
    suggested: list[gr.Button]
    export: gr.Button
    exports: gr.File


def lay_out(desk: SessionService, suggested: Sequence[str]) -> Parts:
    """Build the page: the light box on the left, the talk on the right."""
    gr.HTML(banner_html())
    parts: dict[str, object] = {}
    with gr.Row():
        gr.Markdown(
            "# VersaMammo chat\nDrop a mammogram, look at it, ask about it. "
            "Pictures stay on this computer and are forgotten when you leave.",
            elem_id="vm-title",
        )
        gr.Button("Light / dark", size="sm", scale=0, min_width=120, elem_id="vm-dark").click(
            None, js=TURN_DARK, api_visibility="private"
        )
    with gr.Row():
        with gr.Column(scale=7, min_width=320):
            parts |= _intake() | _light_box()
        with gr.Column(scale=5, min_width=320):
            parts |= _talk(suggested) | _panels(desk)
    gr.HTML(cards_html(desk.cards))
    return Parts(**parts)  # type: ignore[arg-type]


def _intake() -> dict[str, object]:
    files = gr.File(
        label="Pictures, zip or DICOMDIR",
        file_count="multiple", height=150, elem_id="vm-files",
    )  # fmt: skip
    with gr.Row():
        folder = gr.UploadButton("Open a folder", file_count="directory", size="sm")
        example = gr.Button("Open the example (phantom)", size="sm", elem_id="vm-example")
    gr.HTML('<p id="vm-dropped" class="vm-refused" role="alert" hidden></p>', elem_id="vm-drop")
    # the token of the exam, which the browser remembers for a reload
    kept = gr.Textbox(visible="hidden", label="exam")
    status = gr.HTML("", elem_id="vm-status")
    return {"files": files, "folder": folder, "example": example, "kept": kept, "status": status}


def _light_box() -> dict[str, object]:
    warnings = gr.HTML("", elem_id="vm-warnings")
    # the script of app/chat/viewer/lightbox fills it; what it shows comes through `scene`
    viewer = gr.HTML(LIGHT_BOX, elem_id="vm-viewer")
    scene = gr.HTML("", elem_id="vm-scene", visible="hidden")
    look = gr.Textbox(visible="hidden", label="look")
    return {"warnings": warnings, "viewer": viewer, "scene": scene, "look": look}


def _talk(suggested: Sequence[str]) -> dict[str, object]:
    # as plain text: neither a tag's words nor a model's can become links, pictures or markup
    chat = gr.Chatbot(
        label="Conversation", show_label=False, height=420, render_markdown=False,
        feedback_options=None, buttons=["copy"], latex_delimiters=[], elem_id="vm-chat",
        placeholder="Ask about the pictures on the light box.",
    )  # fmt: skip
    with gr.Row():
        question = gr.Textbox(
            placeholder="Ask about the pictures …", show_label=False, scale=6, max_lines=4,
            elem_id="vm-question", label="Question",
        )  # fmt: skip
        send = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="vm-send")
    with gr.Row(elem_id="vm-suggest"):
        buttons = [gr.Button(words, size="sm", min_width=200) for words in suggested]
    return {"chat": chat, "question": question, "send": send, "suggested": buttons}


def _panels(desk: SessionService) -> dict[str, object]:
    card = desk.finder.card if desk.finder else None
    with gr.Tabs():
        with gr.Tab("Tags and pixels"):
            facts = gr.HTML(facts_html(None), elem_id="vm-facts")
        with gr.Tab("Findings"):
            findings = gr.HTML(findings_html(None, None, card), elem_id="vm-findings")
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
            exports = gr.File(label="Files", file_count="multiple", interactive=False)
    return {
        "facts": facts, "findings": findings, "similar": similar, "report": report,
        "redraft": redraft,
        "export": export,
        "exports": exports,
    }  # fmt: skip
