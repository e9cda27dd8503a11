"""Generation after a long prompt, compared with Hugging Face's."""

from benchmarks.contestants.decoding_setting import MODELS, DecodingSetting
from benchmarks.decoding_targets import LENGTH, LENGTHS, WINDOW, evaluate
from benchmarks.registry import Case, Contestant

__all__ = ["CASE", "prepare"]

_KERAS = "benchmarks.contestants.keras_decoding"
_TORCH = "benchmarks.contestants.torch_decoding"


def _ours(title, backend):
    return Contestant(f"longkeras, {title}", _KERAS, {"KERAS_BACKEND": backend})


CONTESTANTS = {
    "ours_tensorflow": _ours("generate, TensorFlow", "tensorflow"),
    "ours_jax": _ours("generate, JAX", "jax"),
    "ours_tensorflow_stream": _ours("stream, TensorFlow", "tensorflow"),
    "ours_jax_stream": _ours("stream, JAX", "jax"),
    "huggingface": Contestant("Hugging Face Llama", _TORCH, is_eager=True),
    "huggingface_window": Contestant("Hugging Face Mistral", _TORCH, is_eager=True),
}
_TOGETHER = "32 tokens after 4,096"
_GROWING = "growing length"


def prepare(contestant, **point):
    """One point, in this process; see `DecodingSetting`."""
    return CONTESTANTS[contestant].prepare(contestant=contestant, **point)


def required_bytes(contestant, **point):
    """Libraries, weights, and several copies of keys and values."""
    setting = DecodingSetting(contestant=contestant, **point)
    width = setting.hidden_dim
    return 2**30 + 64 * setting.num_layers * width * (setting.length + 8 * width)


def _points(length=LENGTH, lengths=LENGTHS, window=WINDOW, **sizes):
    for contestant in CONTESTANTS:
        is_full = contestant == "huggingface"
        yield {
            "group": _TOGETHER,
            "heat": "32 tokens",
            "contestant": contestant,
            "model": "full attention" if is_full else "sliding window",
            "length": length,
            "reach": None if is_full else window,
            **sizes,
        }
    for model in MODELS:
        for growing in lengths:
            yield {
                "group": _GROWING,
                "heat": model,
                "contestant": "ours_tensorflow",
                "model": model,
                "length": growing,
                "reach": window if model == "sliding window" else None,
                **sizes,
            }


CASE = Case(
    title="Decoding",
    description=(
        "Byte-level language models with 4 layers, hidden size 256, 4 heads and "
        "intermediate size 688, random weights, float32, batch size 1. Each generates "
        "32 tokens greedily after a prompt that has already been read. *generate* is "
        "the compiled loop of `generate`; *stream* is `stream`, one compiled step per "
        "token, including detokenization; the attention window is 256. Hugging Face's "
        "models run `generate` with a cache, eagerly on PyTorch: `LlamaForCausalLM`, "
        "which keeps and attends to all 4,096 tokens, and `MistralForCausalLM` with a "
        "`sliding_window` of 256. *Growing length* is `generate` on TensorFlow after "
        "prompts of several lengths; the LSTM has the same number of layers and the "
        "same hidden size."
    ),
    tests=("tests/models/test_decoding.py", "tests/models/test_generation.py"),
    points=tuple(_points()),
    smoke_points=tuple(
        _points(
            16, (8, 16), 4, num_tokens=4, num_layers=1, hidden_dim=8, intermediate_dim=8
        )
    ),
    prepare=prepare,
    required_bytes=required_bytes,
    contestants=CONTESTANTS,
    groups_without_memory=(_TOGETHER, _GROWING),
    evaluate=evaluate,
)
