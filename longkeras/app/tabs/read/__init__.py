"""The *Read* tab: models read one text, side by side, and continue it."""
