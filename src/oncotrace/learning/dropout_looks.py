"""What a network says when some of its features are left out: Monte-Carlo dropout.

A network that was trained with dropout has an input for each such layer, called ``...kept``: a
factor for every channel, or for every value of the features. Without it nothing is left out. Drawn
as in training, and drawn again for every look, it tells how much the answer hangs on single
features (Gal and Ghahramani 2016, arXiv:1506.02142).
"""

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from oncotrace.errors import ModelError
from oncotrace.learning.onnx_file import KEPT
from oncotrace.learning.plan import Plan


def has_dropout(session: ort.InferenceSession) -> bool:
    """Whether the network was trained with dropout, so that it can be asked again without some."""
    return bool(_inputs(session))


def drawn_kept(
    session: ort.InferenceSession, plan: Plan, rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Draw the inputs of one look: 0 for what is left out, the others larger in the same measure.

    Raises
    ------
    ModelError
        The network does not fit its plan.
    """
    share = plan.recipe.network.dropout
    kept = {}
    for name, dimensions in _inputs(session).items():
        shape = [_size(dimension, plan) for dimension in dimensions]
        stays = rng.random(shape) >= share
        kept[name] = (stays / (1 - share)).astype(np.float32)
    return kept


def _inputs(session: ort.InferenceSession) -> dict[str, list[int | str]]:
    given = session.get_overridable_initializers()
    return {part.name: part.shape for part in given if part.name.endswith(f".{KEPT}")}


def _size(dimension: int | str, plan: Plan) -> int:
    """Size of a dimension, which says ``y/8`` where it is an eighth of the grid's."""
    if isinstance(dimension, int):
        return dimension
    axis, _, stride = dimension.partition("/")
    if plan.grid_xyz is None or axis not in ("x", "y", "z") or not stride.isdecimal():
        raise ModelError(
            f"the network leaves out features on a grid {dimension!r} that its plan does not know.",
            hint="Get the model again, or export it again.",
            code="unusable-model",
        )
    return plan.grid_xyz["xyz".index(axis)] // int(stride)
