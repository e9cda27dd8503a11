"""Train a byte-level AWD-LSTM: its dropouts, two penalties, and averaged SGD.

    python -m training.recipes.awd_lstm --data DIR --setting modern --texts plays

The setting `classic` is the authors' NT-ASGD. `modern` is Muon with a learning rate
that falls to zero; it averages the weights only if validation gets worse nevertheless.
The texts are the books, or the megabyte of Shakespeare that
`training.recipes.tinyshakespeare` reads, where this much dropout helps.

Configuration, checkpoint, history, the trained model and its loss on unseen texts go to
the folder. A run that is started again continues from its checkpoint, including the
mean of the weights. Windows are independent: no state is carried from one to the next.
"""

import dataclasses
import logging

from longkeras import save_model
from longkeras.data import Book, ByteCorpus, data_directory, load_books
from longkeras.evaluation import evaluate_books
from longkeras.fitting import (
    NonMonotoneAveraging,
    OptimizerSettings,
    ProgressLog,
    RunFolder,
    compile_for_training,
    fit_steps,
)
from longkeras.models import (
    ByteTokenizer,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)
from training.command_line import recipe_parser, with_options
from training.plays import measure_plays, read_plays

TEXTS = ("books", "plays")
# Fields of a setting that the command line may change.
_CHANGEABLE = (
    "num_layers",
    "hidden_dim",
    "sequence_length",
    "batch_size",
    "epochs",
    "epoch_steps",
    "valid_steps",
    "patience",
)
_LOGGER = logging.getLogger("training")


@dataclasses.dataclass(frozen=True)
class AWDLSTMConfig:
    """Everything that decides a run; the dropouts are the paper's, adapted to bytes.

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
        optimizer: str. See `longkeras.fitting.OptimizerSettings`.
        learning_rate: float.
        warmup_steps: int. Steps of rising learning rate; SGD has none.
        decay_fraction: float. Share of the steps in which the rate falls to zero; SGD
            has none.
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
    def optimizer_settings(self):
        """The optimizer of the run."""
        return OptimizerSettings.from_config(self, steps=self.steps)


SETTINGS = {
    "classic": AWDLSTMConfig(),
    "modern": AWDLSTMConfig(
        optimizer="muon", learning_rate=6e-3, clip_norm=1.0, weight_decay=0.01
    ),
}


def main(argv=None):
    """Train and save."""
    args = _parse(argv)
    config = with_options(SETTINGS[args.setting], args)
    run = RunFolder(args.output or f"runs/awd-lstm-{args.setting}-{args.texts}")
    run.begin(config)
    train_books, valid_books, test_books = read_texts(
        args.texts, data_directory(args.data)
    )
    model = train(config, train_books, valid_books, run)
    save_model(model, run.path / "model.keras")
    if args.texts == "plays":
        lengths = [config.sequence_length]
        result = measure_plays(model, test_books[0].text, lengths)
    else:
        result = measure(model, test_books, args.test_bytes)
    run.write_result(result)


def read_texts(name, data):
    """Read what is trained on, what decides when to average, and what is measured.

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
    text, held_out = read_plays(data)
    held_out = [Book("plays", "en", held_out)]
    return [Book("plays", "en", text)], held_out, held_out


def train(config, books, valid_books, run):
    """Train, going on from the run's checkpoint if there is one.

    Args:
        config: `AWDLSTMConfig`.
        books: list of `longkeras.data.Book`.
        valid_books: list of `longkeras.data.Book`.
        run: `longkeras.fitting.RunFolder`.

    Returns:
        The model, with the mean of its weights if the rule began to average.
    """
    sizes = config.sequence_length, config.batch_size
    windows = ByteCorpus(books, seed=config.seed)
    held_out = ByteCorpus(valid_books, seed=config.seed)
    model = build_model(config)
    compile_for_training(model, config.optimizer_settings)
    averaging = NonMonotoneAveraging(patience=config.patience)
    checkpoint = run.checkpoint(callbacks=[averaging])
    step = checkpoint.restore(model)
    _LOGGER.info("%d parameters, step %d", model.count_params(), step)
    progress = ProgressLog(
        config.steps,
        config.sequence_length * config.batch_size,
        first_step=step,
        bytes_per_token=1.0,
    )
    fit_steps(
        model,
        lambda step: windows.training_windows(*sizes, start_step=step),
        step,
        config.steps,
        config.epoch_steps,
        checkpoint,
        [progress, averaging],
        held_out.training_windows(*sizes, num_steps=config.valid_steps),
    )
    for row in checkpoint.history:
        _LOGGER.info("step %d: %.4f nats a byte", row["step"], row["val_loss"])
    _LOGGER.info("averaged the weights of %d steps", averaging.num_averaged)
    return model


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


def _parse(argv):
    parser = recipe_parser(__doc__, "default runs/awd-lstm-<setting>-<texts>")
    parser.add_argument("--setting", choices=sorted(SETTINGS), default="modern")
    parser.add_argument("--texts", choices=TEXTS, default="books")
    parser.add_argument("--test-bytes", type=int, default=100_000)
    for name in _CHANGEABLE:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
