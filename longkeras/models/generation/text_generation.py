"""`generate` with texts in and texts out."""

import numpy as np

from longkeras.models.generation.batch_generation import continued_rows, stop_texts
from longkeras.models.generation.text_pieces import (
    spelt,
    text_pieces,
    text_until,
)
from longkeras.models.generation.token_choice import special_token_ids


def generate_texts(model, inputs, options, stop=None, max_length=None, strip=False):
    """Continue texts; each continuation is what `stream` would yield.

    Args:
        model: `DecodingCausalLM` with a preprocessor.
        inputs: str, list of str, or what else the preprocessor takes; a
            `tf.data.Dataset` of batches.
        options: `longkeras.models.generation.batch_generation.GenerationOptions`.
        stop: str, list of str, or None. Defaults to `None`.
        max_length: int, or None. Defaults to `None`.
        strip: bool. Whether to leave the prompts out. Defaults to `False`.

    Returns:
        str, or list of str.
    """
    stops = stop_texts(stop)
    tokenizer = model.preprocessor.tokenizer
    special = special_token_ids(tokenizer)
    is_dataset = hasattr(inputs, "as_numpy_iterator")
    is_one = not is_dataset and np.ndim(inputs) == 0
    batches = inputs.as_numpy_iterator() if is_dataset else [inputs]
    texts = []
    for batch in batches:
        prompts = model.preprocessor.generate_preprocess(
            [batch] if is_one else batch, sequence_length=max_length
        )
        for prompt, written in continued_rows(model, prompts, options):
            pieces = text_pieces(tokenizer, prompt)
            written = (pieces.add(i) for i in written if i not in special)
            text = "".join(text_until(written, pieces.end, stops))
            head = "" if strip else spelt(tokenizer, set_aside(prompt, special))
            texts.append(head + text)
    return texts[0] if is_one else texts


def set_aside(token_ids, special):
    """The ids that stand for text."""
    return [i for i in token_ids if i not in special]


def stop_sequences(tokenizer, stop):
    """Stop strings as ids, by which the compiled loop knows that a row is over.

    A string whose ids do not spell it, since they stand for it in the middle of a word
    or a lowercase text only, is looked for in the text alone.

    Args:
        tokenizer: an object with the interface of `keras_hub.tokenizers.Tokenizer`.
        stop: str, list of str, or None.

    Returns:
        tuple of tuples of int.
    """
    sequences = ((text, [int(i) for i in tokenizer(text)]) for text in stop_texts(stop))
    return tuple(
        tuple(ids) for text, ids in sequences if ids and text in spelt(tokenizer, ids)
    )
