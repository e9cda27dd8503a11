"""Checks and defaults of the arguments that tasks share."""

import keras_hub

from longkeras.models.text_tasks.heads import POOLINGS


def check_family(task, backbone, preprocessor):
    """Raise a `ValueError` for a backbone or a preprocessor of another family.

    The task names its family by `backbone_cls` and `preprocessor_cls`, and may say in
    `backbone_advice` where a backbone comes from.
    """
    if not isinstance(backbone, task.backbone_cls):
        raise ValueError(
            f"`backbone` must be a `longkeras.models.{task.backbone_cls.__name__}`"
            f"{getattr(task, 'backbone_advice', '')}. Received: backbone={backbone!r}"
        )
    is_preprocessor = isinstance(preprocessor, keras_hub.models.Preprocessor)
    served = preprocessor.backbone_cls if is_preprocessor else None
    if preprocessor is not None and not (served and isinstance(backbone, served)):
        library = task.preprocessor_cls.__module__.partition(".")[0]
        family = task.preprocessor_cls.backbone_cls.__name__.removesuffix("Backbone")
        raise ValueError(
            f"`preprocessor` must be one of `{library}.models.{family}...Preprocessor`"
            f", made with a tokenizer, or None. Received: preprocessor={preprocessor!r}"
        )


def check_pooling(pooling):
    """Raise a `ValueError` for an unknown `pooling`."""
    if pooling not in POOLINGS:
        raise ValueError(
            f'`pooling` must be "first" or "mean". Received: pooling={pooling!r}'
        )
