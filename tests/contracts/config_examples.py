"""Arguments for every configurable class, each different from its default.

A default in place of the given value is how an argument lost from `get_config` looks,
so that an example with defaults would prove nothing.
"""

from collections.abc import Callable
from typing import Any

from tests.contracts.public_objects import public_object


def _backbone_arguments() -> dict[str, Any]:
    return {"vocabulary_size": 259, "num_layers": 2, "hidden_dim": 8}


def _make(name: str, **more: Any) -> Any:
    return public_object(name)(**CONFIG_EXAMPLES[name](), **more)


def _preprocessor() -> dict[str, Any]:
    return {
        "tokenizer": _make("longkeras.text.ByteTokenizer"),
        "sequence_length": 12,
        "add_start_token": False,
        "add_end_token": False,
    }


def _task(family: str, task: str) -> dict[str, Any]:
    return {
        "backbone": _make(f"longkeras.models.{family}Backbone"),
        "preprocessor": _make(f"longkeras.models.{task}Preprocessor"),
    }


WORD_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "long", "##er", "text"]


def _subword_arguments() -> dict[str, Any]:
    kind = public_object("longkeras.text.SubwordTokenizer")
    return {
        "definition": kind.from_word_piece(WORD_PIECES).definition,
        "start_token": "[CLS]",
        "end_token": "[SEP]",
        "separator_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
        "unknown_token": "[UNK]",
    }


def _longformer_preprocessor(**more: Any) -> dict[str, Any]:
    return {
        "tokenizer": _make("longkeras.models.LongformerTokenizer"),
        "sequence_length": 12,
        "max_sequence_length": 32,
        **more,
    }


def _bert_task(task: str, **more: Any) -> dict[str, Any]:
    # Where the class is not ours: seconds of import that collection does not need.
    import keras_hub

    tokenizer = keras_hub.models.BertTokenizer(WORD_PIECES)
    kind = getattr(keras_hub.models, f"Bert{task}Preprocessor")
    return {
        "backbone": _make("longkeras.models.ExactBertBackbone"),
        "preprocessor": kind(tokenizer, sequence_length=12),
        **more,
    }


def _attention() -> dict[str, Any]:
    return {
        "num_heads": 4,
        "is_causal": True,
        "head_dim": 6,
        "num_key_value_heads": 2,
        "dropout": 0.25,
        "use_bias": False,
        "rope_max_wavelength": 500.0,
        "kernel_initializer": "he_normal",
        "bias_initializer": "ones",
        "seed": 3,
    }


def _window() -> dict[str, Any]:
    window = {"attention_window": 5, "attention_dilation": [1, 2, 1, 3]}
    return {**_attention(), **window}


def _ngram_features() -> dict[str, Any]:
    return {
        "sizes": [2, 4],
        "num_bins": 16,
        "embedding_dim": 3,
        "head_sizes": [2, 3],
        "head_window": 7,
        "head_dim": 5,
    }


