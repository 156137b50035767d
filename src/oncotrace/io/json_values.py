"""Values of JSON files that people and other programs write, checked before they are believed."""

import json
import math
from collections.abc import Collection

from oncotrace.errors import ClickError


def parse_json(text: str) -> object:
    """Value that the JSON text describes.

    Raises
    ------
    ClickError
        It is not JSON, names a key twice, or holds NaN or Infinity, which JSON does not know.
    """
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object_without_repetition, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise ClickError(
            f"line {error.lineno}: this is not JSON ({error.msg}).", code="not-json"
        ) from error
    except (RecursionError, ValueError) as error:
        raise ClickError(
            "this is not JSON that a program wrote on purpose (nested too deeply, or a number with "
            "thousands of digits).",
            code="not-json",
        ) from error
    return value


def object_at(value: object, what: str) -> dict[str, object]:
    """Return the value if it is a JSON object."""
    if not isinstance(value, dict):
        raise ClickError(f"{what} must be an object {{...}}, found {_kind(value)}.")
    return value


def list_at(value: object, what: str) -> list[object]:
    """Return the value if it is a JSON list."""
    if not isinstance(value, list):
        raise ClickError(f"{what} must be a list [...], found {_kind(value)}.")
    return value


def text_at(value: object, what: str) -> str:
    """Return the value if it is text."""
    if not isinstance(value, str):
        raise ClickError(f"{what} must be text, found {_kind(value)}.")
    return value


def flag_at(value: object, what: str) -> bool:
    """Return the value if it is true or false."""
    if not isinstance(value, bool):
        raise ClickError(f"{what} must be true or false, found {_kind(value)}.")
    return value


def number_at(value: object, what: str) -> float:
    """Return the value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClickError(f"{what} must be a number, found {_kind(value)}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ClickError(f"{what} is too large a number.")
    return number


def numbers_at(value: object, count: int, what: str) -> tuple[float, ...]:
    """Return the value if it is a list of ``count`` finite numbers."""
    numbers = tuple(number_at(item, f"every item of {what}") for item in list_at(value, what))
    if len(numbers) != count:
        raise ClickError(f"{what} must have {count} numbers, found {len(numbers)}.")
    return numbers


def require_known_keys(
    value: dict[str, object], known: Collection[str], what: str, *, hint: str | None = None
) -> None:
    """Refuse an object with a key that is not known, since a misspelt one would be lost."""
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ClickError(
            f"{what} has the unknown key {unknown[0][:40]!r}; known are {', '.join(known)}.",
            hint=hint,
            code="unknown-key",
        )


def _object_without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ClickError("a key stands twice in one object.", code="not-json")
    return value


def _refuse_constant(name: str) -> object:
    raise ClickError(f"{name} is not a number that JSON knows.", code="not-json")


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")
