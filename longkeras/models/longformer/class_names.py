"""Names of the classes that a head tells apart."""


def check_class_names(class_names, num_classes):
    """Refuse names that are not one a class.

    Args:
        class_names: list of str, or None.
        num_classes: int.

    Raises:
        ValueError: If their number is another.
    """
    if class_names is None:
        return
    if not isinstance(class_names, list | tuple) or len(class_names) != num_classes:
        raise ValueError(
            "`class_names` must be a list of one name a class. Received: "
            f"num_classes={num_classes}, class_names={class_names}"
        )
