"""Where everything stands on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from app.chat.page.findings_panel import findings_html
from app.chat.page.panels import EMPTY_VIEW, banner_html, cards_html, facts_html
from app.chat.page.similar_panel import similar_html
from app.chat.page.theme import TURN_DARK
from app.chat.session_service import SessionService
from app.chat.viewer.exam_picture import PRESETS

KEYS = (
    "Wheel or + - : zoom · drag: move · double click or 0: reset · I invert · O outline · "
    "B boxes · H heat map · P original pixels · / ask"
)


@dataclass
class Parts:
    """The parts of the page that something is wired to."""

    files: gr.File
    folder: gr.UploadButton
    example: gr.Button
    kept: gr.Textbox
    status: gr.HTML
    viewer: gr.HTML
    view: gr.Dropdown
    preset: gr.Dropdown
    level: gr.Slider
    width: gr.Slider
    invert: gr.Checkbox
    true_size: gr.Checkbox
    outline: gr.Checkbox
    boxes: gr.Checkbox
    heat: gr.Checkbox
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
    viewer = gr.HTML(EMPTY_VIEW, elem_id="vm-viewer")
    with gr.Row():
        view = gr.Dropdown([("All views", -1)], value=-1, label="Show", min_width=130)
        preset = gr.Dropdown(
            list(PRESETS), value=next(iter(PRESETS)), label="Window", min_width=150,
            elem_id="vm-preset",
        )  # fmt: skip
        level = gr.Slider(0, 100, 50, step=1, label="Level", min_width=150, elem_id="vm-level")
        width = gr.Slider(2, 200, 100, step=1, label="Width", min_width=150)
    with gr.Row(elem_classes="vm-switches"):
        invert = gr.Checkbox(False, label="Invert", elem_id="vm-invert", min_width=90)
        true_size = gr.Checkbox(False, label="Original pixels", elem_id="vm-true", min_width=130)
        outline = gr.Checkbox(False, label="Outline", elem_id="vm-outline", min_width=90)
        boxes = gr.Checkbox(True, label="Boxes", elem_id="vm-boxes", min_width=90)
        heat = gr.Checkbox(False, label="Heat map", elem_id="vm-heat", min_width=100)
    gr.HTML(f'<p class="vm-keys">{KEYS}</p>')
    return {
        "warnings": warnings, "viewer": viewer, "view": view, "preset": preset, "level": level,
        "width": width, "invert": invert, "true_size": true_size, "outline": outline,
        "boxes": boxes, "heat": heat,
    }  # fmt: skip


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
