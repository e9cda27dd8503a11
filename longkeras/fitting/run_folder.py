"""The folder of a training run."""

import dataclasses
import json
import logging
import pathlib

import keras

from longkeras.fitting.checkpoint import TrainingCheckpoint, write_json

_LOGGER = logging.getLogger("longkeras.fitting")


class RunFolder:
    """The files of one training run.

    | file | content |
    |---|---|
    | `config.json` | the configuration |
    | `log.txt` | the log, which a resumed run continues |
    | `checkpoint.weights.h5`, `best.weights.h5` | see `TrainingCheckpoint` |
    | `history.json` | the numbers of each checkpoint |
    | `result.json` | the results at the end |

    Args:
        path: path. Created if missing.

    Example:

    ```python
    import dataclasses

    from longkeras.fitting import RunFolder

    @dataclasses.dataclass(frozen=True)
    class Config:
        steps: int = 100
        seed: int = 1

    run = RunFolder("runs/example")
    run.begin(Config())
    assert run.record(Config()) == {"config": {"steps": 100, "seed": 1}, "history": []}
    ```
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    def begin(self, config):
        """Start the log, write the configuration and set the seed.

        Args:
            config: dataclass with a field `seed`.
        """
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(message)s",
            handlers=[
                logging.StreamHandler(),
                logging.FileHandler(self.path / "log.txt", encoding="utf-8"),
            ],
            force=True,
        )
        write_json(self.path / "config.json", dataclasses.asdict(config))
        keras.utils.set_random_seed(config.seed)

    def checkpoint(self, **options):
        """The checkpoint of the run.

        Args:
            **options: See `longkeras.fitting.TrainingCheckpoint`.

        Returns:
            `longkeras.fitting.TrainingCheckpoint`.
        """
        return TrainingCheckpoint(self.path, **options)

    def record(self, config):
        """The configuration and the history, to be saved beside an exported model.

        Args:
            config: dataclass.

        Returns:
            dict: `config`, and `history`, a list of one dict per checkpoint.
        """
        path = self.path / "history.json"
        history = json.loads(path.read_text("utf-8")) if path.exists() else []
        return {"config": dataclasses.asdict(config), "history": history}

    def write_result(self, result):
        """Write and log the results at the end.

        Args:
            result: dict of values that `json` can write.
        """
        write_json(self.path / "result.json", result)
        _LOGGER.info(json.dumps(result))
