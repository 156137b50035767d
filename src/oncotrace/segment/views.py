"""One tumour on several images of different planes: each is segmented by itself, then joined.

A thick-sliced image tells where the tumour ends within its plane, and hardly where it ends across
it; an image of another plane knows just that. So every model segments its own image, the
probabilities are laid onto the first image's grid (linearly, in LPS mm), and where several images
have a field of view their mean counts; elsewhere the first alone does. The mask is where that is at
least one half, tidied up in the way of the first image's model.

The same clicks guide all models, since they are points in the patient.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, SegmentationRequest, Segmenter
from oncotrace.domain.view import AcquisitionPlane, acquisition_plane
from oncotrace.errors import InputError, ModelError, OncotraceError
from oncotrace.imaging.overlap import dice
from oncotrace.segment.coarse_to_fine import LocatedSegmenter
from oncotrace.segment.finish import NOTHING_LEFT
from oncotrace.segment.joining import laid_onto, mean_where_seen, tidied
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.planned_input import is_published, needs_clicks
from oncotrace.segment.published_finish import PostProcessing, plan_post_processing


@dataclass(frozen=True, eq=False)
class OtherView:
    """A further image of the tumour, and what segments it."""

    scan: Scan
    modality: Modality
    segmenter: Segmenter


@dataclass(frozen=True, eq=False)
class SeenView:
    """What one image contributed.

    Parameters
    ----------
    name
        Its plane; with a number where an earlier image has the same.
    mask
        What its model made of it alone, on its own grid.
    dice_with_joined
        How far that, laid onto the first image's grid, agrees with the joined mask.
    share_seen
        Share of the joined mask that lies in the image's field of view.
    """

    name: str
    plane: AcquisitionPlane
    maker: str
    mask: Mask
    dice_with_joined: float
    share_seen: float


@dataclass(frozen=True, eq=False)
class JoinedSegmentation(Segmentation):
    """A mask joined from several images, and what each contributed, the first one first."""

    views: tuple[SeenView, ...] = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class _Look:
    """One image as its model has segmented it, with the probability on the image's own grid."""

    name: str
    plane: AcquisitionPlane
    made: Segmentation
    probability: NDArray[np.float32]

    @property
    def grid(self) -> Geometry:
        return self.made.mask.geometry


@dataclass(frozen=True, eq=False)
class JoinedSegmenter:
    """Segments the request's images with the first segmenter, and joins what others say of theirs.

    Parameters
    ----------
    others
        At least one.
    """

    first: Segmenter
    others: tuple[OtherView, ...]

    def segment(self, request: SegmentationRequest) -> JoinedSegmentation:
        """Segment the tumour on the grid of the request's first image.

        The quality is not predicted: that was learnt from single images.

        Raises
        ------
        InputError
            One of the images cannot be segmented, and the message names its view; or it shows
            nothing of what the first one shows.
        ModelError
            A model gives no probabilities, or is none for its image.
        """
        asked = [request]
        asked += [
            SegmentationRequest({other.modality: other.scan}, request.clicks, request.seed)
            for other in self.others
        ]
        planes = [acquisition_plane(_first_grid(of)) for of in asked]
        segmenters = (self.first, *(other.segmenter for other in self.others))
        looks = [
            _look(name, plane, segmenter, of)
            for name, plane, segmenter, of in zip(
                _view_names(planes), planes, segmenters, asked, strict=True
            )
        ]
        return self._joined(looks, request)

    def _joined(self, looks: Sequence[_Look], request: SegmentationRequest) -> JoinedSegmentation:
        first, *others = looks
        there = [laid_onto(first.grid, look.probability, look.grid) for look in others]
        for look, values in zip(others, there, strict=True):
            _require_common_field(look.name, values)
        mean = mean_where_seen(first.probability, there)
        kind = _post_processing(self.first, with_clicks=request.clicks is not None)
        mask, probability = tidied(mean, first.grid, request.clicks, kind)
        on_first_grid = [first.probability, *there]
        views = tuple(_seen(*of, mask) for of in zip(looks, on_first_grid, strict=True))
        joined = f"joined on the grid of the {first.name} view: mean probability of {len(looks)}"
        return JoinedSegmentation(
            mask,
            maker=" + ".join(dict.fromkeys(look.made.maker for look in looks)),
            probability=probability,
            history=(*(step for look in looks for step in _history(look)), f"{joined} views"),
            warnings=_warnings(views, looks, mask),
            seconds=_seconds(looks),
            views=views,
        )


