"""Prediction with the networks of a model folder, one or several, on the CPU."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from scipy.special import expit, logit

from oncotrace.errors import InputError, ModelError
from oncotrace.learning.dropout_looks import drawn_kept, has_dropout
from oncotrace.learning.model_folder import ModelFolder
from oncotrace.learning.onnx_file import INPUT, OUTPUTS, open_session
from oncotrace.learning.plan import Plan
from oncotrace.learning.windows import over_windows

Axis = Literal["z", "y", "x"]
Flip = tuple[Axis, ...]

_ALMOST_CERTAIN = 1e-15


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the networks say about one case.

    Where the recipe names labels, logits and probabilities have an axis of labels before [z, y, x],
    in the recipe's order; `of_label` is what is said of one.
    """

    logits: NDArray[np.float32]
    """[z, y, x]; of several members, the logit of their mean probability."""
    member_probabilities: NDArray[np.float32]
    """[m, z, y, x]: of every network in every orientation and every look."""
    member_features: NDArray[np.float32]
    """[m, k]: mean of the bottleneck. Each network has features of its own kind."""

    @property
    def probability(self) -> NDArray[np.float32]:
        """Mean probability of the members [z, y, x]."""
        mean: NDArray[np.float32] = self.member_probabilities.mean(axis=0)
        return mean

    @property
    def features(self) -> NDArray[np.float32]:
        """Mean of the members' features [k]."""
        mean: NDArray[np.float32] = self.member_features.mean(axis=0)
        return mean

    def of_label(self, place: int) -> "Prediction":
        """Return what is said of the label at that place of the recipe's, without the axis."""
        return Prediction(
            self.logits[place], self.member_probabilities[:, place], self.member_features
        )


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """Networks that are averaged, each in several orientations."""

    plan: Plan
    folds: tuple[int, ...]
    sessions: tuple[ort.InferenceSession, ...]
    flips: tuple[Flip, ...]
    """Axes that are flipped in each orientation; ``((),)`` is none."""
    dropout_looks: int = 0
    """So many times more every network looks in every orientation, without some features."""
    seed: int = 0
    """Of what is left out."""

    def with_dropout_looks(self, looks: int, seed: int) -> "Predictor":
        """Return a predictor that looks so many times more; see ``dropout_looks``.

        Raises
        ------
        ModelError
            Its networks were trained without dropout.
        """
        if looks and not all(map(has_dropout, self.sessions)):
            raise ModelError(
                "the model was trained without dropout, so it says the same at every look.",
                hint="Leave the looks out, or train with network.dropout above 0.",
                code="no-dropout",
            )
        return replace(self, dropout_looks=looks, seed=seed)

    def predict(self, channels: NDArray[np.float32]) -> Prediction:
        """Prediction for channels [c, z, y, x], in the recipe's order.

        Raises
        ------
        InputError
            The channels are not what the plan expects.
        ModelError
            A network fails on them.
        """
        self._require_fitting(channels)
        members = list(self._members(channels.astype(np.float32, copy=False)))
        logits = np.stack([member[0] for member in members])
        probabilities: NDArray[np.float32] = expit(logits)
        return Prediction(
            logits=logits[0] if len(members) == 1 else _mean_logit(logits),
            member_probabilities=probabilities,
            member_features=np.stack([member[1] for member in members]),
        )

    def _members(
        self, channels: NDArray[np.float32]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        for fold, session in zip(self.folds, self.sessions, strict=True):
            for flip in self.flips:
                axes = tuple("zyx".index(axis) for axis in flip)
                flipped = np.ascontiguousarray(np.flip(channels, tuple(axis + 1 for axis in axes)))
                for kept in self._looks(fold, session):
                    run = partial(_run, session, fold, kept, self.plan.recipe.label_axis)
                    logits, features = over_windows(run, flipped, self.plan)
                    yield np.flip(logits, tuple(axis - 3 for axis in axes)), features

    def _looks(
        self, fold: int, session: ort.InferenceSession
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Yield the inputs of every look; nothing is left out in the first."""
        yield {}
        for look in range(self.dropout_looks):
            seed = np.random.SeedSequence(self.seed, spawn_key=(fold, look))
            yield drawn_kept(session, self.plan, np.random.default_rng(seed))

    def _require_fitting(self, channels: NDArray[np.float32]) -> None:
        names = self.plan.recipe.channels.names
        grid = self.plan.sample_grid_zyx or channels.shape[1:]
        if channels.ndim != 4 or channels.shape != (len(names), *grid):
            raise InputError(
                f"the network takes the channels {', '.join(names)} on a grid of {grid}, "
                f"found an array of {channels.shape}.",
                code="wrong-channels",
            )
        if not np.isfinite(channels).all():
            raise InputError(
                "the channels hold values that are not numbers (NaN or infinite).",
                hint="Replace them by the background value before segmenting.",
                code="not-finite",
            )


def load_predictor(
    model: ModelFolder,
    *,
    folds: Collection[int] | None = None,
    flips: tuple[Flip, ...] = ((),),
    threads: int,
) -> Predictor:
    """Open the networks of a model.

    Parameters
    ----------
    folds
        Which networks are averaged; all unless given.
    flips
        Orientations that are averaged, each as the axes to flip.
    threads
        Threads that one network uses.

    Raises
    ------
    ModelError
        A fold is missing or cannot be run.
    """
    chosen = tuple(sorted(model.networks if folds is None else folds))
    if not chosen:
        raise ModelError(
            f"no network of {model.name} is asked for.",
            hint="Name a fold, or get a model that has one.",
            code="missing-fold",
        )
    sessions = tuple(
        open_session(model.network(fold), f"fold_{fold}.onnx", threads=threads) for fold in chosen
    )
    return Predictor(model.plan, chosen, sessions, flips)


def _run(
    session: ort.InferenceSession,
    fold: int,
    kept: dict[str, NDArray[np.float32]],
    labels: tuple[int, ...],
    channels: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits [z, y, x], of several labels [l, z, y, x], and features [k]."""
    try:
        logits, features = session.run(list(OUTPUTS), {INPUT: channels[None], **kept})
    except Exception as error:  # onnxruntime has a dozen kinds of its own, none public
        raise ModelError(
            f"fold_{fold}.onnx cannot be run on channels of {channels.shape[1:]}.",
            hint="Get the model again, or export it again.",
            code="unusable-model",
        ) from error
    expected = (1, *labels, *channels.shape[1:])
    if logits.shape != expected or features.ndim != 2:
        raise ModelError(
            f"fold_{fold}.onnx gives logits of {logits.shape} and features of {features.shape}, "
            f"expected {expected} and (1, k).",
            hint="Get the model again, or export it again.",
            code="unusable-model",
        )
    return logits[0], features[0]


def _mean_logit(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logit of the mean probability over the first axis."""
    mean = expit(logits.astype(np.float64)).mean(axis=0)
    logits_of_mean: NDArray[np.float64] = logit(np.clip(mean, _ALMOST_CERTAIN, 1 - _ALMOST_CERTAIN))
    return logits_of_mean.astype(np.float32)
