"""Train a byte-level AWD-LSTM: every dropout, two penalties, and averaged SGD.

    python -m training.recipes.awd_lstm --data DIR --output runs/awd-lstm

The trained model, its configuration and the history go to the folder. Windows are
independent: no state is carried from one to the next.
"""

import argparse
import dataclasses
import logging
import pathlib

import keras

from longkeras import save_model
from longkeras.data import ByteCorpus, data_directory, load_books
from longkeras.fitting import NonMonotoneAveraging, should_jit_compile
from longkeras.fitting.checkpoint import write_json
from longkeras.models import (
    ByteTokenizer,
    RecurrentBackbone,
    RecurrentCausalLM,
    RecurrentCausalLMPreprocessor,
)

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
    arguments = vars(parser.parse_args(argv))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    data, folder = data_directory(arguments.pop("data")), arguments.pop("output")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = AWDLSTMConfig(**arguments)
    write_json(folder / "config.json", dataclasses.asdict(config))
    model, history = train(config, data)
    write_json(folder / "history.json", history)
    save_model(model, folder / "model.keras")
    _LOGGER.info("held-out loss %.3f nats a byte", history["val_loss"][-1])


def train(config, data=None):
    """Train on books.

    Args:
        config: `AWDLSTMConfig`.
        data: path of the data folder. Defaults to `None`, the bundled samples.

    Returns:
        The model with the averaged weights, if the rule began to average, and the
        history, a dict of lists.
    """
    keras.utils.set_random_seed(config.seed)
    sizes = config.sequence_length, config.batch_size
    windows = ByteCorpus(load_books(data, "train"), seed=config.seed)
    held_out = ByteCorpus(load_books(data, "valid"), seed=config.seed)
    model = build_model(config)
    model.compile(
        keras.optimizers.SGD(
            config.learning_rate,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
        jit_compile=should_jit_compile(model),
    )
    averaging = NonMonotoneAveraging(patience=config.patience)
    history = model.fit(
        windows.training_windows(*sizes),
        steps_per_epoch=config.epoch_steps,
        epochs=config.epochs,
        shuffle=False,
        validation_data=held_out.training_windows(*sizes, num_steps=config.valid_steps),
        callbacks=[averaging],
        verbose=0,
    )
    _LOGGER.info("averaged the weights of %d steps", averaging.num_averaged)
    return model, history.history


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