def _look(
    name: str, plane: AcquisitionPlane, segmenter: Segmenter, request: SegmentationRequest
) -> _Look:
    """Segmentation of one image; what is wrong with it names its view."""
    try:
        made = segmenter.segment(request)
    except OncotraceError as error:
        text = f"{name} view: {error.message}"
        raise type(error)(text, hint=error.hint, code=error.code) from error
    if made.probability is None:
        raise ModelError(
            f"{made.maker} gives no probabilities, which joining views needs.",
            hint="Choose another model for this image, or leave the view out.",
            code="no-probability",
        )
    return _Look(name, plane, made, made.probability)


def _post_processing(segmenter: Segmenter, *, with_clicks: bool) -> PostProcessing | None:
    """Post-processing that a model's plan names; none where the clicks say which pieces count."""
    if not isinstance(segmenter, NetworkSegmenter | LocatedSegmenter):
        return None
    plan = segmenter.predictor.plan
    if with_clicks and needs_clicks(plan.recipe) and not is_published(plan):
        return None
    return plan_post_processing(plan)


def _require_common_field(name: str, there: NDArray[np.float32]) -> None:
    if not (there >= 0).any():
        raise InputError(
            f"the image of the {name} view shows no part of the body that the first one shows.",
            hint="Give images of the same patient whose fields of view overlap, in one frame of "
            "reference.",
            code="no-common-field",
        )


def _seen(look: _Look, on_first_grid: NDArray[np.float32], joined: Mask) -> SeenView:
    alone = Mask(on_first_grid >= np.float32(0.5), joined.geometry)
    share = 1.0 if joined.is_empty else float(np.mean(on_first_grid[joined.voxels] >= 0))
    agreement = dice(alone, joined)
    return SeenView(look.name, look.plane, look.made.maker, look.made.mask, agreement, share)


def _history(look: _Look) -> list[str]:
    return [f"{look.name} view by {look.made.maker}: {step}" for step in look.made.history]


def _warnings(views: Sequence[SeenView], looks: Sequence[_Look], mask: Mask) -> tuple[str, ...]:
    """Say what each view was warned of, which saw a part only, and if nothing is left."""
    warnings = []
    for view, look in zip(views, looks, strict=True):
        warnings += [f"{view.name} view: {warning}" for warning in look.made.warnings]
        if look.made.labels is not None:
            warnings.append(f"{view.name} view: the tumour is joined, other structures are not.")
        if view.share_seen < 1:
            beyond = 100 * (1 - view.share_seen)
            warnings.append(
                f"{view.name} view: {beyond:.0f} % of the mask lies beyond its image, where the "
                "other views count alone."
            )
    return (*warnings, NOTHING_LEFT) if mask.is_empty else tuple(warnings)


def _view_names(planes: Sequence[AcquisitionPlane]) -> list[str]:
    """Name every view by its plane, and number those that have the plane of an earlier one."""
    names: list[str] = []
    for place, plane in enumerate(planes):
        earlier = [before.name for before in planes[:place]].count(plane.name)
        names.append(f"{plane.name}-{earlier + 1}" if earlier else plane.name)
    return names


def _seconds(looks: Sequence[_Look]) -> dict[str, float]:
    """Wall time by stage, of all views together."""
    seconds: dict[str, float] = {}
    for look in looks:
        for stage, value in look.made.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    return seconds


def _first_grid(request: SegmentationRequest) -> Geometry:
    for scan in request.channels.values():
        return scan.geometry
    raise InputError("there is no image to segment.", code="no-image")
