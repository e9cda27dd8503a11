"""Train a byte-level AWD-LSTM: its dropouts, two penalties, and averaged SGD.

    python -m training.recipes.awd_lstm --data DIR --setting modern --texts plays

The setting `classic` is the authors' NT-ASGD, `modern` Muon with a rate that falls to
zero, and a mean of the weights only where validation gets worse all the same. The texts
are the books, or the megabyte of Shakespeare that `training.recipes.tinyshakespeare`
reads, where so much dropout is in its place.

Configuration, checkpoint, history, the trained model and its loss on texts that it has
not seen go to the folder; started again, a run goes on from its checkpoint, the mean of
the weights included. Windows are independent: no state is carried from one to the next.
"""

import argparse
import dataclasses
import json
import logging
import pathlib

import keras

from longkeras import save_model
from longkeras.data import Book, ByteCorpus, data_directory, load_books
from longkeras.evaluation import evaluate_books
from longkeras.fitting import (
    FiniteGuard,
    NonMonotoneAveraging,
    ProgressLog,
    TrainingCheckpoint,
    should_jit_compile,
)
from longkeras.fitting.checkpoint import write_json
from longkeras.models import (
    ByteTokenizer,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from training.optimizers import build_optimizer
from training.recipes import tinyshakespeare
from training.recipes.language_model import log_to

TEXTS = ("books", "plays")
_LOGGER = logging.getLogger("training")


@dataclasses.dataclass(frozen=True)
class AWDLSTMConfig:
    """Everything that decides a run; dropouts are those of the paper, but for bytes.

    Args:
        num_layers: int.
        hidden_dim: int. Of embedding and states, which are tied.
        embedding_dropout: float.
        input_dropout: float.
        dropout: float. Between layers.
        output_dropout: float.
        weight_dropout: float.
        activation_penalty: float. AR.
        slowness_penalty: float. TAR.
        sequence_length: int. Bytes of a window.
        batch_size: int. Windows a step.
        optimizer: str. `"sgd"`, or one of `training.optimizers.OPTIMIZERS`.
        learning_rate: float.
        warmup_steps: int. Steps of rising learning rate; SGD has none.
        decay_fraction: float. Share of the steps in which the rate falls to zero; SGD's
            does not fall.
        clip_norm: float. Largest norm of a step's gradient.
        weight_decay: float.
        patience: int. Epochs of the non-monotone rule.
        epochs: int.
        epoch_steps: int. Steps of an epoch.
        valid_steps: int. Batches of held-out text after an epoch.
        seed: int.
    """

    num_layers: int = 3
    hidden_dim: int = 256
    embedding_dropout: float = 0.0
    input_dropout: float = 0.1
    dropout: float = 0.25
    output_dropout: float = 0.1
    weight_dropout: float = 0.2
    activation_penalty: float = 2.0
    slowness_penalty: float = 1.0
    sequence_length: int = 128
    batch_size: int = 32
    optimizer: str = "sgd"
    learning_rate: float = 10.0
    warmup_steps: int = 100
    decay_fraction: float = 0.25
    clip_norm: float = 0.25
    weight_decay: float = 1.2e-6
    patience: int = 5
    epochs: int = 20
    epoch_steps: int = 200
    valid_steps: int = 20
    seed: int = 1

    @property
    def steps(self):
        """Optimizer steps of the run."""
        return self.epochs * self.epoch_steps

    @property
    def stage_rate(self):
        """The rate of a stage beside that of the one before: there is one stage."""
        return 1.0


SETTINGS = {
    "classic": AWDLSTMConfig(),
    "modern": AWDLSTMConfig(
        optimizer="muon", learning_rate=6e-3, clip_norm=1.0, weight_decay=0.01
    ),
}


def main(argv=None):
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--data", help="data folder; default LONGKERAS_DATA, or samples"
    )
    parser.add_argument("--setting", choices=sorted(SETTINGS), default="modern")
    parser.add_argument("--texts", choices=TEXTS, default="books")
    parser.add_argument("--output", help="default runs/awd-lstm-<setting>-<texts>")
    parser.add_argument("--test-bytes", type=int, default=100_000)
    sizes = ("num_layers", "hidden_dim", "sequence_length", "batch_size")
    changeable = (*sizes, "epochs", "epoch_steps", "valid_steps", "patience")
    for name in changeable:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    args = parser.parse_args(argv)
    changes = {
        name: getattr(args, name)
        for name in changeable
        if getattr(args, name) is not None
    }
    config = dataclasses.replace(SETTINGS[args.setting], **changes)
    folder = pathlib.Path(args.output or f"runs/awd-lstm-{args.setting}-{args.texts}")
    folder.mkdir(parents=True, exist_ok=True)
    log_to(folder / "log.txt")
    write_json(folder / "config.json", dataclasses.asdict(config))
    train_books, valid_books, test_books = read_texts(
        args.texts, data_directory(args.data)
    )
    model = train(config, train_books, valid_books, folder)
    save_model(model, folder / "model.keras")
    if args.texts == "plays":
        result = tinyshakespeare.measure(
            model, test_books[0].text, [config.sequence_length]
        )
    else:
        result = measure(model, test_books, args.test_bytes)
    write_json(folder / "result.json", result)
    _LOGGER.info(json.dumps(result))


