"""Helpers for the targets of cases with contestants."""


def find_point(measured, **keys):
    """The first point with these values, or None."""
    for point in measured:
        if all(point.get(name) == value for name, value in keys.items()):
            return point
    return None


def median_seconds(point):
    """The median of a point's turns."""
    return point["seconds"]["median"]


def target_row(target, reached, is_met=None):
    """A row of the table of targets. `is_met` is None if there is no target."""
    return {"target": target, "reached": reached, "is_met": is_met}
