"""Models and sample texts that the page offers, with their names."""

from longkeras.app.messages import Words
from longkeras.serving.key_finder import KEY_LENGTHS
from longkeras.serving.limits import MAX_READ_BYTES

AMOUNTS = (20_000, 100_000, 500_000)
"""Choices of how many bytes to read, besides all of them."""


class Catalogue:
    """Models and samples by name, with their titles in each language.

    Args:
        registry: `longkeras.serving.ModelRegistry`.
        samples: sequence of `longkeras.data.Sample`.
    """

    def __init__(self, registry, samples):
        self.registry = registry
        self.samples = {sample.name: sample for sample in samples}

    def model_words(self, name):
        """Return the title of a model.

        Args:
            name: str. One of the registry's names.

        Returns:
            `Words`.
        """
        entry = self.registry.entry(name)
        return Words(entry.title, entry.title_zh)

    def models_words(self, names):
        """Return the titles of several models, joined to one list, as `Words`."""
        words = [self.model_words(name) for name in names]
        return Words(
            ", ".join(each.en for each in words), "、".join(each.zh for each in words)
        )

    def model_title(self, name, language):
        """Return the title of a model in a language (`"en"` or `"zh"`)."""
        return self.model_words(name).text(language)

    def model_colour(self, name):
        """Return the index of the colour that always stands for a model.

        Args:
            name: str. One of the registry's names.

        Returns:
            int.
        """
        return self.registry.names("reading").index(name) % 6

    def model_choices(self, language):
        """Return `(title, name)` of each model."""
        names = self.registry.names("reading")
        return [(self.model_title(name, language), name) for name in names]

    def sample_words(self, name):
        """Return the title of a sample, as `Words`."""
        sample = self.samples[name]
        return Words(sample.title, sample.title_zh)

    def sample_choices(self, language):
        """Return `(title, name)` of each sample."""
        return [(self.sample_words(name).text(language), name) for name in self.samples]

    def key_text_choices(self, language):
        """Return `(title, name)` of the samples in which a key can be hidden.

        They are long enough, and in English, as the encoder's training texts.
        """
        return [
            (self.sample_words(name).text(language), name)
            for name, sample in self.samples.items()
            if sample.language == "en" and sample.characters > max(KEY_LENGTHS)
        ]

    def amounts(self):
        """Return the choices of how many bytes to read; the last is all of them."""
        return [
            *(amount for amount in AMOUNTS if amount < MAX_READ_BYTES),
            MAX_READ_BYTES,
        ]
