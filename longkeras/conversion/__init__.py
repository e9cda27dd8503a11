"""Checkpoints of Hugging Face, read and written."""

from longkeras.conversion.read import from_huggingface
from longkeras.conversion.to_long.convert import convert_to_long
from longkeras.conversion.write import to_huggingface

__all__ = ["convert_to_long", "from_huggingface", "to_huggingface"]
