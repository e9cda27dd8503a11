"""Train a byte-level AWD-LSTM: every dropout, two penalties, and averaged SGD.

    python -m training.recipes.awd_lstm --data DIR --output runs/awd-lstm

Configuration, checkpoint, history, the trained model and its bits a byte of the test
books go to the folder; started again, a run goes on from its checkpoint, the mean of
the weights included. Windows are independent: no state is carried from one to the next.
"""

import argparse
import dataclasses
import json
import logging
import pathlib

import keras

from longkeras import save_model
from longkeras.data import ByteCorpus, data_directory, load_books
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
from training.recipes.language_model import log_to

_LOGGER = logging.getLogger("training")


@dataclasses.dataclass(frozen=True)
class AWDLSTMConfig:
    """Everything that decides a run; rates are those of the paper, but for bytes.

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
        learning_rate: float. Of plain SGD.
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
    learning_rate: float = 10.0
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


def main(argv=None):
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--data", help="data folder; default LONGKERAS_DATA, or samples"
    )
    parser.add_argument("--output", default="runs/awd-lstm", help="folder of the run")
    sizes = ("num_layers", "hidden_dim", "sequence_length", "batch_size")
    for name in (*sizes, "epochs", "epoch_steps", "valid_steps", "patience"):
        default = getattr(AWDLSTMConfig, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--test-bytes", type=int, default=100_000)
    arguments = vars(parser.parse_args(argv))
    arguments = {name: x for name, x in arguments.items() if x is not None}
    data = data_directory(arguments.pop("data", None))
    folder = pathlib.Path(arguments.pop("output"))
    test_bytes = arguments.pop("test_bytes")
    folder.mkdir(parents=True, exist_ok=True)
    log_to(folder / "log.txt")
    config = AWDLSTMConfig(**arguments)
    write_json(folder / "config.json", dataclasses.asdict(config))
    model = train(config, data, folder)
    save_model(model, folder / "model.keras")
    result = measure(model, data, test_bytes)
    write_json(folder / "result.json", result)
    _LOGGER.info(json.dumps(result))


def train(config, data, folder):
    """Train on books, going on from the folder's checkpoint if there is one.

    Args:
        config: `AWDLSTMConfig`.
        data: path of the data folder, or None for the bundled samples.
        folder: path of the run.

    Returns:
        The model, with the mean of its weights if the rule began to average.
    """
    keras.utils.set_random_seed(config.seed)
    sizes = config.sequence_length, config.batch_size
    windows = ByteCorpus(load_books(data, "train"), seed=config.seed)
    held_out = ByteCorpus(load_books(data, "valid"), seed=config.seed)
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
    _LOGGER.info("averaged the weights of %d steps", averaging.num_averaged)
    return model


def compile_model(model, config):
    """Compile with plain SGD, as the authors have it.

    Args:
        model: from `build_model`.
        config: `AWDLSTMConfig`.
    """
    model.compile(
        keras.optimizers.SGD(
            config.learning_rate,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=should_jit_compile(model, config.steps),
    )


def measure(model, data, max_bytes_per_book):
    """Bits a byte of the test books, each read in one pass.

    Args:
        model: from `train`.
        data: path of the data folder, or None for the bundled samples.
        max_bytes_per_book: int. Read from the beginning of each.

    Returns:
        dict of language code to float.
    """
    books = load_books(data, "test")
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
