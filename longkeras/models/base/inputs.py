"""Inputs of models as data, and the mixin that completes and checks them."""

import contextlib
import contextvars
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from longkeras.models.base.index_checks import extents_of, length_of

REQUIRED = "required"

# Progress of the inputs of the current forward pass. Checks fetch values from the
# device, so nested models do not repeat them.
_GIVEN, _CHECKED, _COMPLETE = range(3)
_progress = contextvars.ContextVar("input_progress", default=_GIVEN)

_FOR_TEXTS = (
    "strings need a model with a `preprocessor`: give it one, or load it from a folder "
    "with a tokenizer (tokenizer.json, vocab.json, vocab.txt or such)"
)


@dataclass(frozen=True)
class InputSpec:
    """An input of a model: an int tensor `(batch, sequence)`.

    Args:
        name: str. Its key in the dict of inputs.
        kind: `"ids"` for whole numbers, `"mask"` for 0 and 1, or `"positions"` for
            positions of the row, int `(batch, any number)`.
        default: What replaces an input that is left out: a number for every token;
            None for an optional input, which stays None; or the name of a method of
            the model that computes it from the other inputs. Defaults to
            `"required"`.
        limit: str. The attribute of the backbone below which ids must lie, such as
            `"vocabulary_size"`. Defaults to `None`, no limit.
        length_limit: str. The attribute of the backbone with the most tokens of a
            row. Defaults to `None`, no limit.
        needs: str. The attribute of the backbone that must be true if the input is
            given. Defaults to `None`.
        advice: str. What to do about ids beyond the limit.
    """

    name: str
    kind: str
    default: Any = REQUIRED
    limit: str | None = None
    length_limit: str | None = None
    needs: str | None = None
    advice: str = ""


TOKEN_IDS = InputSpec(
    "token_ids",
    "ids",
    limit="vocabulary_size",
    advice="use the tokenizer that the backbone was made with, or make the backbone "
    "with a larger `vocabulary_size`",
)
# For models with a table of positions.
BOUNDED_TOKEN_IDS = replace(TOKEN_IDS, length_limit="max_sequence_length")
PADDING_MASK = InputSpec("padding_mask", "mask", default=1)
SEGMENT_IDS = InputSpec(
    "segment_ids",
    "ids",
    default=0,
    limit="num_segments",
    advice="give one text a row instead of a pair, or make the backbone with a larger "
    "`num_segments`",
)
DOCUMENT_IDS = InputSpec("document_ids", "ids", default=None)
MASK_POSITIONS = InputSpec(
    "mask_positions", "positions", advice="positions count from 0 in each row"
)


@dataclass(frozen=True)
class InputTable:
    """Inputs of a model with the sizes that limit them.

    Args:
        specs: tuple of `InputSpec`.
        sizes: dict of int by the names of limits.
    """

    specs: tuple[InputSpec, ...]
    sizes: Mapping[str, int]

    def indices(self, tensors):
        """Return those of the tensors whose values have a limit, as a dict."""
        specs = [x for x in self.specs if x.limit or x.kind == "positions"]
        return {x.name: tensors[x.name] for x in specs if x.name in tensors}

    def check(self, extents, length):
        """Raise a `ValueError` for indices or lengths beyond the limits.

        `extents` is a dict of `Extent` by name; `length` is the number of tokens of a
        row, or None if it is not known.
        """
        for spec in self.specs:
            if spec.length_limit:
                _check_length(length, self.sizes[spec.length_limit])
            if spec.name not in extents:
                continue
            limit, meaning = length, "length of the texts"
            if spec.kind != "positions":
                limit, meaning = self.sizes[spec.limit], f"backbone's `{spec.limit}`"
            if limit is not None:
                _check_ids(spec, extents[spec.name], limit, meaning)


