"""What the targets of every case with contestants are told with."""


def find_point(measured, **keys):
    """The first of the points that has these values, or None."""
    for point in measured:
        if all(point.get(name) == value for name, value in keys.items()):
            return point
    return None


def median_seconds(point):
    """The median of a point's turns."""
    return point["seconds"]["median"]


def target_row(target, reached, is_met=None):
    """A row of the report's table: texts, and a bool or None for no verdict."""
    return {"target": target, "reached": reached, "is_met": is_met}
