"""What is written on the components of the *Read* tab, in a language."""

from html import escape

from longkeras.app.strings import say


def read_labels(catalogue, language):
    """Return the properties of components that depend on the language.

    Args:
        catalogue: `Catalogue`.
        language: str. `"en"` or `"zh"`.

    Returns:
        dict of str to dict: keyword arguments by the component's name.
    """

    def told(key, **values):
        return say(language, key, **values)

    return {
        "text": {
            "label": told("read.input.text"),
            "placeholder": told("read.input.placeholder"),
        },
        "sample": {
            "label": told("read.input.sample"),
            "choices": catalogue.sample_choices(language),
        },
        "upload": {"label": told("read.input.upload")},
        "models": {
            "label": told("read.input.models"),
            "choices": catalogue.model_choices(language),
        },
        "amount": {
            "label": told("read.input.amount"),
            "info": told("read.input.amount_info"),
            "choices": _amounts(catalogue, language),
        },
        "read": {"value": told("read.input.read")},
        "cancel": {"value": told("read.input.cancel")},
        "results_heading": {"value": _heading(told("read.results.heading"))},
        "prompt_from_place": {"value": told("read.place.continue")},
        "summary_heading": {"value": _heading(told("read.summary.heading"))},
        "csv_heading": {
            "value": f'<p class="lk-hint">{escape(told("read.csv.heading"))}</p>'
        },
        "csv_summary": {"value": told("read.csv.summary")},
        "csv_bins": {"value": told("read.csv.bins")},
        "csv_characters": {"value": told("read.csv.characters")},
        "csv_continuations": {"value": told("read.csv.continuations")},
        "continue_heading": {
            "value": _heading(told("read.continue.heading"), told("read.continue.lead"))
        },
        "prompt": {
            "label": told("read.continue.prompt"),
            "info": told("read.continue.prompt_info"),
            "placeholder": told("read.continue.placeholder"),
        },
        "max_bytes": {"label": told("setting.max_bytes")},
        "temperature": {"label": told("setting.temperature")},
        "top_p": {"label": told("setting.top_p")},
        "seed": {"label": told("setting.seed")},
        "start": {"value": told("read.continue.start")},
        "stop": {"value": told("read.continue.stop")},
    }


def _amounts(catalogue, language):
    *amounts, everything = catalogue.amounts()
    choices = [
        (say(language, "read.input.amount_bytes", bytes=amount), amount)
        for amount in amounts
    ]
    title = say(language, "read.input.amount_all", bytes=everything)
    return [*choices, (title, everything)]


def _heading(title, lead=""):
    lead = f"<p>{escape(lead)}</p>" if lead else ""
    return f'<div class="lk-section"><h2>{escape(title)}</h2>{lead}</div>'
