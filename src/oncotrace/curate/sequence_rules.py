"""Rules by which a series is recognised: read from ``sequence_rules.toml``, asked of its facts."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Says = Literal[
    "localiser", "secondary-capture", "derived",
    "ct", "pet",
    "dwi", "adc", "dce", "map", "angio", "swi",
    "t1", "t2", "t2star", "pd", "flair",
    "fs", "no-fs", "gd", "no-gd",
]  # fmt: skip
Facts = Mapping[str, str | float | None]

_RULES_FILE = "sequence_rules.toml"
_SIGNS = re.compile(r"[^a-z0-9+*]+")


class SequenceRule(BaseModel):
    """One rule; it fires when all its conditions hold. The file explains them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    says: Says
    confidence: float = Field(gt=0, lt=1)
    words: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    has: Mapping[str, tuple[str, ...]] = {}
    equals: Mapping[str, tuple[str, ...]] = {}
    between: Mapping[str, tuple[float, float]] = {}
    present: tuple[str, ...] = ()

    def fires(self, facts: Facts, words: str) -> bool:
        """Whether the rule holds of a series.

        Parameters
        ----------
        words
            Its free text, see `plain_words`.
        """
        return (
            (self.words is None or self.words.search(words) is not None)
            and (self.unless is None or self.unless.search(words) is None)
            and all(_codes(facts, name) & set(codes) for name, codes in self.has.items())
            and all(_text(facts, name) in texts for name, texts in self.equals.items())
            and all(_is_between(facts, name, ends) for name, ends in self.between.items())
            and all(_text(facts, name) for name in self.present)
        )


class SequenceRules(BaseModel):
    """All rules, by the modality that they are for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: tuple[SequenceRule, ...]
    mr: tuple[SequenceRule, ...]
    ct: tuple[SequenceRule, ...]
    pet: tuple[SequenceRule, ...]

    def of(self, modality: str) -> tuple[SequenceRule, ...]:
        """Return the rules for a modality as DICOM calls it."""
        own = {"MR": self.mr, "CT": self.ct, "PT": self.pet}.get(modality, ())
        return (*self.any, *own)


@lru_cache(maxsize=1)
def built_in_rules() -> SequenceRules:
    """Return the rules that come with oncotrace."""
    text = (files("oncotrace.curate") / _RULES_FILE).read_text(encoding="utf-8")
    return SequenceRules.model_validate(tomllib.loads(text))


def plain_words(*texts: str) -> str:
    """Free text as rules see it: lower case, no accents, signs other than + and * made blanks."""
    joined = unicodedata.normalize("NFKD", " ".join(texts).lower().replace("ß", "ss"))
    return _SIGNS.sub(" ", "".join(c for c in joined if not unicodedata.combining(c))).strip()


def _text(facts: Facts, name: str) -> str:
    value = facts.get(name)
    return value.upper() if isinstance(value, str) else ""


def _codes(facts: Facts, name: str) -> set[str]:
    return set(_text(facts, name).split("\\"))


def _is_between(facts: Facts, name: str, ends: tuple[float, float]) -> bool:
    value = facts.get(name)
    return isinstance(value, int | float) and ends[0] <= value <= ends[1]
