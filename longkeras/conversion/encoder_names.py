"""The tensors of BERT, RoBERTa and XLM-R that Longformer has in another place."""

from dataclasses import replace

from longkeras.conversion.tensor_names import Tensors

POOLER = "pooler.dense"


def with_pooler_as_head(tensors: Tensors) -> Tensors:
    """BERT's classifier of texts with the names of RoBERTa's, of which it is one.

    Both are a dense layer and a tanh over the first token, and a dense layer: BERT
    calls the first of them its pooler.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    names = {POOLER: "classifier.dense", "classifier": "classifier.out_proj"}
    renamed = {
        f"{old}.{end}": f"{new}.{end}"
        for old, new in names.items()
        for end in ("weight", "bias")
    }
    return {renamed.get(name, name): tensor for name, tensor in tensors.items()}


def without_pooler(tensors: Tensors) -> Tensors:
    """Leaves the pooler out, which no head but that of BERT's classifier reads.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(f"{POOLER}.")
    }


def with_global_copies(tensors: Tensors) -> Tensors:
    """Adds the projections of global tokens: copies of those of all others.

    Args:
        tensors: dict of `NamedTensor` by name.

    Returns:
        dict of `NamedTensor` by name.
    """
    copies = {}
    for kind in ("query", "key", "value"):
        ending = f".attention.self.{kind}."
        copies |= {
            name.replace(ending, f".attention.self.{kind}_global."): tensor
            for name, tensor in tensors.items()
            if ending in name
        }
    copies = {name: replace(tensor, name=name) for name, tensor in copies.items()}
    return {**tensors, **copies}
