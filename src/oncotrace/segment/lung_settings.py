"""What a reader may choose about the segmentation of lungs: settings as data."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from oncotrace.learning.settings_file import read_settings
from oncotrace.segment.lung_input import Artefact

SolidBy = Literal["intensity", "texture"]


class LungSettings(BaseModel):
    """Settings of the recipe ``lung`` at prediction; a model is trained without them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    exclude: tuple[Artefact, ...] = ()
    """What becomes air before anything is looked at, and is tumour nowhere: ``couch``, ``metal``,
    ``others``. Outside the body the network sees nothing either way."""
    solid_by: tuple[SolidBy, ...] = ("intensity", "texture")
    """How solid and ground-glass parts of the tumour are told apart; several are all reported."""
    solid_hu: float = Field(default=-300.0, ge=-1000, le=200)
    """Denser voxels are solid by intensity."""
    texture_mm: float = Field(default=5.0, gt=0, le=50)
    """Width of the neighbourhood whose spread of density is the texture."""
    smallest_lesion_ml: float = Field(default=0.0, ge=0, le=100)
    """Smaller pieces are left out of mask and list; none unless given."""


def read_lung_settings(path: Path) -> LungSettings:
    """Return the settings in a TOML file.

    Raises
    ------
    SettingsError
        The file cannot be read or is something else; the message names the setting.
    """
    hint = f"Known are {', '.join(LungSettings.model_fields)}."
    return read_settings(path, LungSettings, what="settings", hint=hint)
