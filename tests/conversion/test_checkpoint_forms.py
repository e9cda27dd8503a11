"""The forms in which checkpoints are published: each gives the same model."""

import json

import numpy as np
import pytest

from longkeras import CheckpointError
from longkeras.conversion import convert_to_long, from_huggingface
from longkeras.conversion.tensor_files.named_tensor import NamedTensor
from longkeras.conversion.tensor_files.tensor_folder import write_tensors
from tests.conversion.small_checkpoint import MLM, P, tensors_of, write_checkpoint
from tests.conversion.small_short_checkpoint import (
    BERT_NAMES,
    SIZES,
    rows,
    short_tensors,
    write_short,
)
from tests.conversion.torch_file import archive_of, legacy_of
from tests.models.longformer.small_longformer import outputs_of

FAMILIES = ["longformer", "bert", "roberta"]
each_family = pytest.mark.parametrize("family", FAMILIES)
# The forms are read before anything knows the family: one of them says most.
in_each_form = pytest.mark.parametrize(
    "family",
    [
        "bert",
        pytest.param("longformer", marks=pytest.mark.slow),
        pytest.param("roberta", marks=pytest.mark.slow),
    ],
)
WORDS = "embeddings.word_embeddings.weight"
MASKED = np.array([[1, 3], [0, 2]], "int32")
METADATA_BYTES = 8


def canonical(family):
    """The tensors of a masked language model."""
    if family == "longformer":
        return tensors_of(MLM)
    return short_tensors(family, "masked_lm")


def write(folder, tensors, family):
    if family == "longformer":
        return write_checkpoint(folder, tensors, MLM)
    return write_short(folder, tensors, family, "masked_lm")


def read(folder, family):
    if family == "longformer":
        return from_huggingface(folder, preprocessor=None)
    return convert_to_long(folder, **SIZES)


def masked_logits(folder, family):
    model = read(folder, family)
    assert model.backbone.tie_embedding_weights
    return outputs_of(model, {**rows(family), "mask_positions": MASKED})


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The logits of each family's checkpoint in its plainest form."""
    known = {}

    def of(family):
        if family not in known:
            folder = tmp_path_factory.mktemp("plain")
            known[family] = masked_logits(
                write(folder, canonical(family), family), family
            )
        return known[family]

    return of


def theirs(family, name):
    """The name of a tensor of the head in the family's own checkpoints."""
    return BERT_NAMES.get(name, name) if family == "bert" else name


def decoder(family):
    return theirs(family, "lm_head.decoder.").rstrip(".") + ".weight"


def words(tensors):
    return next(name for name in tensors if name.endswith(WORDS))


def with_prefix(prefix):
    return lambda tensors, family: {f"{prefix}{k}": x for k, x in tensors.items()}


def without_prefix(tensors, family):
    """An encoder at the top level, beside its head."""
    prefix = words(tensors).removesuffix(WORDS)
    return {name.removeprefix(prefix): x for name, x in tensors.items()}


def tied_twice(tensors, family):
    bias = theirs(family, "lm_head.bias")
    decoder_bias = decoder(family).replace("weight", "bias")
    return {
        **tensors,
        decoder(family): tensors[words(tensors)],
        decoder_bias: tensors[bias],
    }


def tied_under_the_other_name(tensors, family):
    both = tied_twice(tensors, family)
    del both[words(tensors)], both[theirs(family, "lm_head.bias")]
    return both


def with_buffers(tensors, family):
    prefix = words(tensors).removesuffix(WORDS)
    return {
        **tensors,
        f"{prefix}embeddings.position_ids": np.arange(P)[None],
        f"{prefix}embeddings.token_type_ids": np.zeros((1, P), "int64"),
        f"{prefix}encoder.layer.0.attn.bias": np.ones((1, 1, P, P), "uint8"),
        f"{prefix}encoder.layer.0.attn.masked_bias": np.float32([-1e4])[0:1],
        f"{prefix}encoder.rotary_emb.inv_freq": np.ones(2, "float32"),
        "norm.num_batches_tracked": np.zeros((), "int64"),
    }


def with_gamma_and_beta(tensors, family):
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    renamed = {}
    for name, tensor in tensors.items():
        for new, old in names.items():
            name = name.replace(new, old)
        renamed[name] = tensor
    return renamed


FORMS = {
    "DataParallel": with_prefix("module."),
    "a module that holds the model": with_prefix("model."),
    "several wrappers": with_prefix("module.model._orig_mod."),
    "no prefix": without_prefix,
    "tied weights twice": tied_twice,
    "tied weights under the other name": tied_under_the_other_name,
    "buffers": with_buffers,
    "gamma and beta": with_gamma_and_beta,
}


