"""From command-line options to what the pipelines take."""

from collections.abc import Mapping
from pathlib import Path

from oncotrace.domain.clicks import Clicks
from oncotrace.domain.scan import Modality, modality_named
from oncotrace.errors import SettingsError


def known_modality(name: str | None) -> Modality | None:
    """Return the modality of that name, or none if none was given.

    Raises
    ------
    SettingsError
        There is no such modality.
    """
    return None if name is None else modality_named(name)


def refuse_together(what: str, options: Mapping[str, object]) -> None:
    """Refuse options that make no sense for ``what``.

    Raises
    ------
    SettingsError
        One of them was given.
    """
    given = [name for name, value in options.items() if value]
    if given:
        raise SettingsError(f"{', '.join(given)} cannot be used with {what}.")


def clicks_from_options(
    file: Path | None, points: list[str] | None, box: tuple[str, str] | None
) -> Clicks:
    """Clicks from exactly one of a file, points and a box.

    Raises
    ------
    SettingsError
        None or several of them were given.
    ClickError
        They cannot be read.
    """
    import numpy as np

    from oncotrace.io.clicks_file import clicks_from_points, parse_point, read_clicks

    if sum(bool(given) for given in (file, points, box)) != 1:
        raise SettingsError(
            "one image needs clicks.",
            hint="Give either --clicks FILE, or --point X,Y,Z six times, or --box X,Y,Z X,Y,Z.",
        )
    if file is not None:
        return read_clicks(file)
    if box is not None:
        corners = np.array([parse_point(text) for text in box])
        return Clicks(np.empty((0, 3)), box_mm=corners)
    return clicks_from_points(points or [])
