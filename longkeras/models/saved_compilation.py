"""Tasks that come back compiled as they were saved."""

from longkeras.models.copies import Copies


class SavedCompilation(Copies):
    """Compiles a reloaded task as it was saved. Must precede a task in the bases."""
