"""Further views of a case: images of other planes with their models, joined with the first one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, Scan
from oncotrace.domain.segmentation import Segmentation, Segmenter
from oncotrace.domain.view import acquisition_plane
from oncotrace.errors import InputError, SettingsError
from oncotrace.io.volume_file import write_mask
from oncotrace.pipeline.inputs import LoadedScan, load_scan
from oncotrace.pipeline.model_choice import (
    model_settings,
    require_suitable,
    sequences_of_model,
)
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.segment.segmenters import is_for_lungs, view_of_model
from oncotrace.segment.views import JoinedSegmentation, JoinedSegmenter, OtherView


@dataclass(frozen=True)
class ViewSource:
    """An image of another plane, and the model that segments it: a name or a model folder."""

    image: Path
    model: str


def require_suitable_views(first: str, views: Sequence[ViewSource], clicks: Clicks | None) -> None:
    """Refuse models that cannot be joined, before an image is read.

    Raises
    ------
    SettingsError
        One is of the recipe ``lung``, which keeps to axial slices; or there are clicks and one
        looks at none.
    ClickError
        There are no clicks and one needs them.
    """
    for model in (first, *(view.model for view in views)):
        if views and is_for_lungs(model):
            raise SettingsError(
                f"the model {Path(model).name} is of the recipe lung, which looks at axial slices "
                "alone.",
                hint="Leave out --view, or choose another model.",
            )
    for view in views:
        require_suitable(view.model, clicks, ())


def views_settings(views: Sequence[ViewSource], fold: int | None) -> dict[str, object]:
    """Return what a run records of its further views; nothing where there is none."""
    if not views:
        return {}
    return {
        "views": [
            {
                "image": str(view.image.resolve()),
                "model": view.model,
                **model_settings(view.model, fold),
            }
            for view in views
        ]
    }


def recorded_views(settings: Mapping[str, object]) -> tuple[ViewSource, ...]:
    """Return the views that a run's settings name."""
    listed = settings.get("views")
    found = [view for view in listed if isinstance(view, dict)] if isinstance(listed, list) else []
    return tuple(ViewSource(Path(str(view["image"])), str(view["model"])) for view in found)


def view_digests(views: Sequence[ViewSource]) -> dict[str, str]:
    """Digests of the images, by role: ``view_1`` and so on."""
    return {f"view_{n}": source_digest(view.image) for n, view in enumerate(views, start=1)}


def joining(
    first: Segmenter,
    views: Sequence[ViewSource],
    loaded: LoadedScan,
    modality: Modality,
    opened: Callable[[str], Segmenter],
) -> Segmenter:
    """Segmenter that joins the first image with its further views; the first alone without any.

    Parameters
    ----------
    loaded, modality
        The first image and its sequence.
    opened
        Segmenter by the name of its model.

    Raises
    ------
    InputError
        An image cannot be read, or is known to lie in another frame of reference than the first.
    """
    if not views:
        return first
    return JoinedSegmenter(
        first, tuple(_other_view(view, loaded, modality, opened) for view in views)
    )


def write_views(made: Segmentation, folder: Path) -> dict[str, object]:
    """Write every view's own mask on its own grid, and return what ``result.json`` says of them.

    Nothing is written or said of a segmentation from one image.

    Raises
    ------
    OutputError
        A mask cannot be written.
    """
    if not isinstance(made, JoinedSegmentation):
        return {}
    for view in made.views:
        write_mask(view.mask, folder / _mask_file(view.name))
    return {
        "views": [
            {
                "view": view.name,
                "tilt_deg": round(view.plane.tilt_deg, 1),
                "model": view.maker,
                "mask": _mask_file(view.name),
                "dice_with_mask": view.dice_with_joined,
                "share_of_mask_seen": view.share_seen,
            }
            for view in made.views
        ]
    }


def plane_warnings(
    model: str, scans: Mapping[Modality, Scan], views: Sequence[ViewSource], made: Segmentation
) -> tuple[str, ...]:
    """Say which images lie in another plane than their model was trained on.

    It is no refusal: how much worse such a mask is depends on the slices, and the reader looks.
    """
    seen = [(model, acquisition_plane(scan.geometry)) for scan in scans.values()]
    if isinstance(made, JoinedSegmentation):
        others = zip(views, made.views[1:], strict=True)
        seen += [(view.model, looked.plane) for view, looked in others]
    warnings = []
    for name, plane in seen:
        trained_on = view_of_model(name)
        if trained_on is not None and not plane.suits(trained_on):
            warnings.append(
                f"the model {Path(name).name} was trained on {trained_on} images, this one is "
                f"{plane.describe()}: check the mask, or name a model of this view."
            )
    return tuple(dict.fromkeys(warnings))


def _other_view(
    view: ViewSource, first: LoadedScan, modality: Modality, opened: Callable[[str], Segmenter]
) -> OtherView:
    own = _sequence_of(view.model, modality)
    loaded = load_scan(view.image, own)
    _require_one_frame(view.image.name, loaded, first)
    return OtherView(loaded.scan, own, opened(view.model))


def _sequence_of(model: str, first: Modality) -> Modality:
    """Sequence of a further view: the first image's, or the only one that its model knows."""
    known = sequences_of_model(model)
    return known[0] if first not in known and len(known) == 1 else first


def _require_one_frame(name: str, view: LoadedScan, first: LoadedScan) -> None:
    own, other = view.frame_of_reference_uid, first.frame_of_reference_uid
    if own and other and own != other:
        raise InputError(
            f"{name} lies in another frame of reference than the first image: the patient may have "
            "moved between them, so places in one say nothing about the other.",
            hint="Register the images first and give the result as volume files, or leave the "
            "view out.",
            code="wrong-frame-of-reference",
        )


def _mask_file(view: str) -> str:
    return f"view-{view}_mask.nii.gz"