CONFIG_EXAMPLES: dict[str, Callable[[], dict[str, Any]]] = {
    "longkeras.patterns.BandedPattern": lambda: {
        "left": 3,
        "right": 1,
        "dilation": (1, 2),
    },
    "longkeras.layers.CausalDecoderLayer": lambda: {
        "intermediate_dim": 16,
        "num_heads": 2,
        "attention_window": 4,
        "attention_dilation": [1, 2],
        "rope_max_wavelength": 500.0,
        "activation": "gelu",
        "layer_norm_epsilon": 1e-3,
        "dropout": 0.25,
        "kernel_initializer": "he_normal",
        "seed": 3,
        "use_global_attention": True,
    },
    "longkeras.layers.CounterDropout": lambda: {
        "rate": 0.3,
        "noise_shape": (None, 1, None),
        "seed": 5,
    },
    "longkeras.layers.FullSelfAttention": _attention,
    "longkeras.layers.LearnedPositionEmbedding": lambda: {
        "max_sequence_length": 16,
        "first_position": 2,
        "initializer": "he_normal",
    },
    "longkeras.layers.LongformerEncoderLayer": lambda: {
        "intermediate_dim": 16,
        "num_heads": 2,
        "attention_window": 4,
        "attention_dilation": [1, 2],
        "activation": "relu",
        "layer_norm_epsilon": 1e-3,
        "dropout": 0.25,
        "attention_dropout": 0.5,
        "kernel_initializer": "he_normal",
        "seed": 3,
    },
    "longkeras.layers.LongformerSelfAttention": _window,
    "longkeras.layers.NGramEmbedding": lambda: {
        "ngram_sizes": [2, 4],
        "num_bins": 16,
        "embedding_dim": 3,
        "output_dim": 5,
        "initializer": "he_normal",
    },
    "longkeras.layers.NGramFeatures": _ngram_features,
    "longkeras.layers.NGramHeads": lambda: {
        "ngram_sizes": [2, 4],
        "window": 16,
        "vocabulary_size": 12,
        "embedding_dim": 3,
        "output_dim": 5,
        "initializer": "he_normal",
    },
    "longkeras.layers.SharedPReLU": lambda: {"negative_slope": 0.5},
    "longkeras.layers.SlidingWindowAttention": _window,
    "longkeras.layers.RecurrentStack": lambda: {
        "units": 8,
        "num_layers": 2,
        "cell": "gru",
        "dropout": 0.25,
        "input_dropout": 0.5,
        "output_dropout": 0.125,
        "weight_dropout": 0.375,
        "locked_dropout": True,
        "implementation": "scan",
        "seed": 3,
    },
    "longkeras.layers.TokenDropout": lambda: {
        "rate": 0.25,
        "vocabulary_size": 7,
        "seed": 3,
    },
    "longkeras.layers.XIELU": lambda: {
        "alpha_positive": 1.5,
        "alpha_negative": 2.5,
        "beta": 0.25,
    },
    "longkeras.layers.ActivationPenalty": lambda: {
        "activation_penalty": 2.0,
        "slowness_penalty": 1.0,
    },
    "longkeras.layers.RotaryEmbedding": lambda: {"max_wavelength": 500.0},
    "longkeras.text.ByteTokenizer": lambda: {
        "lowercase": True,
        "normalization_form": "NFC",
    },
    "longkeras.text.SubwordTokenizer": _subword_arguments,
    "longkeras.fitting.StagedLearningRate": lambda: {
        "schedule": _make("longkeras.fitting.WarmupStableDecay"),
        "stage_ends": [10, 20],
        "factor": 0.25,
    },
    "longkeras.fitting.WarmupStableDecay": lambda: {
        "peak_learning_rate": 0.01,
        "warmup_steps": 10,
        "total_steps": 100,
        "decay_steps": 20,
    },
    "longkeras.models.CausalTransformerBackbone": lambda: {
        **_backbone_arguments(),
        "num_heads": 2,
        "intermediate_dim": 16,
        "attention_window": [4, 8],
        "attention_dilation": [[1, 2], 1],
        "max_sequence_length": 64,
        "rope_max_wavelength": 500.0,
        "activation": "gelu",
        "layer_norm_epsilon": 1e-3,
        "dropout": 0.25,
        "seed": 3,
        "use_global_attention": True,
        "ngram_features": _make("longkeras.layers.NGramFeatures"),
        "dtype": "mixed_bfloat16",
    },
    "longkeras.models.ExactBertBackbone": lambda: {
        **_backbone_arguments(),
        "num_heads": 2,
        "intermediate_dim": 16,
        "dropout": 0.25,
        "max_sequence_length": 64,
        "num_segments": 3,
        "activation": "relu",
        "layer_norm_epsilon": 1e-3,
        "dtype": "mixed_bfloat16",
    },
    "longkeras.models.ExactBertMaskedLM": lambda: _bert_task("MaskedLM"),
    "longkeras.models.ExactBertTextClassifier": lambda: _bert_task(
        "TextClassifier",
        num_classes=3,
        activation="softmax",
        dropout=0.25,
        class_names=["dull", "exciting", "neither"],
        pooling="mean",
    ),
    "longkeras.models.LongformerBackbone": lambda: {
        **_backbone_arguments(),
        "num_heads": 2,
        "intermediate_dim": 16,
        "attention_window": [4, 8],
        "attention_dilation": [[1, 2], 1],
        "max_sequence_length": 64,
        "num_segments": 2,
        "padding_id": 0,
        "activation": "relu",
        "dropout": 0.25,
        "attention_dropout": 0.5,
        "layer_norm_epsilon": 1e-3,
        "use_pooler": True,
        "tie_embedding_weights": False,
        "seed": 3,
        "dtype": "mixed_bfloat16",
    },
    "longkeras.models.RecurrentBackbone": lambda: {
        **_backbone_arguments(),
        "cell": "gru",
        "dropout": 0.25,
        "embedding_dropout": 0.125,
        "input_dropout": 0.5,
        "output_dropout": 0.375,
        "weight_dropout": 0.625,
        "locked_dropout": True,
        "activation_penalty": 2.0,
        "slowness_penalty": 1.0,
        "trainable_embeddings": False,
        "ngram_features": _make("longkeras.layers.NGramFeatures"),
        "seed": 3,
        "dtype": "mixed_bfloat16",
    },
    "longkeras.models.RecurrentCausalLMPreprocessor": _preprocessor,
    "longkeras.models.TransformerCausalLMPreprocessor": _preprocessor,
    "longkeras.models.LongformerMaskedLM": lambda: {
        **_task("Longformer", "LongformerMaskedLM"),
        "head_activation": "relu",
        "head_layer_norm_epsilon": 1e-3,
    },
    "longkeras.models.LongformerQuestionAnswerer": lambda: {
        **_task("Longformer", "LongformerQuestionAnswerer"),
        "separator_id": 5,
    },
    "longkeras.models.LongformerTextClassifier": lambda: {
        **_task("Longformer", "LongformerTextClassifier"),
        "num_classes": 3,
        "activation": "softmax",
        "dropout": 0.25,
        "class_names": ["dull", "exciting", "neither"],
        "pooling": "mean",
    },
    "longkeras.models.LongformerTokenClassifier": lambda: {
        **_task("Longformer", "LongformerTokenClassifier"),
        "num_classes": 2,
        "dropout": 0.25,
        "class_names": ["name", "other"],
    },
    "longkeras.models.RecurrentCausalLM": lambda: _task(
        "Recurrent", "RecurrentCausalLM"
    ),
    "longkeras.models.TransformerCausalLM": lambda: _task(
        "CausalTransformer", "TransformerCausalLM"
    ),
    "longkeras.models.LongformerTokenizer": _subword_arguments,
    "longkeras.models.LongformerMaskedLMPreprocessor": lambda: _longformer_preprocessor(
        truncate="waterfall",
        mask_selection_rate=0.25,
        mask_selection_length=5,
        mask_token_rate=0.5,
        random_token_rate=0.25,
        seed=3,
    ),
    "longkeras.models.LongformerQuestionAnswererPreprocessor": lambda: (
        _longformer_preprocessor(max_question_length=5)
    ),
    "longkeras.models.LongformerTextClassifierPreprocessor": lambda: (
        _longformer_preprocessor(truncate="waterfall")
    ),
    "longkeras.models.LongformerTokenClassifierPreprocessor": lambda: (
        _longformer_preprocessor(outside_label=2)
    ),
}
