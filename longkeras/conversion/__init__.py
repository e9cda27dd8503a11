"""Checkpoints of Hugging Face, read and written."""

from longkeras.conversion.convert_to_long import convert_to_long
from longkeras.conversion.huggingface_reading import from_huggingface
from longkeras.conversion.huggingface_writing import to_huggingface

__all__ = ["convert_to_long", "from_huggingface", "to_huggingface"]
