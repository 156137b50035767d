"""Which series a study needs of every case: a query as data."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from oncotrace.curate.check_rules import AllowedRule, RangeRule
from oncotrace.curate.series import COLUMNS
from oncotrace.domain.scan import MODALITIES
from oncotrace.learning.settings_file import read_settings

TUMOURS = ("*gtv*mass*", "gtv", "gtv[-_ ]1", "gtv1", "gtv*", "*tumo*r*", "*lesion*", "*")
"""How people call the outline of a primary tumour, the plainest names first."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Preference(_Settings):
    """What decides between several series that would do; the first that tells them apart does."""

    column: str
    values: tuple[str, ...] = ()
    """Texts, the best first; what is not named is worst."""
    order: Literal["largest", "smallest"] | None = None
    """Which number is best."""

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> "Preference":
        if self.column not in COLUMNS:
            raise ValueError(f"the inventory has no column {self.column!r}")
        if bool(self.values) == bool(self.order):
            raise ValueError(f"give values or order for {self.column}")
        return self


class Timing(_Settings):
    """How a study lies to a date of the patient's, such as the biopsy; the nearest is taken."""

    event: str = Field(min_length=1)
    """Column of the table of dates."""
    when: Literal["before", "after", "either"] = "before"
    """The day itself counts as both."""
    within_days: int | None = Field(default=None, ge=0)


class Role(_Settings):
    """One image of a case."""

    name: str
    """oncotrace's modality, which is also the column in ``cohort.csv``: ``image_<name>``."""
    optional: bool = False
    """A case without it is kept."""
    allowed: tuple[AllowedRule, ...] = ()
    range: tuple[RangeRule, ...] = ()
    timing: Timing | None = None
    prefer: tuple[Preference, ...] = (
        Preference(column="plane", values=("axial",)),
        Preference(column="slices", order="largest"),
    )
    structures: tuple[str, ...] = TUMOURS
    """Which region or segment becomes the mask: the first of these patterns that fits just one."""

    @field_validator("name")
    @classmethod
    def _is_a_modality(cls, name: str) -> str:
        if name not in MODALITIES:
            raise ValueError(f"{name!r} is none of {', '.join(MODALITIES)}")
        return name


class Query(_Settings):
    """What a cohort consists of.

    Without roles every case gets one series of each modality that it has.
    """

    format: Literal[1] = 1
    case: Literal["study", "patient"] = "study"
    """Whether every study is a case, a time point of its patient, or every patient is one."""
    least_confidence: float = Field(default=0.5, ge=0, le=1)
    """Of the recognition of a sequence."""
    must_pass: tuple[str, ...] = (
        "slice-count",
        "missing-slices",
        "one-orientation",
        "rescale-slope",
    )
    """Checks that a series must not fail."""
    role: tuple[Role, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "Query":
        names = [role.name for role in self.role]
        if len(set(names)) < len(names):
            raise ValueError("two roles have the same name")
        return self


def read_query(path: Path) -> Query:
    """Return the query in a TOML file.

    Raises
    ------
    SettingsError
        The file cannot be read or is something else; the message names the setting.
    """
    known = f"{', '.join(Query.model_fields)}, of a role {', '.join(Role.model_fields)}"
    return read_settings(path, Query, what="a query", hint=f"Known are {known}.")
