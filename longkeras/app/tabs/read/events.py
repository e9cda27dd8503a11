"""Events and endpoints of the *Read* tab."""

from longkeras.app.tabs.read import handlers
from longkeras.app.tabs.read.figures.surprise_strips import chosen_character
from longkeras.app.tabs.read.tables import KINDS
from longkeras.app.tabs.read.views import Comparison, Continuations

AT_ONCE = 4
"""Visitors who may read, continue a text or look at places at the same time."""

_COMPARISON = (
    "notice",
    "start",
    "cancel",
    "results",
    "strips",
    "place",
    "prompt_from_place",
    "summary",
    "prompt",
    "models",
    "results_of",
)
_CONTINUATIONS = (
    "continue_notice",
    "continuations",
    "continue",
    "stop",
    "csv_continuations",
    "models",
)
# A refused file leaves the text, and so the sample's name.
_KEEP_SAMPLE = "(sample, notice) => notice.includes('lk-error') ? sample : null"
_SCROLL_TO_PROMPT = (
    "(...inputs) => { document.querySelector('#read-prompt').scrollIntoView("
    "{behavior: 'smooth', block: 'center'}); return inputs; }"
)
# A hidden button holds the file; a click on it, once the page knows the file, saves it.
_SAVE = "() => setTimeout(() => document.querySelector('#read-file')?.click(), 250)"


def connect(tab):
    """Connect the events of the tab.

    Args:
        tab: `ReadTab`, with its components.
    """
    _connect_sources(tab)
    _connect_visitor(tab)
    _connect_reading(tab)
    _connect_places(tab)
    _connect_continuing(tab)
    for kind in KINDS:
        _connect_table(tab, kind)


def _connect_sources(tab):
    parts = tab.parts

    def on_sample(session, sample):
        """Return the text of a shipped sample."""
        return handlers.load_sample(tab.catalogue, sample)

    def on_upload(session, file):
        """Decode a .txt or .md file."""
        return handlers.load_file(file)

    common = {"returns": ("text", "notice"), "queue": False}
    tab.on(
        parts["sample"].select,
        on_sample,
        ("sample",),
        ("text", "notice"),
        api_name="sample",
        **common,
    )
    uploaded = tab.on(
        parts["upload"].upload,
        on_upload,
        ("upload",),
        ("text", "notice"),
        api_name="upload",
        **common,
    )
    uploaded.then(
        None,
        [parts["sample"], parts["notice"]],
        parts["sample"],
        js=_KEEP_SAMPLE,
        api_visibility="private",
    )


def _connect_visitor(tab):
    visitor = tab.parts["visitor"]

    def on_large_file(session, size):
        return handlers.refuse_file(size)

    def on_edit(session):
        return handlers.after_edit(session.messages.get(tab.element_id("notice")))

    tab.on(visitor.select, on_large_file, ("visitor",), ("notice",), queue=False)
    tab.on(visitor.input, on_edit, (), ("sample", "notice"), queue=False)


def _connect_reading(tab):
    def on_read(session, text, models, amount):
        """Let models read a text, one after another, and return their numbers."""
        results = tab.results(session)

        def steps(work):
            views = handlers.read(tab.catalogue, work, text, models, amount)
            return map(results.take, views)

        def running(message):
            return results.take(Comparison(message, is_running=True, is_step=True))

        yield from tab.run(session, "read", steps, running)

    def on_cancel(session):
        """Cancel the reading of this session; `/read_text` then returns."""
        tab.cancel(session, "read")

    tab.on(
        tab.parts["start"].click,
        on_read,
        ("text", "models", "amount"),
        _COMPARISON,
        api_name="text",
        returns=("numbers", "notice"),
        concurrency_limit=None,
    )
    tab.on(tab.parts["cancel"].click, on_cancel, api_name="cancel", queue=False)


def _connect_places(tab):
    def on_select(session, index):
        """Look at one character of the text that this session has read."""
        return tab.results(session).look_at(chosen_character(index))

    def on_prompt(session):
        """Return the text before the place last looked at, as a prompt."""
        return handlers.prompt_from_place(tab.results(session).comparison)

    tab.on(
        tab.parts["strips"].select,
        on_select,
        ("strips",),
        ("place", "prompt_from_place", "notice"),
        api_name="inspect",
        returns=("inspection", "notice"),
        trigger_mode="always_last",
        concurrency_limit=AT_ONCE,
        concurrency_id="read_inspect",
    )
    tab.on(
        tab.parts["prompt_from_place"].click,
        on_prompt,
        (),
        ("prompt", "continue_notice"),
        api_name="prompt",
        returns=("prompt", "notice"),
        queue=False,
        js=_SCROLL_TO_PROMPT,
    )


def _connect_continuing(tab):
    settings = ("max_bytes", "temperature", "top_p", "seed")

    def on_continue(session, prompt, models, max_bytes, temperature, top_p, seed):
        """Let models continue a prompt, side by side, and return what they write."""
        results = tab.results(session)
        values = dict(zip(settings, (max_bytes, temperature, top_p, seed), strict=True))

        def steps(work):
            views = handlers.continue_from(tab.catalogue, work, prompt, models, values)
            return map(results.take, views)

        def running(message):
            return results.take(Continuations(message, True, prompt))

        yield from tab.run(session, "continue", steps, running, "continue_notice")

    def on_stop(session):
        """Stop the continuations of this session; `/read_continue` then returns."""
        tab.cancel(session, "continue")

    tab.on(
        tab.parts["continue"].click,
        on_continue,
        ("prompt", "models", *settings),
        _CONTINUATIONS,
        api_name="continue",
        returns=("written", "notice"),
        concurrency_limit=None,
    )
    tab.on(tab.parts["stop"].click, on_stop, api_name="stop", queue=False)


def _connect_table(tab, kind):
    notice = "continue_notice" if kind == "continuations" else "notice"

    def on_click(session):
        results = tab.results(session)
        return handlers.save_table(kind, results.comparison, results.continuations)

    on_click.__doc__ = f"Return the {kind} of this session as a CSV file."
    saved = tab.on(
        tab.parts[f"csv_{kind}"].click,
        on_click,
        (),
        ("file", notice),
        api_name=f"csv_{kind}",
        returns=("file", "notice"),
    )
    saved.success(None, None, None, js=_SAVE, api_visibility="private")
