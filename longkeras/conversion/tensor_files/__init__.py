"""Files of named tensors: safetensors and PyTorch's, read without running anything."""
