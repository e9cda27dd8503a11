"""The theme of the page: ink on paper, system fonts, nothing from a network."""

from importlib import resources

import gradio as gr

_INK = gr.themes.Color(
    name="ink",
    c50="#f3f6fa",
    c100="#e4eaf2",
    c200="#c8d4e3",
    c300="#a0b3cb",
    c400="#718bab",
    c500="#4d6a8e",
    c600="#3a5476",
    c700="#2f4460",
    c800="#26374e",
    c900="#1b2839",
    c950="#111a26",
)
_PAPER = gr.themes.Color(
    name="paper",
    c50="#fafaf8",
    c100="#f3f3ef",
    c200="#e5e5df",
    c300="#d2d2ca",
    c400="#a3a39b",
    c500="#6a6a63",
    c600="#54544e",
    c700="#3c3d3b",
    c800="#232527",
    c900="#181a1d",
    c950="#101215",
)
_SANS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def page_theme():
    """Return the theme of the page.

    Returns:
        `gradio.themes.Base`: names only fonts that are on the reader's machine.
    """
    theme = gr.themes.Base(
        primary_hue=_INK,
        secondary_hue=_INK,
        neutral_hue=_PAPER,
        radius_size=gr.themes.sizes.radius_sm,
        font=[gr.themes.Font(name) for name in _SANS],
        font_mono=[gr.themes.Font(name) for name in _MONO],
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_padding="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="600",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_300",
        input_border_width="1px",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_300",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_text_color="white",
        button_primary_text_color_dark="*neutral_950",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*neutral_800",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_400",
        slider_color="*primary_600",
        slider_color_dark="*primary_300",
    )


def page_style():
    """Return the style sheet of the page.

    Returns:
        str.
    """
    file = resources.files("longkeras.app").joinpath("style.css")
    return file.read_text(encoding="utf-8")
