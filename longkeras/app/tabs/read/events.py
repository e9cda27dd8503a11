"""The events of the *Read* tab: each calls a handler and renders its view."""

import gradio as gr

from longkeras.app.components.notice import notice_html
from longkeras.app.messages import Message, Told
from longkeras.app.strings import DEFAULT_LANGUAGE
from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.figures.surprise_strips import chosen_character
from longkeras.app.tabs.read.rendering import render
from longkeras.app.tabs.read.tables import csv_text, save_csv

NOTICES = ("notice", "continue_notice")
"""Components that tell messages; what they say is kept beside them."""
AT_ONCE = 4
"""How many people may read, write or look at places at the same time; more wait."""

_COMPARISON = (
    "numbers",
    "notice",
    "read",
    "cancel",
    "results",
    "strips",
    "place",
    "prompt_from_place",
    "summary",
    "prompt",
    "shown",
    "models",
    "results_of",
)
_CONTINUATIONS = (
    "written",
    "continue_notice",
    "continuations",
    "start",
    "stop",
    "csv_continuations",
    "texts",
    "models",
)
# A hidden button holds the file; a click on it, once the page knows the file, saves it.
_SAVE = "() => setTimeout(() => document.querySelector('#csv-file')?.click(), 250)"


class _Wiring:
    """Turns views into outputs for one tab.

    Args:
        parts: dict of str to components.
        catalogue: `Catalogue`.
        language: `gradio.Radio`.
    """

    def __init__(self, parts, catalogue, language):
        self.parts = parts | {"language": language}
        self.catalogue = catalogue

    def of(self, *names):
        """Return components by name."""
        return [self.parts[name] for name in names]

    def told(self, *names):
        """Return output components by name; a notice brings what it says along."""
        kept = [f"{name}_message" for name in names if name in NOTICES]
        return self.of(*names, *kept)

    def outputs(self, view, language, shown=None):
        """Return a view as new values, by component; `shown` is kept with them."""
        values = tell(render(view, self.catalogue, language), language)
        if shown is not None:
            values["shown"] = shown
        return {self.parts[name]: value for name, value in values.items()}


def tell(values, language):
    """Return values with their messages told, and kept to be told again.

    Args:
        values: dict of str to values, as of `render`.
        language: str. `"en"` or `"zh"`.

    Returns:
        dict of str to values, by the component's name.
    """
    messages = {name: values[name] for name in NOTICES if name in values}
    told = {name: notice_html(message, language) for name, message in messages.items()}
    kept = {f"{name}_message": message for name, message in messages.items()}
    return values | told | kept


def connect(parts, catalogue, language):
    """Connect the events of the tab.

    Args:
        parts: dict of str to components.
        catalogue: `Catalogue`.
        language: `gradio.Radio` that holds the page's language.
    """
    wiring = _Wiring(parts, catalogue, language)
    _connect_sources(wiring)
    _connect_visitor(wiring)
    _connect_reading(wiring)
    _connect_places(wiring)
    _connect_writing(wiring)
    for kind in ("summary", "bins", "characters", "continuations"):
        _connect_download(wiring, kind)


def _connect_sources(wiring):
    def on_sample(sample, language):
        """Put a shipped text into the text box."""
        return wiring.outputs(handlers.load_sample(wiring.catalogue, sample), language)

    def on_upload(file, language):
        """Decode a .txt or .md file into the text box."""
        return wiring.outputs(handlers.load_file(file), language)

    wiring.parts["sample"].select(
        on_sample,
        wiring.of("sample", "language"),
        wiring.told("text", "notice"),
        api_name="sample",
        show_progress="hidden",
        queue=False,
    )
    uploaded = wiring.parts["upload"].upload(
        on_upload,
        wiring.of("upload", "language"),
        wiring.told("text", "notice"),
        api_name="upload",
        show_progress="hidden",
        queue=False,
    )
    # A file that is refused leaves the text, and so the sample's name.
    uploaded.then(
        None,
        wiring.of("sample", "notice"),
        wiring.of("sample"),
        js="(sample, notice) => notice.includes('lk-error') ? sample : null",
        api_visibility="private",
    )


