"""A word-piece tokenizer of a few words, and a preprocessor of each kind over it."""

from longkeras import models

SPECIAL = "[PAD] [UNK] [CLS] [SEP] [MASK]"
WORDS = "who is it the long ##er text of a dog and fox 中 文 . ?"
VOCABULARY = f"{SPECIAL} {WORDS}".split()
CLS, SEP, MASK = 2, 3, 4
TASKS = ("TextClassifier", "MaskedLM", "QuestionAnswerer", "TokenClassifier")


def tokenizer():
    return models.LongformerTokenizer.from_word_piece(VOCABULARY)


def preprocessor(task, **arguments):
    kind = getattr(models, f"Longformer{task}Preprocessor")
    if task == "MaskedLM":
        arguments = {"seed": 3, **arguments}
    return kind(tokenizer(), **arguments)


def ids(text):
    """Ids of words between spaces."""
    return [VOCABULARY.index(word) for word in text.split()]
