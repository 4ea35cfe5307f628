"""How the page looks and moves: a theme in light and dark, and the files of `static`."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from app.chat.session.limits import Limits

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]
MONO = ["ui-monospace", "DejaVu Sans Mono", "monospace"]
SCRIPTS = ("page", "names", "drop")


def theme() -> gr.themes.Base:
    """Return a theme whose fonts are the machine's own: nothing is fetched."""
    made: gr.themes.Base = gr.themes.Soft(
        primary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=MONO, radius_size="sm"
    ).set(
        # the theme's own shades of teal are too pale to read on white
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_cancel_background_fill="*neutral_200",
        button_cancel_background_fill_dark="*neutral_700",
        button_cancel_text_color="*neutral_900",
        button_cancel_text_color_dark="white",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        color_accent="*primary_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_800",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_700",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active="*primary_800",
        link_text_color_active_dark="*primary_200",
        button_secondary_background_fill_hover_dark="*neutral_600",
        block_label_background_fill_dark="*primary_800",
        block_title_background_fill_dark="*primary_800",
        block_label_text_color="*primary_800",
        block_label_text_color_dark="white",
        block_title_text_color="*primary_800",
        block_title_text_color_dark="white",
        block_border_width="1px",
        checkbox_border_color="*neutral_500",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
    )
    return made


STATIC = Path(__file__).parent / "static"


def head() -> str:
    """Return what goes into the page's head: its styles and scripts, all of them our own."""
    style = (STATIC / "page.css").read_text(encoding="utf-8")
    scripts = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    written = "".join(f"<script>{script}</script>" for script in scripts)
    return f"<style>{style}</style>{written.replace('MOST_FILES', str(Limits().members))}"


# in the tab only: it outlives a reload, and neither the tab nor the browser
KEEP_TOKEN = "(token) => { sessionStorage.setItem('versamammo-exam', token ?? ''); }"
KEPT_TOKEN = "() => [sessionStorage.getItem('versamammo-exam') || '']"