@in_each_form
@pytest.mark.parametrize("form", FORMS)
def test_tensors_under_other_names_give_the_same_model(
    form, family, expected, tmp_path
):
    write(tmp_path, FORMS[form](canonical(family), family), family)
    np.testing.assert_array_equal(masked_logits(tmp_path, family), expected(family))


@each_family
@pytest.mark.parametrize("keeps_words", [True, False])
def test_a_shared_tensor_may_be_mapped_in_the_metadata(
    keeps_words, family, expected, tmp_path
):
    tensors = tied_twice(canonical(family), family)
    mapped = [decoder(family), words(tensors)]
    kept, lacking = mapped[::-1] if keeps_words else mapped
    del tensors[lacking]
    write(tmp_path, tensors, family)
    add_metadata(tmp_path / "model.safetensors", {lacking: kept})
    np.testing.assert_array_equal(masked_logits(tmp_path, family), expected(family))


def add_metadata(path, entries):
    content = path.read_bytes()
    length = int.from_bytes(content[:METADATA_BYTES], "little")
    header = json.loads(content[METADATA_BYTES : METADATA_BYTES + length])
    header["__metadata__"] |= entries
    text = json.dumps(header).encode()
    data = content[METADATA_BYTES + length :]
    path.write_bytes(len(text).to_bytes(METADATA_BYTES, "little") + text + data)


def as_shards(folder, tensors):
    named = [
        NamedTensor(name, x.dtype, x.shape, lambda x=x: x)
        for name, x in tensors.items()
    ]
    assert len(write_tensors(folder, named, max_shard_bytes=4000)) > 2


def as_torch(folder, tensors):
    (folder / "pytorch_model.bin").write_bytes(archive_of(tensors))


def as_old_torch(folder, tensors):
    (folder / "pytorch_model.bin").write_bytes(legacy_of(tensors))


def as_torch_shards(folder, tensors):
    names = list(tensors)
    halves = {"pytorch_model-1.bin": names[::2], "pytorch_model-2.bin": names[1::2]}
    index = {}
    for file, part in halves.items():
        (folder / file).write_bytes(archive_of({x: tensors[x] for x in part}))
        index |= dict.fromkeys(part, file)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "pytorch_model.bin.index.json").write_text(text)


@in_each_form
@pytest.mark.parametrize(
    "write_files", [as_shards, as_torch, as_old_torch, as_torch_shards]
)
def test_other_files_give_the_same_model(write_files, family, expected, tmp_path):
    tensors = canonical(family)
    write(tmp_path, tensors, family)
    (tmp_path / "model.safetensors").unlink()
    write_files(tmp_path, tensors)
    np.testing.assert_array_equal(masked_logits(tmp_path, family), expected(family))


@each_family
def test_half_precision_gives_the_same_model_to_rounding(family, expected, tmp_path):
    tensors = {name: x.astype("float16") for name, x in canonical(family).items()}
    write(tmp_path, tensors, family)
    logits = masked_logits(tmp_path, family)
    np.testing.assert_allclose(logits, expected(family), atol=0.05)


@each_family
def test_an_output_of_its_own_keeps_its_values(family, tmp_path):
    tensors = tied_twice(canonical(family), family)
    tensors[decoder(family)] = tensors[decoder(family)] + 1
    bias = decoder(family).replace("weight", "bias")
    tensors[bias] = tensors[bias] + 2
    model = read(write(tmp_path, tensors, family), family)
    embedding = model.backbone.token_embedding
    np.testing.assert_array_equal(
        embedding.reverse_embeddings, tensors[decoder(family)].T
    )
    np.testing.assert_array_equal(embedding.embeddings, tensors[words(tensors)])
    found = [x for x in model.masked_lm_head.weights if x.path.endswith("output_bias")]
    np.testing.assert_array_equal(found[0], tensors[bias])


@each_family
def test_an_unexpected_tensor_is_refused_by_its_name_in_the_file(family, tmp_path):
    tensors = with_prefix("module.")(canonical(family), family)
    stray = words(tensors).replace("word_embeddings", "byte_embeddings")
    tensors[stray] = np.zeros((3, 8), "float32")
    write(tmp_path, tensors, family)
    with pytest.raises(CheckpointError, match=stray) as error:
        read(tmp_path, family)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["position_ids", "token_type_ids"])
def test_buffers_with_values_of_their_own_are_refused(name, tmp_path):
    tensors = with_buffers(canonical("bert"), "bert")
    tensors[f"bert.embeddings.{name}"] = np.full((1, P), 3)
    write(tmp_path, tensors, "bert")
    with pytest.raises(CheckpointError, match=name):
        read(tmp_path, "bert")