def _connect_visitor(wiring):
    def on_large_file(language, event: gr.EventData):
        """Say why a file is not even uploaded."""
        return wiring.outputs(handlers.refuse_file(event.size), language)

    def on_edit(message):
        """Forget which sample or file the text was, once it is another."""
        kept = handlers.notice_after_edit(message)
        told = {"sample": None} | ({} if kept is message else {"notice": kept})
        values = tell(told, DEFAULT_LANGUAGE)
        return {wiring.parts[name]: value for name, value in values.items()}

    wiring.parts["visitor"].select(
        on_large_file,
        wiring.of("language"),
        wiring.told("notice"),
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    wiring.parts["visitor"].input(
        on_edit,
        wiring.of("notice_message"),
        [*wiring.of("sample"), *wiring.told("notice")],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )


def _connect_reading(wiring):
    def on_prepare(flag, language):
        """Prepare this session for /read; a client need not call it."""
        view = handlers.prepare(flag)
        return wiring.outputs(view, language)

    def on_read(flag, voice, shown, text, models, amount, language):
        """Let the models read a text; the first output holds their numbers."""
        voice.language = language
        views = handlers.read(wiring.catalogue, flag, text, models, amount)
        for view in views:
            yield wiring.outputs(shown.take(view), voice.language, shown)

    def on_cancel(flag):
        """Stop this session's reading; /read then ends by itself."""
        handlers.cancel(flag)

    asked = wiring.parts["read"].click(
        on_prepare,
        wiring.of("read_flag", "language"),
        wiring.told("notice"),
        api_name="prepare_read",
        show_progress="hidden",
        queue=False,
    )
    asked.then(
        on_read,
        wiring.of(
            "read_flag", "voice", "shown", "text", "models", "amount", "language"
        ),
        wiring.told(*_COMPARISON),
        api_name="read",
        show_progress="hidden",
        concurrency_limit=AT_ONCE,
        concurrency_id="read",
    )
    wiring.parts["cancel"].click(
        on_cancel,
        wiring.of("read_flag"),
        None,
        api_name="cancel_read",
        show_progress="hidden",
        queue=False,
    )


def _connect_places(wiring):
    def on_select(shown, index, language):
        """Look at one character of what this session has read, by its index."""
        view = shown.look_at(chosen_character(index))
        return wiring.outputs(view, language, shown)

    def on_prompt(shown, language):
        """Take the text before the place looked at as a prompt."""
        view = handlers.prompt_from_place(shown.comparison)
        return wiring.outputs(view, language)

    wiring.parts["strips"].select(
        on_select,
        wiring.of("shown", "strips", "language"),
        wiring.told("place", "prompt_from_place", "notice", "shown"),
        api_name="inspect",
        show_progress="hidden",
        trigger_mode="always_last",
        concurrency_limit=AT_ONCE,
        concurrency_id="inspect",
    )
    wiring.parts["prompt_from_place"].click(
        on_prompt,
        wiring.of("shown", "language"),
        wiring.told("prompt", "continue_notice"),
        api_name="prompt_from_place",
        show_progress="hidden",
        queue=False,
        js="(...inputs) => { document.querySelector('#prompt').scrollIntoView("
        "{behavior: 'smooth', block: 'center'}); return inputs; }",
    )


def _connect_writing(wiring):
    settings = ("max_bytes", "temperature", "top_p", "seed")

    def on_start(
        flag, voice, prompt, models, max_bytes, temperature, top_p, seed, language
    ):
        """Let the models write on from a prompt; the first output is their text."""
        voice.language = language
        options = {
            "max_bytes": max_bytes,
            "temperature": temperature,
            "top_p": top_p,
            "seed": seed,
        }
        views = handlers.continue_from(wiring.catalogue, flag, prompt, models, options)
        for view in views:
            yield wiring.outputs(view, voice.language)

    def on_stop(flag):
        """Stop this session's writing; /continue then ends by itself."""
        handlers.cancel(flag)

    settings = ("max_bytes", "temperature", "top_p", "seed")
    wiring.parts["start"].click(
        on_start,
        wiring.of("write_flag", "voice", "prompt", "models", *settings, "language"),
        wiring.told(*_CONTINUATIONS),
        api_name="continue",
        show_progress="hidden",
        concurrency_limit=AT_ONCE,
        concurrency_id="continue",
    )
    wiring.parts["stop"].click(
        on_stop,
        wiring.of("write_flag"),
        None,
        api_name="stop_continue",
        show_progress="hidden",
        queue=False,
    )


def _connect_download(wiring, kind):
    notice = "continue_notice" if kind == "continuations" else "notice"

    def on_click(shown, texts, language):
        text = csv_text(kind, shown.comparison, texts)
        if text is not None:
            return {wiring.parts["csv_file"]: save_csv(kind, text)}
        is_writing = kind == "continuations"
        key = "read.notice.no_continuation" if is_writing else "read.notice.no_reading"
        told = wiring.outputs(Told(Message(key, kind="error"), notice), language)
        return told | {wiring.parts["csv_file"]: None}

    on_click.__doc__ = f"Return this session's {kind} as a CSV file."
    saved = wiring.parts[f"csv_{kind}"].click(
        on_click,
        wiring.of("shown", "texts", "language"),
        wiring.told("csv_file", notice),
        api_name=f"csv_{kind}",
        show_progress="hidden",
    )
    saved.success(None, None, None, js=_SAVE, api_visibility="private")
