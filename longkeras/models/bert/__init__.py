"""KerasHub's BERT, with the activation and epsilon of its checkpoints."""
