"""A language model's use of its far context (Khandelwal et al., 2018)."""

from dataclasses import dataclass

import numpy as np

from longkeras.evaluation.estimates import estimate_mean
from longkeras.evaluation.language_models.passages import perturb
from longkeras.evaluation.language_models.protocol import BATCH_SIZE, CHUNK_LENGTH
from longkeras.evaluation.language_models.text_reader import target_bits

TARGET_LENGTH = 32
# A smaller change of perplexity is ignored, as in Khandelwal et al. and Dai et al.
THRESHOLD = 0.01


@dataclass(frozen=True, eq=False)
class ContextUse:
    """Effect of a perturbation of the far context on the next bytes.

    Args:
        perturbation: str. See `perturb`.
        distances: tuple of int. Bytes before the targets that were not changed.
        context_length: int. Bytes of the whole context.
        target_length: int. Bytes scored at each place.
        whole_bits: float array of shape (places,). Bits per byte of the targets after
            the whole context.
        bits: float array of shape (distances, places). The same after the changed
            context.
    """

    perturbation: str
    distances: tuple[int, ...]
    context_length: int
    target_length: int
    whole_bits: np.ndarray
    bits: np.ndarray

    def changes(self, seed=0):
        """Estimate the rise in bits per byte at each distance from paired places.

        Args:
            seed: int. Seed of the bootstrap. Defaults to `0`.

        Returns:
            list of `Estimate`, one per distance.
        """
        return [estimate_mean(row - self.whole_bits, seed) for row in self.bits]


def context_use(
    model,
    passages,
    perturbation,
    distances,
    rng,
    target_length=TARGET_LENGTH,
    span=None,
    replacement=None,
    whole_bits=None,
    chunk_length=CHUNK_LENGTH,
    batch_size=BATCH_SIZE,
):
    """Measure the rise in bits of the next bytes when the far context is changed.

    Every place is read from an empty state without a start token: first the context,
    whole or changed, then the target bytes, which alone are scored.

    Args:
        model: a model with the decode contract; see `bits_per_byte`.
        passages: sequence of bytes, all of one length: context and target.
            `draw_passages` draws them; 200 or more give narrow intervals.
        perturbation: str. The change of the far context; see `perturb`.
        distances: sequence of int. Bytes before the targets that are not changed.
        rng: `numpy.random.Generator`.
        target_length: int. Bytes scored at each place. Defaults to `32`.
        span: int. Bytes beyond the distance that are changed. Defaults to `None`: all.
        replacement: bytes. For `"replace"`. Defaults to `None`.
        whole_bits: float array of shape (places,). The `whole_bits` of another result
            for the same passages, which are not read again then. Defaults to `None`.
        chunk_length: See `bits_per_byte`.
        batch_size: See `bits_per_byte`.

    Returns:
        `ContextUse`.

    Raises:
        ValueError: If there are no passages, or they differ in length, are too short
            for the targets, or too long for the model.

    Example:

    >>> class Uniform:
    ...     context_length = None
    ...     def initial_state(self, batch_size, max_length=None):
    ...         return {}
    ...     def compiled_prefill(self, token_ids, padding_mask, state):
    ...         return np.zeros(token_ids.shape + (256,)), None, state
    >>> rng = np.random.default_rng(0)
    >>> use = context_use(Uniform(), [b"Call me Ishmael."], "truncate", [4], rng, 2)
    >>> use.changes()[0].mean
    0.0

    Reference:
        [Sharp Nearby, Fuzzy Far Away](https://arxiv.org/abs/1805.04623)
    """
    context_length = _context_length(model, passages, target_length)
    contexts = [passage[:context_length] for passage in passages]
    targets = [passage[context_length:] for passage in passages]
    sizes = {"chunk_length": chunk_length, "batch_size": batch_size}
    if whole_bits is None:
        whole_bits = target_bits(model, contexts, targets, **sizes)
    bits = []
    for distance in distances:
        changed = [
            perturb(context, perturbation, distance, rng, span, replacement)
            for context in contexts
        ]
        bits.append(target_bits(model, changed, targets, **sizes))
    return ContextUse(
        perturbation,
        tuple(distances),
        context_length,
        target_length,
        whole_bits,
        np.stack(bits),
    )


