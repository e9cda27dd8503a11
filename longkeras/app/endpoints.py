"""Checks of the values sent to the page's endpoints.

Every call of an endpoint, from the page, from `gradio_client` or by HTTP, passes
through `CheckedBlocks.process_api`. A value that a component does not take is answered
with a sentence that names the argument, says what to give and repeats what was
received; Gradio alone would answer `error: null` and write a traceback to the log.
"""

import inspect
import os
import reprlib
from functools import singledispatch
from pathlib import Path

import gradio as gr
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder

from longkeras.app.messages import Message
from longkeras.app.strings import DEFAULT_LANGUAGE, LANGUAGES
from longkeras.app.tabs.read.figures.surprise_strips import chosen_character

_SHORT = reprlib.Repr()
"""Repeats a value in a few words, however long or deep it is."""
_SHORT.maxstring = _SHORT.maxother = 60

_ROUTES = ("/gradio_api/call/", "/gradio_api/run/", "/gradio_api/api/")


class CheckedBlocks(gr.Blocks):
    """Blocks whose endpoints check their arguments before Gradio reads them.

    Accepted is what the input components document: their choices (as values, or as the
    strings that the API page shows), their ranges, text, uploaded files.
    """

    async def process_api(self, block_fn, inputs, *args, iterator=None, **options):
        """Run an endpoint as `gradio.Blocks.process_api` does, with checked values."""
        if isinstance(block_fn, int):
            block_fn = self.fns[block_fn]
        if iterator is None:  # the first call; later ones only continue a generator
            inputs = checked_values(block_fn, inputs)
        return await super().process_api(
            block_fn, inputs, *args, iterator=iterator, **options
        )


def request_error_handlers():
    """Return handlers of the errors that Gradio raises before it reads any value.

    A request that names no endpoint, or an argument that the endpoint does not have,
    is answered with a sentence.

    Returns:
        dict of exception class to handler, the `exception_handlers` of a
        `fastapi.FastAPI`.
    """
    return dict.fromkeys((FnIndexInferError, KeyError, TypeError), _answer_request)


def _answer_request(request, error):
    path = request.url.path
    if not path.startswith(_ROUTES):
        raise error
    if isinstance(error, TypeError):
        # Gradio's sentence goes on with a button of its own page.
        sentence = str(error).partition(" Please click on")[0]
        return JSONResponse({"error": sentence}, 422)
    name = path.rstrip("/").rpartition("/")[2]
    sentence = f"There is no endpoint {name!r}; GET /gradio_api/info lists them."
    return JSONResponse({"error": sentence}, 404)


def checked_values(block_fn, inputs):
    """Return the values of a call, checked and completed.

    Args:
        block_fn: An endpoint, one of `gradio.Blocks.fns`.
        inputs: list. What was sent: a value for each of its inputs, or only for the
            documented ones, of which the last may be left out where they have a
            default.

    Returns:
        list: a value for each input, in the form in which its component takes it.

    Raises:
        gradio.Error: a value is missing, of the wrong type or out of range, or there
            are too many. Nothing is written to the log.
    """
    names = list(inspect.signature(block_fn.fn).parameters) if block_fn.fn else []
    values = _by_component(block_fn.inputs, names, inputs)
    language = dict(zip(names, values, strict=False)).get("language")
    for index, (name, block) in enumerate(zip(names, block_fn.inputs, strict=False)):
        if block.stateful:
            continue
        try:
            values[index] = accepted(block, values[index])
        except _RefusedError as refused:
            received = _SHORT.repr(values[index])
            said = {"name": name, "expected": refused.expected, "received": received}
            raise _error("error.argument", said, language) from None
    return values


def _by_component(blocks, names, inputs):
    """Return as many values as there are inputs, states and defaults filled in."""
    if len(inputs) == len(blocks):
        return list(inputs)
    asked = [index for index, block in enumerate(blocks) if not block.skip_api]
    if len(inputs) > len(asked):
        said = {
            "most": len(asked),
            "names": ", ".join(names[index] for index in asked) or "–",
            "received": len(inputs),
        }
        raise _error("error.too_many_arguments", said)
    values = [None] * len(blocks)
    for place, index in enumerate(asked):
        is_given = place < len(inputs)
        values[index] = inputs[place] if is_given else blocks[index].value
    return values


def _error(key, values, language=None):
    is_known = isinstance(language, str) and language in LANGUAGES
    text = Message(key, values).text(language if is_known else DEFAULT_LANGUAGE)
    return gr.Error(text, print_exception=False)


class _RefusedError(Exception):
    """A value that a component does not take; it holds what to give instead."""

    def __init__(self, key, **values):
        super().__init__(key)
        self.expected = Message(f"argument.{key}", values)


@singledispatch
def accepted(block, value):
    """Return a value in the form in which a component takes it.

    Args:
        block: An input component of an endpoint. Each kind has a rule of its own.
        value: What was sent.
    """
    raise NotImplementedError(f"`block` must have a rule here. Received: block={block}")


@accepted.register
def _(block: gr.Textbox, value):
    # A box that nobody has written in sends None. Where a text is needed, an empty one
    # is refused.
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _RefusedError("text")
    return value


@accepted.register(gr.Radio)
@accepted.register(gr.Dropdown)
def _(block, value):
    choices = [choice for _, choice in block.choices]
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        for choice in choices:
            # The API page shows every choice as a string.
            if value in (choice, str(choice)):
                return choice
    raise _RefusedError("choice", choices=_listed(choices))


@accepted.register
def _(block: gr.CheckboxGroup, value):
    choices = [choice for _, choice in block.choices]
    if not isinstance(value, list) or any(each not in choices for each in value):
        raise _RefusedError("choices", choices=_listed(choices))
    return value


@accepted.register(gr.Slider)
@accepted.register(gr.Number)
def _(block, value):
    is_whole = block.precision == 0
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # NaN and the infinities are outside of every range.
    fits = is_number and block.minimum <= value <= block.maximum
    if not fits or (is_whole and value != int(value)):
        key = "whole_number" if is_whole else "number"
        raise _RefusedError(key, low=block.minimum, high=block.maximum)
    return int(value) if is_whole else value


@accepted.register
def _(block: gr.HTML, value):
    # The strips are the only HTML of the page that has a value.
    character = chosen_character(value)
    if character is None or character < 0:
        raise _RefusedError("place")
    return character


@accepted.register
def _(block: gr.UploadButton, value):
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not _is_uploaded(path):
        raise _RefusedError("file")
    name = value.get("orig_name")
    name = name if isinstance(name, str) else None
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def _is_uploaded(path):
    # `os.path.isfile` is False for names that are none; `Path` raises errors.
    if not os.path.isfile(path):
        return False
    return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())


def _listed(choices):
    return ", ".join(str(choice) for choice in choices)
