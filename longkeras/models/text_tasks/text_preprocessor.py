"""What the preprocessors of the family share: strings to rows, nothing cut unseen."""

import warnings

import numpy as np
from keras import tree

from longkeras.argument_checks import check_arguments
from longkeras.models.base.copies import UnsharedConfig
from longkeras.models.base.preset_loading import HuggingFacePresets
from longkeras.models.longformer.backbone import LongformerBackbone
from longkeras.models.longformer.preprocessor_rows import (
    ROW_NAMES,
    Row,
    given_rows,
    given_width,
    is_given_as_rows,
    leading,
    text_tuples,
)
from longkeras.models.longformer.preprocessor_windows import (
    TextWindows,
    window_offsets,
)
from longkeras.models.longformer.tokenizer import LongformerTokenizer
from longkeras.safe_files.atomic_preset import AtomicPreset
from longkeras.text.subword_pipeline import (
    ArraySpec,
    in_graph,
    plain_values,
    through_numpy,
)
from longkeras.text.subword_rows import (
    TokenReport,
    kept_lengths,
    padded_rows,
    row_length,
)
from longkeras.text.subword_text_windows import subword_windows
from longkeras.text.subword_tokenizer import SubwordTokenizer


class LongformerPreprocessor(AtomicPreset, UnsharedConfig, HuggingFacePresets):
    """Tokenizes, packs, cuts and pads; says what it cut.

    A mixin, to stand before a `keras_hub.models.Preprocessor`. Everything is done in
    NumPy, inside `tf.data` too, so that one text, a batch and a pipeline give equal
    results.
    """

    backbone_cls = LongformerBackbone
    tokenizer_cls = LongformerTokenizer

    def set_lengths(self, sequence_length, max_sequence_length, truncate):
        """Check and keep the arguments that all preprocessors have.

        Args:
            sequence_length: int, or None.
            max_sequence_length: int.
            truncate: str.

        Raises:
            ValueError: If a length is below 1, the tokenizer is none, or the way of
                cutting is unknown.
        """
        check_arguments(locals(), may_be_none=("sequence_length",))
        if not isinstance(self.tokenizer, SubwordTokenizer):
            raise ValueError(
                "`tokenizer` must be a `longkeras.models.LongformerTokenizer`. "
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
        # Nothing to make: strings need not come first.
        self.built = True

    @property
    def longest(self):
        """int, the most tokens that are read of a text, special ones included."""
        return self.sequence_length or self.max_sequence_length

    def global_tokens(self, token_ids):
        """The global tokens of a row where no mask is given: none.

        Args:
            token_ids: int32 array `(length,)`.

        Returns:
            int32 array `(length,)`, 1 at global tokens.
        """
        return np.zeros(len(token_ids), dtype=np.int32)

    def report(self, x):
        """How much of each text is read, and how much dropped.

        Args:
            x: as of a call.

        Returns:
            `longkeras.text.TokenReport`.
        """
        rows = self.rows(plain_values(x))
        return TokenReport(
            tokens_read=tuple(row.read for row in rows),
            tokens_dropped=tuple(row.tokens - row.read for row in rows),
        )

    def windows(self, text, stride=None):
        """One text of any length as rows that together hold all of it.

        Args:
            text: str.
            stride: int. Tokens from one window's start to the next. Defaults to
                `None`: no overlap.

        Returns:
            An object with `inputs`, a dict of int32 arrays `(windows, sequence)` for
            `predict`, and `offsets` `(windows, sequence, 2)`, the characters of each
            token, -1 where it stands for none.
        """
        pieces = subword_windows(self.tokenizer, text, self._room(1), stride)
        rows = [self._packed([pieces[i]]) for i in range(len(pieces))]
        return self._windows(
            text, rows, [pieces.offsets_of(i) for i in range(len(pieces))]
        )

    def rows(self, x):
        """Texts as rows, cut and not yet padded.

        Args:
            x: as of a call, with plain Python values.

        Returns:
            list of `Row`.
        """
        if is_given_as_rows(x):
            return given_rows(x, self.longest, self.global_tokens)
        return [
            self._packed([self.tokenizer.tokenize(text) for text in texts])
            for texts in text_tuples(x)
        ]

    def inputs_of(self, rows, x):
        """Rows as the inputs of a model.

        Args:
            rows: list of `Row`.
            x: what they were made of.

        Returns:
            dict of int32 arrays `(batch, sequence)`.
        """
        self._warn_of_cuts(rows)
        width = given_width(x) if is_given_as_rows(x) else 0
        length = row_length(
            max([width, *(len(row.token_ids) for row in rows)]),
            self.sequence_length,
            self.max_sequence_length,
        )
        real = [np.ones(len(row.token_ids), dtype=np.int32) for row in rows]
        columns = {
            "token_ids": [row.token_ids for row in rows],
            "padding_mask": real,
            "global_attention_mask": [row.global_attention_mask for row in rows],
            "segment_ids": [row.segment_ids for row in rows],
        }
        pad = {"token_ids": self.tokenizer.pad_token_id}
        return {
            name: padded_rows(column, length, pad.get(name, 0))
            for name, column in columns.items()
        }

    def mapped(self, function, inputs, outputs, x, one_text=0):
        """Calls a function of batches, with values or while TensorFlow traces.

        Args:
            function: takes `inputs` as plain values; returns a nest of arrays that
                begin with the batch.
            inputs: what it is given.
            outputs: nest of `ArraySpec` without the batch, for the tracer.
            x: of the inputs, the texts.
            one_text: int. How deeply a single text is nested. Defaults to `0`.

        Returns:
            What the function returns, without the batch for a single text.
        """
        leaf, single = leading(x, one_text)

        def run(inputs):
            results = function(plain_values(inputs))
            return tree.map_structure(lambda x: x[0], results) if single else results

        if not in_graph():
            return run(inputs)
        batch = () if single else (leaf.shape[0],)
        specs = tree.map_structure(
            lambda spec: ArraySpec(spec.dtype, (*batch, *spec.shape)), outputs
        )
        return through_numpy(run, inputs, specs)

    def input_specs(self):
        """What is known of the inputs before they are there: a dict of `ArraySpec`."""
        return {name: ArraySpec("int32", (self.sequence_length,)) for name in ROW_NAMES}

    def _room(self, texts):
        """Tokens that fit beside the special ones."""
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
            token_ids=packed.token_ids,
            segment_ids=packed.segment_ids,
            global_attention_mask=self.global_tokens(packed.token_ids),
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