def effective_context_length(use, threshold=THRESHOLD):
    """The shortest context that is as good as the whole one.

    Args:
        use: `ContextUse` of `"truncate"`.
        threshold: float. Relative rise of the perplexity of a byte that is ignored.
            Defaults to `0.01`.

    Returns:
        int, the smallest distance for which the perplexity rises by no more at it and
        at all longer ones; the length of the whole context if there is none.

    Raises:
        ValueError: If the perturbation is another.

    Example:

    >>> bits = np.array([[3.0], [2.0]])
    >>> use = ContextUse("truncate", (16, 64), 128, 32, np.array([2.0]), bits)
    >>> effective_context_length(use)
    64
    """
    if use.perturbation != "truncate":
        raise ValueError(
            f"`use` must be of 'truncate'. Received: perturbation={use.perturbation!r}"
        )
    enough = use.context_length
    rises = np.exp2((use.bits - use.whole_bits).mean(axis=1)) - 1
    for index in np.argsort(use.distances)[::-1]:
        if rises[index] > threshold:
            break
        enough = use.distances[index]
    return int(enough)


def relative_effective_context(
    bits_by_model, lengths, hardest=1.0, threshold=THRESHOLD
):
    """The longest context from which each model of a group still benefits.

    A longer context has to improve on the best model of the group at the shorter one,
    at the places that are hardest for it, so that a weak model does not seem to use
    more context because it has more to gain.

    Args:
        bits_by_model: dict of name to float array of shape (lengths, places). Bits per
            byte at the same places after contexts of each length.
        lengths: sequence of int. The lengths of the contexts, increasing.
        hardest: float. Share of the places that is used. Defaults to `1.0`.
        threshold: float. Relative fall of the perplexity that counts. Defaults to
            `0.01`.

    Returns:
        dict of name to int.

    Raises:
        ValueError: If `lengths` do not rise or do not fit the bits.

    Example:

    >>> bits = {"near": np.array([[2.0], [2.0]]), "far": np.array([[2.5], [1.5]])}
    >>> relative_effective_context(bits, [16, 64])
    {'near': 16, 'far': 64}

    Reference:
        [Transformer-XL, appendix C](https://arxiv.org/abs/1901.02860)
    """
    table = {name: np.asarray(bits, float) for name, bits in bits_by_model.items()}
    if list(lengths) != sorted(set(lengths)) or any(
        len(bits) != len(lengths) for bits in table.values()
    ):
        raise ValueError(
            "`lengths` must rise, one for each row of the bits. "
            f"Received: lengths={list(lengths)}"
        )
    reached = {name: int(lengths[0]) for name in table}
    for step in range(1, len(lengths)):
        best = np.min([bits[step - 1] for bits in table.values()], axis=0)
        count = max(1, round(hardest * len(best)))
        places = np.argsort(best)[-count:]
        for name, bits in table.items():
            # A model is not penalized where the best short context is better.
            before, now = (
                np.minimum(best, bits[row])[places].mean() for row in (step - 1, step)
            )
            if 1 - np.exp2(now - before) > threshold:
                reached[name] = int(lengths[step])
    return reached


def _context_length(model, passages, target_length):
    lengths = {len(passage) for passage in passages}
    if len(lengths) != 1:
        raise ValueError(
            "`passages` must be of one length. "
            f"Received: {len(passages)} passages of lengths {sorted(lengths)}"
        )
    (length,) = lengths
    if not 0 < target_length < length:
        raise ValueError(
            "`target_length` must be at least 1 and leave a context. Received: "
            f"target_length={target_length} of passages of {length} bytes"
        )
    limit = model.context_length
    if limit is not None and length - 1 > limit:
        raise ValueError(
            "`passages` must not be longer than the model reads, and one byte more. "
            f"Received: passages of {length} bytes, model.context_length={limit}"
        )
    return length - target_length
