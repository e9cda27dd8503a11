"""Checkpoints of Hugging Face, read and written."""

from longkeras.conversion.huggingface_reading import from_huggingface
from longkeras.conversion.huggingface_writing import to_huggingface

__all__ = ["from_huggingface", "to_huggingface"]
