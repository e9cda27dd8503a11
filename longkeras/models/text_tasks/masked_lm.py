"""Prediction of masked tokens."""

import random
import threading

import keras
import keras_hub
import numpy as np

from longkeras.argument_checks import check_arguments
from longkeras.models.base.inputs import MASK_POSITIONS
from longkeras.models.base.text_task import TextTask
from longkeras.models.base.tf_data_pipeline import with_made_targets
from longkeras.models.text_tasks.heads import (
    check_family,
    head_dtype_policy,
    head_initializer,
)
from longkeras.models.text_tasks.text_preprocessor import TextPreprocessor
from longkeras.models.text_tasks.text_rows import is_given_as_rows
from longkeras.text.pipeline import ArraySpec


class MaskedLMPreprocessor(TextPreprocessor, keras_hub.models.MaskedLMPreprocessor):
    """Tokenizes texts, pads them, and masks some tokens to be predicted.

    A family sets what `TextPreprocessor` names. For arguments see
    `longkeras.models.LongformerMaskedLMPreprocessor`.
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=None,
        truncate="round_robin",
        max_sequence_length=4096,
        mask_selection_rate=0.15,
        mask_selection_length=None,
        mask_token_rate=0.8,
        random_token_rate=0.1,
        seed=None,
        **kwargs,
    ):
        optional = ("sequence_length", "mask_selection_length")
        check_arguments(locals(), may_be_none=optional)
        rates = (mask_selection_rate, mask_token_rate, random_token_rate)
        if min(rates) < 0 or max(mask_selection_rate, sum(rates[1:])) > 1:
            raise ValueError(
                "`mask_selection_rate`, and `mask_token_rate` with "
                "`random_token_rate`, must lie between 0 and 1. Received: "
                f"mask_selection_rate={mask_selection_rate}, "
                f"mask_token_rate={mask_token_rate}, "
                f"random_token_rate={random_token_rate}"
            )
        super().__init__(
            tokenizer,
            mask_selection_rate=mask_selection_rate,
            mask_selection_length=mask_selection_length,
            mask_token_rate=mask_token_rate,
            random_token_rate=random_token_rate,
            **kwargs,
        )
        self.set_lengths(sequence_length, max_sequence_length, truncate)
        self.seed = seed
        self._generator = np.random.default_rng(
            random.randrange(2**32) if seed is None else seed
        )
        # A pipeline may call from several threads.
        self._one_at_a_time = threading.Lock()

    def call(self, x, y=None, sample_weight=None):
        inputs = self.input_specs(x)
        masks = None if self.sequence_length is None else self._masks_in(self.longest)
        if is_given_as_rows(x) and x.get("mask_positions") is not None:
            inputs["mask_positions"] = ArraySpec("int32", (None,))
            inputs = self.mapped(self._asked, x, inputs, x)
            return keras.utils.pack_x_y_sample_weight(inputs, y, sample_weight)
        inputs["mask_positions"] = ArraySpec("int32", (masks,))
        specs = (inputs, ArraySpec("int32", (masks,)), ArraySpec("float32", (masks,)))

        def preprocess(x):
            return self.mapped(self._masked, x, specs, x)

        return with_made_targets(preprocess, x, y, sample_weight)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}

    def _masks_in(self, length):
        """Return the most masks of a row of that length."""
        if self.mask_selection_length is not None:
            return self.mask_selection_length
        return max(1, int(np.ceil(self.mask_selection_rate * length)))

    def _asked(self, x):
        """Prepare ids with given positions, which padding may have moved."""
        x = dict(x)
        positions = np.asarray(x.pop("mask_positions"), dtype=np.int32)
        inputs = self.inputs_of(self.rows(x), x)
        length = inputs["padding_mask"].sum(axis=1, keepdims=True)
        given = x.get("padding_mask")
        given = np.ones_like(x["token_ids"]) if given is None else np.asarray(given)
        positions, given = positions.reshape(len(length), -1), np.atleast_2d(given)
        inside = (positions >= 0) & (positions < given.shape[1])
        places = np.cumsum(given != 0, axis=1) - 1
        moved = np.take_along_axis(places, np.where(inside, positions, 0), axis=1)
        if not (inside & (moved >= 0) & (moved < length)).all():
            raise ValueError(
                "`mask_positions` must lie in the texts, of which "
                f"{self.longest} tokens are read. Received: mask_positions from "
                f"{positions.min()} to {positions.max()}"
            )
        return {**inputs, "mask_positions": moved.astype(np.int32)}

    def _masked(self, x):
        inputs = self.inputs_of(self.rows(x), x)
        token_ids, real = inputs["token_ids"], inputs["padding_mask"] != 0
        batch, length = token_ids.shape
        positions = np.zeros((batch, self._masks_in(length)), dtype=np.int32)
        hidden, weights = np.zeros_like(positions), positions.astype(np.float32)
        special = self.tokenizer.special_token_ids
        allowed = real & ~np.isin(token_ids, special)
        ordinary = np.setdiff1d(np.arange(self.tokenizer.vocabulary_size()), special)
        with self._one_at_a_time:
            for row in range(batch):
                chosen = self._chosen(np.flatnonzero(allowed[row]), positions.shape[1])
                count = len(chosen)
                positions[row, :count], weights[row, :count] = chosen, 1.0
                hidden[row, :count] = token_ids[row, chosen]
                token_ids[row, chosen] = self._replaced(hidden[row, :count], ordinary)
        return {**inputs, "mask_positions": positions}, hidden, weights

    def _chosen(self, candidates, most):
        rate = self.mask_selection_rate
        wanted = max(1, round(rate * len(candidates))) if rate else 0
        count = min(wanted, most, len(candidates))
        return np.sort(self._generator.choice(candidates, count, replace=False))

    def _replaced(self, token_ids, ordinary):
        """Return masks in place of most tokens, and random tokens in place of some."""
        dice = self._generator.random(len(token_ids))
        others = self._generator.choice(ordinary, len(token_ids))
        is_masked = dice < self.mask_token_rate
        is_other = dice < self.mask_token_rate + self.random_token_rate
        kept = np.where(is_other, others, token_ids)
        return np.where(is_masked, self.tokenizer.mask_token_id, kept)


class MaskedLM(TextTask):
    """Predicts the tokens at given positions.

    Mixin. Must precede the task's mixin of its family and
    `keras_hub.models.MaskedLM` in the bases. A family sets `backbone_cls` and
    `preprocessor_cls`; it overrides `make_head` if its head differs from BERT's. For
    arguments see `longkeras.models.LongformerMaskedLM`.
    """

    added_inputs = (MASK_POSITIONS,)
    makes_targets = True
    reads_output_projection = True
    head_initializer = staticmethod(head_initializer)

    def __init__(
        self,
        backbone,
        preprocessor=None,
        head_activation="gelu",
        head_layer_norm_epsilon=None,
        **kwargs,
    ):
        check_arguments(locals(), may_be_none=("head_layer_norm_epsilon",))
        check_family(self, backbone, preprocessor)
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.masked_lm_head = self.make_head(
            head_activation, head_layer_norm_epsilon or backbone.layer_norm_epsilon
        )

        # === Functional Model ===
        inputs = self.functional_inputs()
        hidden_states = backbone(backbone.input)["sequence_output"]
        outputs = self.masked_lm_head(hidden_states, inputs["mask_positions"])
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.head_activation = keras.activations.get(head_activation)
        self.head_layer_norm_epsilon = head_layer_norm_epsilon

    def make_head(self, activation, layer_norm_epsilon):
        """Return the head, a layer that is called with hidden states and positions."""
        return keras_hub.layers.MaskedLMHead(
            vocabulary_size=self.backbone.vocabulary_size,
            token_embedding=self.backbone.token_embedding,
            intermediate_activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=self.head_initializer(),
            dtype=head_dtype_policy(self.backbone),
            name="mlm_head",
        )

    def get_config(self):
        return {
            **super().get_config(),
            "head_activation": keras.activations.serialize(self.head_activation),
            "head_layer_norm_epsilon": self.head_layer_norm_epsilon,
        }
