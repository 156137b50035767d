"""What a series must be like to pass: rules as data, thresholds with units."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from oncotrace.curate.series import COLUMNS, TYPES, Series
from oncotrace.learning.settings_file import read_settings


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _ColumnRule(_Settings):
    """A rule about one column of the inventory."""

    column: str
    """As in the inventory's table; its name says the unit."""
    of: tuple[str, ...] = ()
    """Which series it is asked of, by DICOM modality, sequence or oncotrace's modality; all if
    empty."""

    @field_validator("column")
    @classmethod
    def _is_known(cls, column: str) -> str:
        if column not in COLUMNS:
            raise ValueError(f"the inventory has no column {column!r}")
        return column

    def concerns(self, series: Series) -> bool:
        """Whether the rule is asked of a series."""
        names = {series.modality, series.sequence, series.modality_name}
        return not self.of or bool(names.intersection(self.of))


class RangeRule(_ColumnRule):
    """A number must lie between two others, themselves included."""

    smallest: float | None = None
    largest: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> "RangeRule":
        if self.smallest is None and self.largest is None:
            raise ValueError(f"the range of {self.column} has no end")
        if None not in (self.smallest, self.largest) and self.smallest > self.largest:  # type: ignore[operator]
            raise ValueError(f"the range of {self.column} ends before it begins")
        if "float" not in TYPES[self.column] and "int" not in TYPES[self.column]:
            raise ValueError(f"{self.column} is no number")
        return self

    def __str__(self) -> str:
        ends = ((">=", self.smallest), ("<=", self.largest))
        said = " and ".join(f"{sign} {end:g}" for sign, end in ends if end is not None)
        return f"{self.column} {said}"

    def holds(self, value: str | float) -> bool:
        """Whether a value lies in the range."""
        value = float(value)
        return (self.smallest is None or value >= self.smallest) and (
            self.largest is None or value <= self.largest
        )


class AllowedRule(_ColumnRule):
    """A text must be one of several, capital letters or not; ``*`` stands for anything."""

    values: tuple[str, ...] = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.column} is {' or '.join(self.values)}"

    def holds(self, value: str | float) -> bool:
        """Whether a text is allowed."""
        return any(fnmatchcase(str(value).lower(), known.lower()) for known in self.values)


class Limits(_Settings):
    """Thresholds of the checks that need no choice."""

    gap_share: float = Field(default=0.1, gt=0, lt=1)
    """By which a gap between slices may differ from the median, as a share of it."""
    thickness_share: float = Field(default=0.1, gt=0, lt=1)
    """By which slice thickness and slice distance may differ, as a share of the distance."""
    fewest_slices: int = Field(default=3, ge=1)
    longest_study_days: int = Field(default=1, ge=0)
    """Between the date of a study and the date of a series in it."""
    air_hu: tuple[float, float] = (-1100.0, -900.0)
    """Between which the commonest value of the least dense tenth of a CT lies: air."""
    body_hu: tuple[float, float] = (-200.0, 200.0)
    """Between which the median of the body on CT lies."""
    truncated_share: float = Field(default=0.02, gt=0, lt=1)
    """Of the sides of a CT's field of view that the body may reach."""
    smallest_piece_ml: float = Field(default=0.1, ge=0)
    """Pieces of a mask that are not counted."""
    outside_body_share: float = Field(default=0.05, gt=0, lt=1)
    """Of a mask that may lie outside the body."""
    mirrored_gain: float = Field(default=0.1, gt=0, lt=1)
    """Dice of two bodies by which the mirror image must fit better to be called a flip."""


class CheckRules(_Settings):
    """Everything that is asked of series, images and masks."""

    format: Literal[1] = 1
    range: tuple[RangeRule, ...] = ()
    allowed: tuple[AllowedRule, ...] = ()
    limits: Limits = Limits()
    skip: tuple[str, ...] = ()
    """Names of checks that are not made."""

    @property
    def users(self) -> tuple[RangeRule | AllowedRule, ...]:
        """Rules about columns, which no other check asks for."""
        return (*self.range, *self.allowed)


def read_check_rules(path: Path) -> CheckRules:
    """Return the rules in a TOML file.

    Raises
    ------
    SettingsError
        The file cannot be read or is something else; the message names the setting.
    """
    hint = f"Known are {', '.join(CheckRules.model_fields)}; columns as in the inventory."
    return read_settings(path, CheckRules, what="rules", hint=hint)
