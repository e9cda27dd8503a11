"""The words of a corpus, by how often they stand there."""

import collections
from collections.abc import Iterable

from longkeras.text.subword_definition import word_splitter


def frequent_words(
    texts: Iterable[str],
    num_words: int | None = None,
    lowercase: bool = False,
    split_punctuation: bool = False,
) -> list[str]:
    """The most frequent words of texts, for `SubwordTokenizer.from_words`.

    Args:
        texts: iterable of str.
        num_words: int. How many, at most. Defaults to `None`, all.
        lowercase: bool. Whether texts are lowercased. Give `from_words` the same.
            Defaults to `False`.
        split_punctuation: bool. Whether punctuation marks are words, and not parts of
            them. Defaults to `False`.

    Returns:
        list of str, the most frequent first; of equals, the one that stood first.

    Example:

    ```python
    from longkeras.text import SubwordTokenizer, frequent_words

    words = frequent_words(["to be or not to be"], num_words=2)
    assert words == ["to", "be"]
    tokenizer = SubwordTokenizer.from_words(words)
    assert tokenizer("to be , to sleep").tolist() == [4, 5, 3, 4, 3]
    assert tokenizer.detokenize([4, 5]) == "to be"
    ```
    """
    from tokenizers import normalizers

    splitter = word_splitter(split_punctuation)
    # Not `str.lower`, which writes a sigma at the end of a word otherwise.
    lower = normalizers.Lowercase().normalize_str
    counts: collections.Counter[str] = collections.Counter()
    for text in texts:
        text = lower(text) if lowercase else text
        counts.update(word for word, _ in splitter.pre_tokenize_str(text))
    return [word for word, _ in counts.most_common(num_words)]
