"""Parts of tasks: checks of arguments, layers of heads, pooling."""

import keras
import keras_hub
from keras import ops


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


def head_dtype_policy(backbone):
    """Return the dtype policy for the layers of a head.

    It is the backbone's, or its default if layers have their own, as quantized ones do.
    """
    policy = backbone.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        return policy.default_policy
    return policy


def head_initializer():
    """Return the initializer of BERT's heads."""
    return keras.initializers.RandomNormal(stddev=0.02)


def head_dense(backbone, units, **options):
    """Return a dense layer of a head; `kernel_initializer` defaults to BERT's."""
    options.setdefault("kernel_initializer", head_initializer())
    return keras.layers.Dense(units, dtype=head_dtype_policy(backbone), **options)


def pool(hidden_states, padding_mask, pooling):
    """Return one vector for each text, `(batch, hidden_dim)`.

    Args:
        hidden_states: float tensor `(batch, sequence, hidden_dim)`.
        padding_mask: int tensor `(batch, sequence)`, 0 at padding.
        pooling: str. `"first"` takes the first token; `"mean"` the mean over all
            tokens that are not padding, computed in float32, and zero for a text
            without tokens.
    """
    if pooling == "first":
        return hidden_states[:, 0]
    dtype = keras.backend.result_type(hidden_states.dtype, "float32")
    is_token = ops.not_equal(padding_mask, 0)
    states = ops.cast(hidden_states, dtype)
    total = ops.sum(ops.where(is_token[..., None], states, 0.0), axis=1)
    count = ops.sum(ops.cast(is_token, dtype), axis=1, keepdims=True)
    return ops.cast(total / ops.maximum(count, 1.0), hidden_states.dtype)
