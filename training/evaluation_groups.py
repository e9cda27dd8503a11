"""Measurements that may be compared: those at the same places of the same texts."""

# What decides which places of a text are drawn.
_DRAWN_BY = {
    "context": ("context_bytes", "target_bytes", "passages", "seed"),
    "positions": ("position_length", "passages", "seed"),
}


def at_the_same_places(records, task, perturbation=None):
    """Measurements of a task, group by group.

    Args:
        records: list of dict, from `training.evaluation_record.read_records`.
        task: `"context"` or `"positions"`.
        perturbation: str. Which, of the task `"context"`. Defaults to `None`.

    Returns:
        list of groups, each a list of `(model's name, measurement)`.
    """
    groups = {}
    for record in records:
        drawn = tuple(record["settings"].get(name) for name in _DRAWN_BY[task])
        for one in record["measurements"]:
            if one["task"] == task and one.get("perturbation") == perturbation:
                group = groups.setdefault((one["texts"], drawn), [])
                group.append((record["model"]["name"], one))
    return [groups[each] for each in sorted(groups)]
