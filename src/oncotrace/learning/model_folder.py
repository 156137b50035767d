"""Model folders: written whole, and read as if a stranger had made them.

``plan.json`` names every other file with its size and SHA-256. What is read is checked first, and
only the bytes that were checked are used.
"""

import hashlib
import json
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, ValidationError

import oncotrace
from oncotrace.atomic import write_bytes
from oncotrace.errors import ModelError, OutputError
from oncotrace.learning.onnx_file import require_self_contained
from oncotrace.learning.plan import FORMAT, FileRecord, Plan
from oncotrace.learning.recipe import first_complaint

PLAN = "plan.json"
CARD = "MODEL_CARD.md"
QUALITY = "quality.json"
LARGEST_PLAN_BYTES = 2**20
LARGEST_FILE_BYTES = 2**28

_FOLD = re.compile(r"fold_(0|[1-9]\d{0,2})\.onnx")
_RELEASE = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


@dataclass(frozen=True, slots=True, eq=False)
class ModelFolder:
    """A model that was read and found as its plan says."""

    name: str
    plan: Plan
    networks: Mapping[int, bytes]
    """ONNX files by fold."""
    quality: Mapping[str, JsonValue] | None
    """How the predicted quality is found, if the model can predict it."""
    card: str
    """What the model is, for whom, and how well it does; Markdown."""

    def network(self, fold: int) -> bytes:
        """ONNX file of a fold.

        Raises
        ------
        ModelError
            The model has no such fold.
        """
        if fold not in self.networks:
            raise _missing_fold(self.name, fold, self.networks)
        return self.networks[fold]


def write_model(
    folder: Path,
    plan: Plan,
    networks: Mapping[int, bytes],
    *,
    card: str,
    quality: Mapping[str, JsonValue] | None = None,
) -> Plan:
    """Write a model folder; returns its plan, which names the files.

    ``plan.json`` comes last: a folder without it is not a model.

    Raises
    ------
    OutputError
        There is a model already, or it cannot be written.
    ModelError
        A network refers to other files.
    """
    if (folder / PLAN).exists():
        raise OutputError(
            f"{folder.name} holds a model already, which is not written over.",
            hint="Choose a new --out.",
            code="output-exists",
        )
    contents = {CARD: card.encode(), **{f"fold_{n}.onnx": networks[n] for n in sorted(networks)}}
    if quality is not None:
        contents[QUALITY] = _json(quality)
    for name, content in contents.items():
        if _FOLD.fullmatch(name):
            require_self_contained(content, name)
        write_bytes(folder / name, content, replace=True)
    records = {name: _record(content) for name, content in contents.items()}
    complete = plan.model_copy(update={"files": records})
    write_bytes(folder / PLAN, _json(complete.model_dump(mode="json")), replace=True)
    return complete


def read_model(folder: Path, *, folds: Collection[int] | None = None) -> ModelFolder:
    """Read and check a model folder.

    Parameters
    ----------
    folds
        Networks to read; all unless given.

    Raises
    ------
    ModelError
        There is no model, it was made by a newer version, a fold is missing, or a file is not what
        the plan says.
    """
    plan = read_plan(folder)
    named = {int(found[1]): name for name in plan.files if (found := _FOLD.fullmatch(name))}
    there = {fold for fold, name in named.items() if (folder / name).exists()}
    wanted = sorted(named if folds is None else folds)
    for fold in wanted:
        if fold not in there:
            raise _missing_fold(folder.name, fold, there)
    networks = {fold: _checked(folder, f"fold_{fold}.onnx", plan) for fold in wanted}
    for fold, content in networks.items():
        require_self_contained(content, f"fold_{fold}.onnx")
    quality = _checked(folder, QUALITY, plan) if QUALITY in plan.files else None
    card = _checked(folder, CARD, plan)
    return ModelFolder(
        name=folder.name,
        plan=plan,
        networks=networks,
        quality=None if quality is None else _json_object(quality, QUALITY),
        card=card.decode(errors="replace"),
    )


def read_plan(folder: Path) -> Plan:
    """Plan of a model folder; the files that it names are not looked at.

    Raises
    ------
    ModelError
        There is none, it cannot be understood, or a newer version of oncotrace made it.
    """
    content = _bytes(folder / PLAN, LARGEST_PLAN_BYTES)
    if content is None:
        raise ModelError(
            f"{folder.name} is not a model: there is no {PLAN} of a reasonable size in it.",
            hint="Give the folder that `oncotrace train` wrote.",
            code="not-a-model",
        )
    _require_readable_version(_json_object(content, PLAN))
    try:
        plan = Plan.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise ModelError(
            f"{PLAN} is damaged: {first_complaint(error)}",
            hint="Get the model again.",
            code="damaged-model",
        ) from error
    unknown = [n for n in plan.files if n not in (CARD, QUALITY) and not _FOLD.fullmatch(n)]
    if unknown or CARD not in plan.files:
        raise ModelError(
            f"{PLAN} is damaged: it must name {CARD}, and fold_N.onnx and {QUALITY} alone besides.",
            hint="Get the model again.",
            code="damaged-model",
        )
    return plan


def _missing_fold(name: str, fold: int, there: Collection[int]) -> ModelError:
    """Return the error that says which folds a model has."""
    known = ", ".join(str(n) for n in sorted(there)) or "none"
    return ModelError(
        f"{name} has no network for fold {fold}; it has {known}.",
        hint="Get the model again, train that fold, or choose another.",
        code="missing-fold",
    )


def _require_readable_version(plan: Mapping[str, JsonValue]) -> None:
    """Look at the two values that every format has before the others are believed."""
    number, oldest = plan.get("format"), plan.get("oldest_reader")
    release = _release(oldest) if isinstance(oldest, str) else None
    if type(number) is not int or number < 1 or release is None:
        raise ModelError(
            f"{PLAN} is damaged: it does not say its format and the oldest version that reads it.",
            hint="Get the model again.",
            code="damaged-model",
        )
    if number > FORMAT or release > (_release(oncotrace.__version__) or ()):
        raise ModelError(
            f"the model was made by a newer oncotrace: it is of format {number} and needs version "
            f"{'.'.join(map(str, release))}; this is {oncotrace.__version__}, which reads format "
            f"{FORMAT}.",
            hint="Update oncotrace.",
            code="newer-model",
        )


def _release(version: str) -> tuple[int, ...] | None:
    found = _RELEASE.match(version)
    return tuple(map(int, found.groups())) if found else None


def _checked(folder: Path, name: str, plan: Plan) -> bytes:
    """Content of a file, which is what the plan says."""
    record = plan.files[name]
    content = _bytes(folder / name, min(record.size_bytes, LARGEST_FILE_BYTES))
    if content is None or _record(content) != record:
        raise ModelError(
            f"{name} is not the file that {PLAN} describes: missing, changed or too large.",
            hint="Do not use this model; get it again from where it was made.",
            code="tampered-model",
        )
    return content


def _bytes(path: Path, largest: int) -> bytes | None:
    """Content of a regular file of at most so many bytes, if it is one."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
    except OSError:
        return None
    return content if len(content) <= largest else None


def _record(content: bytes) -> FileRecord:
    return FileRecord(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def _json(value: Mapping[str, JsonValue]) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _json_object(content: bytes, name: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{name} is damaged: not JSON.", hint="Get the model again.", code="damaged-model"
        ) from error
    if not isinstance(value, dict):
        raise ModelError(
            f"{name} is damaged: not a JSON object.",
            hint="Get the model again.",
            code="damaged-model",
        )
    return value


def _refuse(constant: str) -> JsonValue:
    raise ValueError(constant)
