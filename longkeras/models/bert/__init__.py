"""BERT as its checkpoints are: KerasHub's, with their activation and epsilon."""
