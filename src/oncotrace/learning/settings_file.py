"""Settings in a TOML file as a frozen model."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from oncotrace.errors import SettingsError
from oncotrace.learning.recipe import first_complaint

_Model = TypeVar("_Model", bound=BaseModel)


def read_settings(path: Path, model: type[_Model], *, what: str, hint: str) -> _Model:
    """Return the settings in a TOML file.

    Parameters
    ----------
    what
        What messages call the settings.
    hint
        What is known, for a file that says something else.

    Raises
    ------
    SettingsError
        The file cannot be read or is something else; the message names the setting.
    """
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path.name} cannot be read as {what}: {type(error).__name__}.",
            hint="Give a TOML file.",
        ) from error
    except ValidationError as error:
        raise SettingsError(f"{path.name}: {first_complaint(error)}", hint=hint) from error
