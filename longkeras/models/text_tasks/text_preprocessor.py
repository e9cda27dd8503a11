"""Base class of the preprocessors of encoders."""

import warnings
from dataclasses import replace

import numpy as np
from keras import tree

from longkeras.argument_checks import check_arguments
from longkeras.atomic_files import AtomicPreset
from longkeras.models.base.presets import HuggingFacePresets
from longkeras.models.base.saving import UnsharedConfig
from longkeras.models.text_tasks.text_rows import (
    Row,
    TextWindows,
    given_rows,
    given_width,
    is_given_as_rows,
    leading,
    text_tuples,
    window_offsets,
)
from longkeras.text.pipeline import (
    ArraySpec,
    is_tracing,
    plain_values,
    through_numpy,
)
from longkeras.text.subword_rows import (
    TokenReport,
    kept_lengths,
    padded_rows,
    row_length,
)
from longkeras.text.subword_tokenizer import SubwordTokenizer
from longkeras.text.windows import subword_windows


class TextPreprocessor(AtomicPreset, UnsharedConfig, HuggingFacePresets):
    """Tokenizes, packs, cuts and pads texts, and reports what it cut.

    Everything is done in NumPy, inside `tf.data` too, so that one text, a batch and a
    pipeline give equal results. A family sets `backbone_cls`, `tokenizer_cls` and
    `input_names`; it overrides `global_tokens` if tokens are global.

    Mixin. Must precede a `keras_hub.models.Preprocessor` in the bases.
    """

    # The inputs of a row. A family may add `global_attention_mask` and `segment_ids`.
    input_names = ("token_ids", "padding_mask")
    # Inputs without a default, passed on from rows of ids that have them.
    optional_input_names = ()

    def set_lengths(self, sequence_length, max_sequence_length, truncate):
        """Check and store the tokenizer and the lengths that all preprocessors have."""
        check_arguments(locals(), may_be_none=("sequence_length",))
        if not isinstance(self.tokenizer, SubwordTokenizer):
            raise ValueError(
                "`tokenizer` must be a "
                f"`longkeras.models.{self.tokenizer_cls.__name__}`. "
                f"Received: tokenizer={self.tokenizer!r}"
            )
        if truncate not in ("round_robin", "waterfall"):
            raise ValueError(
                '`truncate` must be "round_robin" or "waterfall". Received: '
                f"truncate={truncate!r}"
            )
        self.sequence_length = sequence_length
        self.max_sequence_length = max_sequence_length
        self.truncate = truncate
        self.has_warned_of_cuts = False
        # There are no weights to create, and `build` would need an input shape.
        self.built = True

    @property
    def longest(self):
        """int, the most tokens that are read of a text, special ones included."""
        return self.sequence_length or self.max_sequence_length

    def global_tokens(self, token_ids):
        """Return 1 at the global tokens of a row, int32 `(length,)`: here none."""
        return np.zeros(len(token_ids), dtype=np.int32)

    def get_config(self):
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "max_sequence_length": self.max_sequence_length,
        }

    def report(self, x):
        """Count the tokens of each text that are read and dropped.

        Args:
            x: texts, as for a call.

        Returns:
            `longkeras.text.TokenReport`.
        """
        rows = self.rows(plain_values(x))
        return TokenReport(
            tokens_read=tuple(row.read for row in rows),
            tokens_dropped=tuple(row.tokens - row.read for row in rows),
        )

    def windows(self, text, stride=None):
        """Split a text of any length into rows that cover it.

        Args:
            text: str.
            stride: int. Tokens from the start of one window to that of the next.
                Defaults to `None`: no overlap.

        Returns:
            An object with `inputs`, a dict of int32 arrays `(windows, sequence)` for
            `predict`, and `offsets` `(windows, sequence, 2)`, the characters of each
            token, or -1.
        """
        pieces = subword_windows(self.tokenizer, text, self._room(1), stride)
        rows = [self._packed([pieces[i]]) for i in range(len(pieces))]
        return self._windows(
            text, rows, [pieces.offsets_of(i) for i in range(len(pieces))]
        )

    def rows(self, x):
        """Return texts (plain Python values) as a list of `Row`, cut and not padded."""
        if is_given_as_rows(x):
            names = (*self.input_names, *self.optional_input_names)
            rows = given_rows(x, self.longest, names)
            return [replace(row, inputs=self._row_inputs(**row.inputs)) for row in rows]
        return [
            self._packed([self.tokenizer.tokenize(text) for text in texts])
            for texts in text_tuples(x)
        ]

    def inputs_of(self, rows, x):
        """Return rows, made of `x`, as a dict of int32 arrays `(batch, sequence)`."""
        self._warn_of_cuts(rows)
        width = given_width(x) if is_given_as_rows(x) else 0
        length = row_length(
            max([width, *(len(row.inputs["token_ids"]) for row in rows)]),
            self.sequence_length,
            self.max_sequence_length,
        )
        pad = {"token_ids": self.tokenizer.pad_token_id}
        inputs = {}
        given = [n for n in self.optional_input_names if n in rows[0].inputs]
        for name in (*self.input_names, *given):
            if name == "padding_mask":
                column = [np.ones_like(row.inputs["token_ids"]) for row in rows]
            else:
                column = [row.inputs[name] for row in rows]
            inputs[name] = padded_rows(column, length, pad.get(name, 0))
        return inputs

    def mapped(self, function, inputs, outputs, x, one_text=0):
        """Call a function of batches, with values or while TensorFlow traces.

        Args:
            function: takes `inputs` as plain values; returns a nest of arrays that
                begin with the batch.
            inputs: its argument.
            outputs: nest of `ArraySpec` without the batch, for the tracer.
            x: of the inputs, the texts.
            one_text: int. How deeply a single text is nested. Defaults to `0`.

        Returns:
            The function's result, without the batch for a single text.
        """
        leaf, single = leading(x, one_text)

        def run(inputs):
            results = function(plain_values(inputs))
            return tree.map_structure(lambda x: x[0], results) if single else results

        if not is_tracing():
            return run(inputs)
        batch = () if single else (leaf.shape[0],)
        specs = tree.map_structure(
            lambda spec: ArraySpec(spec.dtype, (*batch, *spec.shape)), outputs
        )
        return through_numpy(run, inputs, specs)

    def input_specs(self, x):
        """Return a dict of `ArraySpec`, the inputs that the tracer makes of `x`."""
        spec = ArraySpec("int32", (self.sequence_length,))
        given = x if is_given_as_rows(x) else {}
        optional = [n for n in self.optional_input_names if given.get(n) is not None]
        return dict.fromkeys((*self.input_names, *optional), spec)

    def _row_inputs(self, token_ids, **given):
        """Return the inputs of a row; those not given have their defaults."""
        defaults = {
            "segment_ids": np.zeros_like,
            "global_attention_mask": self.global_tokens,
        }
        inputs = {"token_ids": token_ids}
        for name in self.input_names:
            if name in defaults:
                is_given = name in given
                inputs[name] = given[name] if is_given else defaults[name](token_ids)
        optional = [name for name in self.optional_input_names if name in given]
        return {**inputs, **{name: given[name] for name in optional}}

    def _room(self, texts):
        """Return how many tokens fit beside the special ones."""
        special = self.tokenizer.template.count(texts)
        if self.longest <= special:
            raise ValueError(
                f"`sequence_length` must be more than the {special} special tokens of "
                f"a row. Received: sequence_length={self.longest}"
            )
        return self.longest - special

    def _packed(self, texts, uncut=None):
        lengths = [len(text) for text in texts]
        kept = kept_lengths(lengths, self._room(len(texts)), self.truncate)
        packed = self.tokenizer.pack(
            *(text[:count] for text, count in zip(texts, kept, strict=True))
        )
        return Row(
            inputs=self._row_inputs(packed.token_ids, segment_ids=packed.segment_ids),
            lengths=tuple(lengths if uncut is None else uncut),
            kept=tuple(kept),
            starts=packed.starts,
        )

    def _windows(self, text, rows, offsets):
        inputs = self.inputs_of(rows, {})
        length = inputs["token_ids"].shape[1]
        return TextWindows(text, inputs, window_offsets(rows, offsets, length))

    def _warn_of_cuts(self, rows):
        cut = [row for row in rows if row.read < row.tokens]
        if cut and not self.has_warned_of_cuts:
            self.has_warned_of_cuts = True
            warnings.warn(
                f"{cut[0].read} of {cut[0].tokens} tokens of a text were read: read a "
                "longer text in `windows`, which hold all of it, or give a larger "
                "`sequence_length`. `report` counts what is dropped.",
                stacklevel=2,
            )