class TextInputs:
    """Completes and checks inputs before Keras compares their structure.

    Inputs that are left out or None get the default of their `InputSpec`. Indices are
    compared with the sizes of their tables unless a function is being traced, where
    their values are not known. Mixin. Must precede `keras.Model` in the bases.

    Attributes:
        input_table: tuple of `InputSpec`. The inputs of a backbone.
        added_inputs: tuple of `InputSpec`. A task's inputs beyond those of its
            backbone. Defaults to `()`.
    """

    input_table = (TOKEN_IDS, PADDING_MASK)
    added_inputs = ()

    def __call__(self, inputs, *args, **kwargs):
        return self._with_complete(super().__call__, inputs, *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        # Stateless calls skip `__call__`.
        return self._with_complete(super().call, inputs, training=training, mask=mask)

    def train_step(self, *args, **kwargs):
        """See `keras.Model.train_step`. The batch has been checked before."""
        with _progress_at(_CHECKED):
            return super().train_step(*args, **kwargs)

    def test_step(self, *args, **kwargs):
        """See `keras.Model.test_step`. The batch has been checked before."""
        with _progress_at(_CHECKED):
            return super().test_step(*args, **kwargs)

    def predict_step(self, *args, **kwargs):
        """See `keras.Model.predict_step`. The batch has been checked before."""
        with _progress_at(_CHECKED):
            return super().predict_step(*args, **kwargs)

    def functional_inputs(self):
        """Return the functional model's symbolic inputs, int32 `(batch, sequence)`.

        The attributes on which inputs depend (`needs`) must be set before. The inputs
        of a task begin with those of its backbone.
        """
        backbone = getattr(self, "backbone", None)
        specs = self._known_specs() if backbone is None else self.added_inputs
        added = {
            spec.name: keras.Input(
                (None,), dtype="int32", name=spec.name, optional=spec.default is None
            )
            for spec in specs
        }
        return added if backbone is None else {**backbone.input, **added}

    def table_of_inputs(self):
        """Return the model's inputs and their limits as an `InputTable`."""
        backbone = getattr(self, "backbone", self)
        specs = tuple(self._known_specs())
        names = {name for x in specs for name in (x.limit, x.length_limit) if name}
        return InputTable(specs, {name: getattr(backbone, name) for name in names})

    def complete(self, inputs):
        """Check inputs, and fill in those that are left out.

        Args:
            inputs: dict of tensors, arrays or lists `(batch, sequence)`, with
                `token_ids`.

        Returns:
            dict of int32 tensors, and None for optional inputs.

        Raises:
            ValueError: If `token_ids` are missing, or `checked` refuses an input.
        """
        given = {name: _tensor(x) for name, x in self.checked(inputs).items()}
        missing = [x for x in self._known_specs() if x.name not in given]
        for spec in missing:
            if spec.default is None:
                given[spec.name] = None
            elif not isinstance(spec.default, str):
                like = given["token_ids"]
                given[spec.name] = ops.full_like(like, spec.default, dtype="int32")
        for spec in missing:
            if isinstance(spec.default, str) and spec.default != REQUIRED:
                given[spec.name] = getattr(self, spec.default)(given)
        return given

    def checked(self, inputs):
        """Return the given inputs as tensors and arrays, without those that are None.

        Raises:
            ValueError: If `inputs` is not a dict with `token_ids`, an input is
                unknown, shapes do not match, a mask has values other than 0 and 1, or
                an index is beyond its limit.
        """
        if not isinstance(inputs, Mapping):
            raise ValueError(
                f"`inputs` must be a dict with `token_ids`; {_FOR_TEXTS}. "
                f"Received: inputs of type {type(inputs).__name__}"
            )
        given = {name: _array(name, x) for name, x in inputs.items() if x is not None}
        table = self.table_of_inputs()
        self._check_names(given, table)
        _check_shapes(given, table)
        for spec in table.specs:
            if spec.kind == "mask" and isinstance(given.get(spec.name), np.ndarray):
                _check_mask(spec.name, given[spec.name])
        is_checked = _progress.get() != _GIVEN
        extents = {} if is_checked else extents_of(table.indices(given))
        table.check(extents, length_of(given))
        return given

    def check_token_ids(self, token_ids):
        """Raise a `ValueError` for known token ids without a row in the embedding."""
        self.table_of_inputs().check(extents_of({"token_ids": token_ids}), None)

    def _with_complete(self, run, inputs, *args, **kwargs):
        # A user's subclass may leave out inputs for its backbone.
        is_complete = _progress.get() == _COMPLETE and isinstance(inputs, Mapping)
        if is_complete and all(spec.name in inputs for spec in self._known_specs()):
            return run(inputs, *args, **kwargs)
        inputs = self.complete(inputs)
        with _progress_at(_COMPLETE):
            return run(inputs, *args, **kwargs)

    def _known_specs(self):
        backbone = getattr(self, "backbone", self)
        # A backbone of another library has no table.
        of_backbone = getattr(backbone, "input_table", TextInputs.input_table)
        table = (*of_backbone, *self.added_inputs)
        return [x for x in table if not x.needs or getattr(backbone, x.needs)]

    def _check_names(self, given, table):
        known = sorted(spec.name for spec in table.specs)
        backbone = getattr(self, "backbone", self)
        for spec in getattr(backbone, "input_table", ()):
            if spec.needs and spec.name in given and spec.name not in known:
                raise ValueError(
                    f"`{spec.name}` needs a backbone that was made with "
                    f"`{spec.needs}=True`. Received: inputs with {sorted(given)}"
                )
        if "token_ids" not in given or not set(given) <= set(known):
            raise ValueError(
                "`inputs` must be a dict with `token_ids`, and no others than "
                f"{known}; {_FOR_TEXTS}. Received: {sorted(given)}"
            )


def check_vocabulary(task):
    """Raise a `ValueError` if the tokenizer has more tokens than the embedding rows."""
    tokenizer = getattr(task.preprocessor, "tokenizer", None)
    if tokenizer is None:
        return
    tokens = tokenizer.vocabulary_size()
    rows = task.backbone.vocabulary_size
    if tokens > rows:
        raise ValueError(
            f"The tokenizer has {tokens} tokens, and the embedding rows for {rows}: "
            "take the tokenizer that the backbone was made with, or make the backbone "
            f"with `vocabulary_size={tokens}`. Received: vocabulary_size={rows}"
        )


@contextlib.contextmanager
def _progress_at(progress):
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def _array(name, x):
    if hasattr(x, "shape"):
        return x
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"The rows of `{name}` must have one length: pad them, and give a "
            f"`padding_mask`. Received: {name}={str(x)[:200]}"
        ) from error


