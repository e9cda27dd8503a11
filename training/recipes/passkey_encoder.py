"""Train a small encoder to find a pass key in a long text.

    python -m training.recipes.passkey_encoder --data DIR --model passkey-encoder

Each text is from a book, with a sentence that contains a number of five digits among
similar sentences with other numbers, and a question at the end. Each digit is
classified at a byte of the question, whose bytes are global tokens. Classifying the
digits at their own position would need only a local window; carrying them to the end of
a long text needs tokens that attend to all of it. `passkey-short` is the same model
without global tokens, which reads the last 512 bytes, and `passkey-lstm` an LSTM.

The run goes to `runs/<model>` and continues from its checkpoint if started again.
Texts get longer from stage to stage; a larger `--last-steps` continues a finished run
with the longest texts. `--measure` writes a record of recall by depth and length for
`python -m training.evaluation_report`; `--export saved_models` saves the model there.
"""

import dataclasses
import datetime
import logging
import pathlib
import time

import keras
import numpy as np

from longkeras import save_model
from longkeras.data import data_directory, load_books
from longkeras.evaluation import recall_examples, score_recall
from longkeras.evaluation.language_models.recall_examples import (
    ANSWER_BYTES,
    num_decoys_for,
)
from longkeras.fitting import (
    ProgressLog,
    RunFolder,
    compile_for_training,
    fit_steps,
)
from longkeras.fitting.checkpoint import write_json
from training.command_line import recipe_parser, with_options
from training.evaluate import RESULTS
from training.evaluation_record import EvaluationRecord
from training.evaluation_texts import load_text_set
from training.export import add_to_manifest, file_digests
from training.passkey import PASSKEY_MODELS, build_passkey_model
from training.passkey_texts import PasskeyBatches, is_right, labelled

_LOGGER = logging.getLogger("training")
# Bytes that are read in one batch without training.
_BYTES_AT_ONCE = 16_384


@dataclasses.dataclass(frozen=True)
class RecallSettings:
    """Amount of the measurement; part of the record.

    Args:
        lengths: tuple of int. Bytes of the texts.
        depths: tuple of float. Where the pass key stands.
        repeats: int. Texts of each length and depth.
        seed: int.
    """

    lengths: tuple[int, ...] = (256, 1024, 4096, 16384)
    depths: tuple[float, ...] = tuple(depth / 10 for depth in range(11))
    repeats: int = 20
    seed: int = 1


class HeldOutRecall(keras.callbacks.Callback):
    """Asks for pass keys in held-out books at the end of each epoch.

    Adds `recall`, the share of texts all of whose digits are right, to the logs.

    Args:
        texts: sequence of bytes. Books to fill with.
        config: `training.passkey.PasskeyConfig`.
        length: int. Bytes of the texts.
        batch_size: int. Texts read side by side; four times as many are read.
    """

    def __init__(self, texts, config, length, batch_size):
        super().__init__()
        self.config = config
        self.length = length
        self.batch_size = batch_size
        depths = tuple(np.linspace(0, 1, 4 * batch_size).tolist())
        settings = RecallSettings(depths=depths, repeats=1)
        self.examples = passkey_examples(texts, length, settings)

    def on_epoch_end(self, epoch, logs=None):
        found = is_right(self.model, self.examples, self.config, self.batch_size)
        _LOGGER.info(
            "held-out books: %.3f of %d keys found in %d bytes",
            found.mean(),
            len(found),
            self.length,
        )
        if logs is not None:
            logs["length"] = self.length
            logs["recall"] = float(found.mean())


def main(argv=None):
    """Train, and measure and export if asked."""
    args = _parse(argv)
    config = _changed(PASSKEY_MODELS[args.model], args)
    run = RunFolder(args.output or f"runs/{args.model}")
    run.begin(config)
    data = data_directory(args.data)
    model = train(config, data, run, args.epoch_steps)
    if args.measure:
        settings = with_options(RecallSettings(), args)
        measure(model, config, load_text_set("books-en", data), settings, args.results)
    if args.export:
        export(model, config, run, args.export)


def _changed(config, args):
    """The configuration with the changes of the command line."""
    if args.last_steps is not None:
        *earlier, (length, batch_size, _, decoys) = config.stages
        last = (length, batch_size, args.last_steps, decoys)
        config = dataclasses.replace(config, stages=(*earlier, last))
    return with_options(config, args)


def train(config, data, run, epoch_steps=50):
    """Train a model, going on from the run's checkpoint if there is one.

    Args:
        config: `training.passkey.PasskeyConfig`.
        data: path of the data folder, or None for the bundled samples.
        run: `longkeras.fitting.RunFolder`.
        epoch_steps: int. Steps between checkpoints, a divisor of the steps of every
            stage. Defaults to `50`.

    Returns:
        The trained model.

    Raises:
        ValueError: If a stage is no whole number of epochs.
    """
    if any(steps % epoch_steps for _, _, steps, _ in config.stages):
        raise ValueError(
            "`epoch_steps` must divide the steps of every stage. Received: "
            f"epoch_steps={epoch_steps}, stages={config.stages}"
        )
    texts, held_out = _texts(data, "train"), _texts(data, "valid")
    model = build_passkey_model(config, _row_length(max(config.stages)[0], config))
    # Longformer's classes choose by themselves whether to use XLA.
    jit_compile = False if config.family == "lstm" else "auto"
    compile_for_training(model, config.optimizer_settings, jit_compile)
    checkpoint = run.checkpoint()
    step = checkpoint.restore(model)
    _LOGGER.info("%s: %d parameters", config.name, parameters(model, config))
    while step < config.steps:
        length, batch_size, end, _ = config.stage_of(step)
        _LOGGER.info("from step %d on: %d texts of %d bytes", step, batch_size, length)
        progress = ProgressLog(
            config.steps, batch_size * length, first_step=step, interval=10
        )
        recall = HeldOutRecall(held_out, config, length, batch_size)
        began = time.process_time()
        step = fit_steps(
            model,
            lambda step: PasskeyBatches(texts, config, step),
            step,
            end,
            epoch_steps,
            checkpoint,
            [progress, recall],
        )
        _LOGGER.info("%.0f s of processor time", time.process_time() - began)
    return model


