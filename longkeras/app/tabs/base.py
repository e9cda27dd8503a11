"""What every tab of the page is."""


class Tab:
    """Components by name, in `parts`, which can change their language.

    A subclass has `name` (its folder's), `states` (names of the parts
    that hold what a session has made), `build`, `labels` and `retold`.

    Args:
        catalogue: `Catalogue`.
    """

    name: str
    states: tuple[str, ...] = ()

    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.parts = {}

    @property
    def title(self):
        """The key of the tab's title."""
        return f"{self.name}.title"

    def build(self, language):
        """Make the components in the Blocks around, and connect their events.

        Args:
            language: `gradio.Radio` that holds the page's language.
        """
        raise NotImplementedError

    def labels(self, language):
        """Return what the components say in a language.

        Args:
            language: str. `"en"` or `"zh"`.

        Returns:
            dict of a component's name to a dict of its arguments.
        """
        raise NotImplementedError

    def retold(self, held, language):
        """Return what a session holds, told again in another language.

        Args:
            held: list. The values of the components named in `states`.
            language: str. `"en"` or `"zh"`.

        Returns:
            dict of str to values, by the component's name.
        """
        raise NotImplementedError