def _tensor(x):
    return x if isinstance(x, keras.KerasTensor) else ops.convert_to_tensor(x, "int32")


def _check_shapes(given, table):
    """Compare shapes, as far as they are known."""
    shapes = {name: _shape(x) for name, x in given.items()}
    texts = shapes["token_ids"]
    if texts is None:
        return
    if len(texts) != 2 or 0 in texts:
        raise ValueError(
            "`token_ids` must be `(batch, sequence)`, with at least one text of at "
            f"least one token. Received: token_ids of shape {texts}"
        )
    for spec in table.specs:
        shape = shapes.get(spec.name)
        if shape is None:
            continue
        compared = 1 if spec.kind == "positions" else 2
        sizes = zip(shape[:compared], texts, strict=False)
        fits = all(one == other or None in (one, other) for one, other in sizes)
        if len(shape) != 2 or not fits:
            raise ValueError(
                f"`{spec.name}` must be `(batch, sequence)` as `token_ids`. Received: "
                f"{spec.name} of shape {shape}, token_ids of shape {texts}"
            )


def _shape(x):
    return None if getattr(x.shape, "rank", 0) is None else tuple(x.shape)


def _check_mask(name, mask):
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"`{name}` must be 1 or 0: in `padding_mask` 1 at real tokens, in "
            "`global_attention_mask` 1 at global ones. Received: "
            f"{name} with values {np.unique(mask)[:4]}"
        )


def _check_length(length, limit):
    if None not in (length, limit) and length > limit:
        raise ValueError(
            f"A text must have at most {limit} tokens, the `max_sequence_length` "
            "of the position table, padding included: make the preprocessor with "
            f"`sequence_length={limit}`, read the text in overlapping windows "
            "(`windows` of the preprocessor), or make the table longer "
            f"(`extend_positions({length})`). Received: {length} tokens"
        )


def _check_ids(spec, extent, limit, meaning):
    if not extent.is_whole:
        raise ValueError(
            f"`{spec.name}` must be whole numbers; strings need a model with a "
            f"`preprocessor`. Received: {spec.name} of dtype {extent.dtype}"
        )
    if not extent.lies_in(0, limit - 1):
        raise ValueError(
            f"`{spec.name}` must be at least 0 and less than {limit}, the {meaning}: "
            f"{spec.advice}. Received: {spec.name} {extent.span}"
        )