def read_texts(name, data):
    """What is trained on, what decides when to average, and what is measured.

    Args:
        name: str, one of `TEXTS`.
        data: path of the data folder, or None for the bundled samples of books.

    Returns:
        Three lists of `longkeras.data.Book`; of the plays the last two are the same,
        as they are for nanoGPT.

    Raises:
        ValueError: If the data folder has no plays, and they are asked for.
    """
    if name == "books":
        return tuple(load_books(data, split) for split in ("train", "valid", "test"))
    text, held_out = tinyshakespeare.read_plays(data)
    held_out = [Book("plays", "en", held_out)]
    return [Book("plays", "en", text)], held_out, held_out


def train(config, books, valid_books, folder):
    """Train, going on from the folder's checkpoint if there is one.

    Args:
        config: `AWDLSTMConfig`.
        books: list of `longkeras.data.Book`.
        valid_books: list of `longkeras.data.Book`.
        folder: path of the run.

    Returns:
        The model, with the mean of its weights if the rule began to average.
    """
    keras.utils.set_random_seed(config.seed)
    sizes = config.sequence_length, config.batch_size
    windows = ByteCorpus(books, seed=config.seed)
    held_out = ByteCorpus(valid_books, seed=config.seed)
    model = build_model(config)
    compile_model(model, config)
    averaging = NonMonotoneAveraging(patience=config.patience)
    checkpoint = TrainingCheckpoint(folder, callbacks=[averaging])
    step = checkpoint.restore(model)
    _LOGGER.info("%d parameters, step %d", model.count_params(), step)
    progress = ProgressLog(
        config.steps,
        config.sequence_length * config.batch_size,
        first_step=step,
        bytes_per_token=1.0,
    )
    model.fit(
        windows.training_windows(*sizes, start_step=step),
        steps_per_epoch=config.epoch_steps,
        initial_epoch=step // config.epoch_steps,
        epochs=config.epochs,
        shuffle=False,
        validation_data=held_out.training_windows(*sizes, num_steps=config.valid_steps),
        callbacks=[FiniteGuard(), progress, averaging, checkpoint],
        verbose=0,
    )
    for row in checkpoint.history:
        _LOGGER.info("step %d: %.4f nats a byte", row["step"], row["val_loss"])
    _LOGGER.info("averaged the weights of %d steps", averaging.num_averaged)
    return model


def compile_model(model, config):
    """Compile with the setting's optimizer: the authors' is plain SGD.

    Args:
        model: from `build_model`.
        config: `AWDLSTMConfig`.
    """
    if config.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            config.learning_rate,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        )
    else:
        optimizer = build_optimizer(config)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=should_jit_compile(model, config.steps),
    )


def measure(model, books, max_bytes_per_book):
    """Bits a byte of books, each read in one pass.

    Args:
        model: from `train`.
        books: list of `longkeras.data.Book`.
        max_bytes_per_book: int. Read from the beginning of each.

    Returns:
        dict of language code to float.
    """
    scores = evaluate_books(model, books, max_bytes_per_book=max_bytes_per_book)
    return {
        language: round(score.bits_per_byte, 4) for language, score in scores.items()
    }


def build_model(config, tokenizer=None):
    """An AWD-LSTM with fresh weights.

    Args:
        config: `AWDLSTMConfig`.
        tokenizer: any with KerasHub's interface, of words, subwords or bytes.
            Defaults to `None`, `longkeras.models.ByteTokenizer`.

    Returns:
        `longkeras.models.RecurrentCausalLM`.
    """
    tokenizer = ByteTokenizer() if tokenizer is None else tokenizer
    backbone = RecurrentBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=config.num_layers,
        hidden_dim=config.hidden_dim,
        embedding_dropout=config.embedding_dropout,
        input_dropout=config.input_dropout,
        dropout=config.dropout,
        output_dropout=config.output_dropout,
        weight_dropout=config.weight_dropout,
        locked_dropout=True,
        activation_penalty=config.activation_penalty,
        slowness_penalty=config.slowness_penalty,
        seed=config.seed,
    )
    preprocessor = RecurrentCausalLMPreprocessor(tokenizer, config.sequence_length)
    return RecurrentCausalLM(backbone, preprocessor)


if __name__ == "__main__":
    main()
