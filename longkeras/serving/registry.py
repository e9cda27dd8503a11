"""Which models there are, loaded when first needed."""


class ModelRegistry:
    """The models of a folder with a manifest.

    The manifest is read at once and nothing else: listing models costs no import of
    keras. A model is loaded when first asked for, after every file of its folder was
    compared with its digest, and then kept. Safe to use from many threads.

    Args:
        folder: str. A folder with a `manifest.json`. Defaults to the `saved_models`
            folder of the project.

    Raises:
        CheckpointError: (a `ValueError`) the folder has no readable manifest.
    """

    def __init__(self, folder=None):
        raise NotImplementedError

    def names(self):
        """Return the models' names, in the manifest's order.

        Returns:
            tuple of str.
        """
        raise NotImplementedError

    def entry(self, name):
        """Return what the manifest says of a model.

        Args:
            name: str. One of `names()`.

        Returns:
            `ModelEntry`.

        Raises:
            ValueError: there is no such model.
        """
        raise NotImplementedError

    def load(self, name):
        """Return a model, loading it the first time.

        Args:
            name: str. One of `names()`.

        Returns:
            `SharedModel`: the same object every time.

        Raises:
            CheckpointError: (a `ValueError`) a file is missing or is not the one of
                the manifest.
        """
        raise NotImplementedError

    def is_loaded(self, name):
        """Return whether a model was loaded already.

        Args:
            name: str. One of `names()`.

        Returns:
            bool.
        """
        raise NotImplementedError

    def warm_up(self, name):
        """Load a model and compile what reading and continuing need.

        Args:
            name: str. One of `names()`.

        Returns:
            float: the seconds it took; close to 0 the second time.
        """
        raise NotImplementedError
