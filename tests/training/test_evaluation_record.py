"""Measurements that may be compared in a table or a picture."""

from training.evaluation_record import comparable_measurements


def record(name, task="context", texts="books-en", perturbation=None, **settings):
    drawn = {"context_bytes": 992, "target_bytes": 32, "passages": 200, "seed": 1}
    measurement = {"task": task, "texts": texts}
    if perturbation is not None:
        measurement["perturbation"] = perturbation
    return {
        "model": {"name": name},
        "settings": {**drawn, "position_length": 2048, **settings},
        "measurements": [measurement],
    }


def names(groups):
    return sorted([name for name, _ in group] for group in groups)


def test_other_lengths_of_context_are_other_places():
    records = [
        record("a", perturbation="truncate"),
        record("b", perturbation="truncate", context_bytes=6112),
        record("c", perturbation="truncate", position_length=4096),
        record("d", perturbation="truncate", texts="books-zh"),
        record("e", perturbation="shuffle"),
        record("f", task="bits"),
    ]
    groups = comparable_measurements(records, "context", "truncate")
    assert names(groups) == [["a", "c"], ["b"], ["d"]]


def test_positions_are_those_of_passages_of_one_length():
    records = [
        record("a", task="positions"),
        record("b", task="positions", position_length=4096),
        record("c", task="positions", context_bytes=6112),
    ]
    assert names(comparable_measurements(records, "positions")) == [["a", "c"], ["b"]]
