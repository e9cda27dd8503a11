"""Write saved_models/: a model of every family and task, and its outputs.

A record: the files were written by the package of commit 38ca87a, before the families
were built on common bases, and all later versions must load them. Each case is a
`.keras` file and a preset folder, which is zipped; `records.json` holds checksums of
all weights and of the optimizer and how the model was compiled, `records.npz` inputs
and outputs.

    python -m tests.golden.make_saved_models
"""

import hashlib
import json
import pathlib
import platform
import tempfile
import zipfile

import numpy as np

FOLDER = pathlib.Path(__file__).with_name("saved_models")
ARRAYS_FILE, RECORDS_FILE = FOLDER / "records.npz", FOLDER / "records.json"

SPECIAL = "[PAD] [UNK] [CLS] [SEP] [MASK]"
WORDS = f"{SPECIAL} who is it the long ##er text of a dog and fox . ?".split()
TEXTS = ["the dog is longer .", "a fox of text ?", "who is it ?", "the fox and a dog"]
CLASS_NAMES = ["dull", "exciting", "neither"]
LENGTH = 13
SIZES = {"num_layers": 1, "hidden_dim": 8}
TRANSFORMER = {**SIZES, "num_heads": 2, "intermediate_dim": 8}
BERT = {**TRANSFORMER, "vocabulary_size": len(WORDS), "max_sequence_length": 32}
LONGFORMER = {**BERT, "attention_window": 4, "num_segments": 2, "padding_id": 0}


def transformer_full():
    """Full attention, trained one step, with a sampler of its own."""
    model = _causal_transformer(num_layers=2, max_sequence_length=32)
    model.compile("adam", sampler="greedy", run_eagerly=True)
    return _fitted(model, TEXTS)


def transformer_windowed():
    """Windows, global attention, n-grams and n-gram heads."""
    model = _causal_transformer(
        num_layers=2,
        attention_window=[3, 6],
        attention_dilation=[1, [1, 2]],
        use_global_attention=True,
        ngram_sizes=[2, 3],
        ngram_bins=32,
        ngram_dim=4,
        ngram_head_sizes=[2],
        ngram_head_window=9,
        ngram_head_dim=4,
    )
    model.compile(_adam_w(), run_eagerly=True)
    return _fitted(model, TEXTS)


def recurrent_lstm():
    """LSTM in mixed precision, trained one step."""
    model = _recurrent(num_layers=2, cell="lstm", dtype="mixed_bfloat16")
    model.compile(_adam_w(), run_eagerly=True)
    return _fitted(model, TEXTS)


def recurrent_gru():
    """GRU with n-grams, its embeddings frozen."""
    model = _recurrent(
        cell="gru", ngram_sizes=[2, 3], ngram_bins=32, trainable_embeddings=False
    )
    model.compile("sgd", run_eagerly=True)
    return _fitted(model, TEXTS)


def longformer_backbone():
    """With a few frozen layers, not compiled."""
    from longkeras.models import LongformerBackbone

    options = {**LONGFORMER, "num_layers": 2, "attention_window": [4, 6]}
    backbone = _drawn(LongformerBackbone(**options, attention_dilation=[[1, 2], 1]))
    backbone.position_embedding.trainable = False
    backbone.transformer_layers[0].trainable = False
    return backbone


def longformer_masked_lm():
    """With LoRA, whose factors were trained one step."""
    model = _longformer("MaskedLM", preprocessor={"seed": 3})
    model.backbone.enable_lora(2)
    model.compile("adam", run_eagerly=True)
    return _fitted(model, TEXTS)


def longformer_text_classifier():
    """Named classes, compiled by default, trained one step."""
    model = _longformer(
        "TextClassifier", num_classes=3, class_names=CLASS_NAMES, dropout=0.0
    )
    return _fitted(model, TEXTS, ["dull", "exciting", "neither", "dull"])


def longformer_token_classifier():
    """Eight-bit weights."""
    model = _longformer("TokenClassifier", num_classes=2, class_names=["no", "yes"])
    model.quantize("int8")
    return model


def longformer_question_answerer():
    """A frozen embedding, trained one step."""
    model = _longformer(
        "QuestionAnswerer", separator_id=3, preprocessor={"max_question_length": 4}
    )
    model.backbone.token_embedding.trainable = False
    model.compile(_adam_w(), run_eagerly=True)
    x = {"question": ["who ?"] * 4, "context": TEXTS}
    y = {"answer_start": [0] * 4, "answer_text": [text.split()[0] for text in TEXTS]}
    return _fitted(model, x, y)


