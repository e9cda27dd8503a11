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
            "label": told("input.text"),
            "placeholder": told("input.placeholder"),
        },
        "sample": {
            "label": told("input.sample"),
            "choices": catalogue.sample_choices(language),
        },
        "upload": {"label": told("input.upload")},
        "models": {
            "label": told("input.models"),
            "choices": catalogue.model_choices(language),
        },
        "amount": {
            "label": told("input.amount"),
            "info": told("input.amount_info"),
            "choices": _amounts(catalogue, language),
        },
        "read": {"value": told("input.read")},
        "cancel": {"value": told("input.cancel")},
        "results_heading": {"value": _heading(told("results.heading"))},
        "prompt_from_place": {"value": told("place.continue")},
        "summary_heading": {"value": _heading(told("summary.heading"))},
        "csv_heading": {
            "value": f'<p class="lk-hint">{escape(told("csv.heading"))}</p>'
        },
        "csv_summary": {"value": told("csv.summary")},
        "csv_bins": {"value": told("csv.bins")},
        "csv_characters": {"value": told("csv.characters")},
        "csv_continuations": {"value": told("csv.continuations")},
        "continue_heading": {
            "value": _heading(told("continue.heading"), told("continue.lead"))
        },
        "prompt": {
            "label": told("continue.prompt"),
            "info": told("continue.prompt_info"),
            "placeholder": told("continue.placeholder"),
        },
        "max_bytes": {"label": told("continue.max_bytes")},
        "temperature": {"label": told("continue.temperature")},
        "top_p": {"label": told("continue.top_p")},
        "seed": {"label": told("continue.seed")},
        "start": {"value": told("continue.start")},
        "stop": {"value": told("continue.stop")},
    }


def _amounts(catalogue, language):
    *amounts, everything = catalogue.amounts()
    choices = [
        (say(language, "input.amount_bytes", bytes=amount), amount)
        for amount in amounts
    ]
    title = say(language, "input.amount_all", bytes=everything)
    return [*choices, (title, everything)]


def _heading(title, lead=""):
    lead = f"<p>{escape(lead)}</p>" if lead else ""
    return f'<div class="lk-section"><h2>{escape(title)}</h2>{lead}</div>'
