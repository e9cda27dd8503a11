"""Browser events that Gradio's own components do not report."""

import gradio as gr

# Gradio's text box reports typed text, but neither pasted nor dropped text. Of a file
# that is too large Gradio only shows its own message for some seconds, in English.
_SCRIPT = """
const refuse = (event) => {
  const input = event.target;
  const file = input.matches?.("input[type=file]") ? input.files[0] : null;
  if (!file || file.size <= %d) return;
  event.stopImmediatePropagation();
  input.value = "";
  props.value = file.size;
  trigger("select");
};
const forget = (event) => {
  if (!event.target.matches?.("#read-text textarea")) return;
  const sample = document.querySelector("#read-sample input")?.value;
  const said = "#read-notice :is(.lk-info, .lk-error)";
  if (sample || document.querySelector(said)) trigger("input");
};
document.addEventListener("change", refuse, true);
document.addEventListener("input", forget);
"""


def visitor_events(elem_id, max_bytes):
    """Return an invisible component that reports events in the browser.

    It triggers `select` when a file is chosen that is too large, with its size as the
    value, and keeps it from being uploaded; and `input` when the text to read was
    changed by hand while its source or an error is still shown.

    Args:
        elem_id: str.
        max_bytes: int. Largest file that is let through.

    Returns:
        `gradio.HTML`.
    """
    return gr.HTML(
        js_on_load=_SCRIPT % max_bytes,
        apply_default_css=False,
        visible="hidden",
        elem_id=elem_id,
    )