def bert_backbone():
    """With LoRA, its factors drawn."""
    from longkeras.models import ExactBertBackbone

    backbone = ExactBertBackbone(**{**BERT, "num_layers": 2}, activation="relu")
    backbone.enable_lora(2)
    return _drawn(backbone)


def bert_masked_lm():
    """Nothing but the head is trained."""
    model = _bert("MaskedLM")
    model.backbone.trainable = False
    model.compile(_adam_w(), run_eagerly=True)
    return _fitted(model, TEXTS)


def bert_text_classifier():
    """Named classes, a sigmoid for each, trained one step."""
    model = _bert(
        "TextClassifier", num_classes=3, class_names=CLASS_NAMES, activation="sigmoid"
    )
    model.compile("adam", "binary_crossentropy", run_eagerly=True)
    targets = np.eye(4, 3, dtype="float32")
    return _fitted(model, TEXTS, targets)


CASES = {
    make.__name__: make
    for make in (
        transformer_full,
        transformer_windowed,
        recurrent_lstm,
        recurrent_gru,
        longformer_backbone,
        longformer_masked_lm,
        longformer_text_classifier,
        longformer_token_classifier,
        longformer_question_answerer,
        bert_backbone,
        bert_masked_lm,
        bert_text_classifier,
    )
}


def inputs_of(model):
    """Every input of a model: some padding, two segments, a few global tokens.

    Args:
        model: a task or backbone.

    Returns:
        dict of int32 arrays `(2, 13)`; of `mask_positions` `(2, 3)`.
    """
    rng = np.random.default_rng(0)
    shape = (2, LENGTH)
    backbone = getattr(model, "backbone", model)
    values = {
        "token_ids": rng.integers(4, backbone.vocabulary_size, shape),
        "padding_mask": np.ones(shape),
        "global_attention_mask": np.zeros(shape),
        "segment_ids": np.zeros(shape),
        "mask_positions": np.array([[1, 4, 7], [2, 3, 5]]),
    }
    values["token_ids"][:, [3, 9, 12]] = 3
    values["padding_mask"][1, 9:] = 0
    values["token_ids"][1, 9:] = 0
    values["global_attention_mask"][0, [0, 4]] = 1
    values["segment_ids"][:, 4:] = 1
    names = {x.name for x in model.inputs}
    if getattr(backbone, "use_global_attention", False):
        names.add("global_attention_mask")
    return {name: x.astype("int32") for name, x in values.items() if name in names}


def least_inputs(inputs):
    """The inputs without those that a model completes by itself."""
    names = ("token_ids", "mask_positions")
    return {name: x for name, x in inputs.items() if name in names}


def outputs_of(model, inputs):
    """A model's outputs at every fourth token.

    Args:
        model: a task or backbone.
        inputs: dict of arrays.

    Returns:
        list of float32 arrays, those of a dict in the order of its keys.
    """
    import keras

    arrays = [
        np.asarray(keras.ops.convert_to_numpy(x), "float32")
        for x in keras.tree.flatten(model(inputs))
    ]
    return [x[:, ::4] if x.shape[1] == LENGTH else x for x in arrays]


def record_of(model):
    """Everything that must come back, but for the outputs.

    Args:
        model: a task or backbone.

    Returns:
        dict for JSON: the class, checksums of the weights by path, the paths of those
        that are trainable; of a compiled model also the checksum of the optimizer, the
        sampler's class, and the compilation; of one with a preprocessor the ids of
        `TEXTS`.
    """
    optimizer = getattr(model, "optimizer", None)
    preprocessor = getattr(model, "preprocessor", None)
    record = {
        "class": type(model).__name__,
        "weights": {weight.path: checksum(weight) for weight in model.weights},
        "trainable": sorted(weight.path for weight in model.trainable_weights),
    }
    if preprocessor is not None:
        ids = [preprocessor.tokenizer(text) for text in TEXTS]
        record["token_ids"] = [[int(token) for token in row] for row in ids]
        record["sequence_length"] = preprocessor.sequence_length
    if optimizer is None:
        return record
    config = model.get_compile_config()
    optimizer_config = dict(config.pop("optimizer"))
    optimizer_config.pop("longkeras", None)
    return {
        **record,
        "optimizer": checksum(*optimizer.variables),
        "sampler": type(getattr(model, "sampler", None)).__name__,
        "compiled": json.loads(json.dumps({**config, "optimizer": optimizer_config})),
    }