def passkey_examples(texts, length, settings):
    """Pass keys among decoys at every depth of texts of one length.

    Args:
        texts: sequence of bytes. Books to fill with.
        length: int. Bytes of the texts.
        settings: `RecallSettings`.

    Returns:
        list of `longkeras.evaluation.RecallExample`.
    """
    return recall_examples(
        "passkey",
        texts,
        [length],
        settings.depths,
        settings.repeats,
        np.random.default_rng([settings.seed, length]),
        num_decoys=num_decoys_for(length),
    )


def measure(model, config, text_set, settings, results=RESULTS):
    """Recall by depth and length on books and decoys never seen, to a record.

    Args:
        model: from `train`.
        config: `training.passkey.PasskeyConfig`.
        text_set: `training.evaluation_texts.TextSet`.
        settings: `RecallSettings`.
        results: path of the folder of records.
    """
    record = EvaluationRecord(
        pathlib.Path(results) / f"{config.name}.{text_set.name}.json",
        model,
        config.name,
        dataclasses.asdict(settings),
        parameters=parameters(model, config),
        context_length=config.reads,
        theoretical_reach=None if config.reads is None else config.reads - 1,
    )
    model = long_enough(model, config, max(settings.lengths))
    for length in settings.lengths:
        began = time.perf_counter()
        examples = passkey_examples(text_set.texts, length, settings)
        found = is_right(model, examples, config, _side_by_side(length))
        scores = score_recall(examples, found, chance=0.1 ** len(ANSWER_BYTES))
        _LOGGER.info("%d bytes: %.3f of %d", length, found.mean(), len(found))
        record.add(
            "encoder_recall",
            text_set,
            time.perf_counter() - began,
            kind="passkey",
            protocol=f"all digits right, {num_decoys_for(length)} decoys",
            length=length,
            scores=[dataclasses.asdict(score) for score in scores],
        )


def long_enough(model, config, length):
    """The model, its positions repeated if texts are longer than they are.

    Args:
        model: from `training.passkey.build_passkey_model`.
        config: `training.passkey.PasskeyConfig`.
        length: int. Bytes of the texts.

    Returns:
        The model, or one of the same weights.
    """
    row_length = _row_length(length, config)
    if config.family == "lstm" or row_length <= model.backbone.max_sequence_length:
        return model
    return model.extend_positions(row_length)


def parameters(model, config):
    """Number of weights of a model, with one period of positions.

    Args:
        model: from `training.passkey.build_passkey_model`.
        config: `training.passkey.PasskeyConfig`.

    Returns:
        int.
    """
    if config.family == "lstm":
        return model.count_params()
    repeated = model.backbone.max_sequence_length - config.position_period
    return model.count_params() - repeated * config.hidden_dim


def export(model, config, run, folder):
    """Add a trained encoder to a folder of models, with one period of positions.

    Args:
        model: from `train`.
        config: `training.passkey.PasskeyConfig`.
        run: `longkeras.fitting.RunFolder`.
        folder: path of the folder with `manifest.json`.
    """
    short = build_passkey_model(config)
    table = short.backbone.position_embedding.position_embeddings
    long_table = model.backbone.position_embedding.position_embeddings
    for target, source in zip(short.weights, model.weights, strict=True):
        if source is not long_table:
            target.assign(source)
    table.assign(long_table[: table.shape[0]])
    preset = pathlib.Path(folder) / config.name
    save_model(short, preset)
    write_json(preset / "training.json", run.record(config))
    entry = {
        "name": config.name,
        "title": f"Pass-key encoder ({config.family})",
        "title_zh": f"密钥编码器（{config.family}）",
        "family": config.family,
        "task": "token_classifier",
        # The page's texts are longer than those that the others read.
        "capabilities": ["key_search"] if config.family == "longformer" else [],
        "path": config.name,
        "parameters": short.count_params(),
        "sha256": file_digests(preset),
        "recipe": {
            "command": "python -m training.recipes.passkey_encoder --data DIR "
            f"--model {config.name}",
            "record": "training.json",
        },
        "date": datetime.date.today().isoformat(),
    }
    add_to_manifest(folder, entry)


def _texts(data, split):
    return [book.text.encode() for book in load_books(data, split, ["en"])]


def _row_length(length, config):
    return labelled([], length, config)[1].shape[1]


def _side_by_side(length):
    return max(1, _BYTES_AT_ONCE // length)


def _parse(argv):
    parser = recipe_parser(__doc__, "folder of the run; default runs/<model>")
    parser.add_argument("--model", choices=sorted(PASSKEY_MODELS), required=True)
    parser.add_argument("--epoch-steps", type=int, default=50)
    parser.add_argument(
        "--last-steps", type=int, help="of the last stage: to go on where a run ended"
    )
    parser.add_argument(
        "--decay-fraction", type=float, help="of all steps: those of a falling rate"
    )
    parser.add_argument("--measure", action="store_true", help="write a record")
    parser.add_argument("--results", default=RESULTS, help="folder of the records")
    parser.add_argument("--lengths", type=int, nargs="+", help="of --measure, bytes")
    parser.add_argument("--depths", type=float, nargs="+", help="of --measure")
    parser.add_argument("--repeats", type=int, help="of --measure, at each depth")
    parser.add_argument("--export", help="folder of finished models")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
