"""Where a result comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Provenance:
    """Everything needed to make a result again.

    Digests are SHA-256 in hexadecimal, by a name that holds no patient's data; ``settings`` are
    plain JSON values.
    """

    version: str
    command: tuple[str, ...]
    settings: Mapping[str, object]
    seed: int
    input_digests: Mapping[str, str]
    model_digests: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    end: str = ""