def checksum(*variables):
    """A checksum of the variables' values, dtypes and shapes."""
    import keras

    found = hashlib.sha256()
    for variable in variables:
        array = np.asarray(keras.ops.convert_to_numpy(variable.value))
        found.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
    return found.hexdigest()[:16]


def processor():
    """Processor and versions, which must be equal for outputs of equal bits."""
    import keras

    lines = pathlib.Path("/proc/cpuinfo")
    lines = lines.read_text().splitlines() if lines.exists() else [platform.processor()]
    kept = sorted({x for x in lines if x.startswith(("model", "flags", "cpu family"))})
    backend = keras.backend.backend()
    versions = [keras.__version__, backend, np.__version__]
    if backend == "tensorflow":
        import tensorflow as tf

        versions.append(tf.__version__)
    return hashlib.sha256("\n".join([*kept, *versions]).encode()).hexdigest()[:16]


def _causal_transformer(**options):
    from longkeras import models

    backbone = models.CausalTransformerBackbone(
        vocabulary_size=259, **{**TRANSFORMER, **options}
    )
    preprocessor = models.TransformerCausalLMPreprocessor(models.ByteTokenizer(), 12)
    return _drawn(models.TransformerCausalLM(backbone, preprocessor))


def _recurrent(**options):
    from longkeras import models

    backbone = models.RecurrentBackbone(vocabulary_size=259, **{**SIZES, **options})
    preprocessor = models.RecurrentCausalLMPreprocessor(models.ByteTokenizer(), 12)
    return _drawn(models.RecurrentCausalLM(backbone, preprocessor))


def _longformer(task, preprocessor=None, **arguments):
    from longkeras import models

    tokenizer = models.LongformerTokenizer.from_word_piece(WORDS)
    make = getattr(models, f"Longformer{task}Preprocessor")
    model = getattr(models, f"Longformer{task}")(
        models.LongformerBackbone(**LONGFORMER),
        preprocessor=make(tokenizer, sequence_length=LENGTH, **(preprocessor or {})),
        **arguments,
    )
    return _drawn(model)


def _bert(task, **arguments):
    import keras_hub

    from longkeras import models

    tokenizer = keras_hub.models.BertTokenizer(WORDS, lowercase=True)
    make = getattr(keras_hub.models, f"Bert{task}Preprocessor")
    model = getattr(models, f"ExactBert{task}")(
        models.ExactBertBackbone(**BERT),
        preprocessor=make(tokenizer, sequence_length=LENGTH),
        **arguments,
    )
    return _drawn(model)


def _drawn(model):
    """The model with weights that make a difference, norms included."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path:
            value = rng.normal(size=weight.shape) * 0.4
            is_scale = weight.name in ("gamma", "scale")
            weight.assign(value + 1.0 if is_scale else value)
    return model


def _adam_w():
    import keras

    return keras.optimizers.AdamW(0.02, weight_decay=0.1, clipnorm=1.0)


def _fitted(model, *data):
    model.fit(*data, batch_size=4, epochs=1, shuffle=False, verbose=0)
    return model


def _save(model, name):
    model.save(FOLDER / f"{name}.keras")
    # Keras writes the parts as they are, and reads them compressed too.
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as file:
        parts = {info.filename: file.read(info) for info in file.infolist()}
    _write_zip(FOLDER / f"{name}.keras", parts)
    with tempfile.TemporaryDirectory() as folder:
        preset = pathlib.Path(folder) / name
        model.save_to_preset(str(preset))
        files = sorted(path for path in preset.rglob("*") if path.is_file())
        parts = {str(x.relative_to(preset)): x.read_bytes() for x in files}
    _write_zip(FOLDER / f"{name}.zip", parts)


def _write_zip(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in parts.items():
            file.writestr(name, content)


def main():
    """Write the files."""
    import keras

    FOLDER.mkdir(exist_ok=True)
    records, arrays = {"processor": processor()}, {}
    for seed, (name, make) in enumerate(CASES.items()):
        keras.utils.set_random_seed(seed)
        model = make()
        inputs = inputs_of(model)
        least = outputs_of(model, least_inputs(inputs))
        outputs = outputs_of(model, inputs)
        _save(model, name)
        records[name] = record_of(model)
        arrays.update({f"{name}/inputs/{key}": x for key, x in inputs.items()})
        arrays.update({f"{name}/outputs/{i}": x for i, x in enumerate(outputs)})
        arrays.update({f"{name}/least/{i}": x for i, x in enumerate(least)})
    np.savez_compressed(ARRAYS_FILE, **arrays)
    RECORDS_FILE.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
