"""The model folder within a model folder: of the locator, where a model has two stages.

``<model>/locator`` is a model folder like any other. The plan of the model that holds it names the
digest of the locator's plan, which names those of its files, so that neither can be exchanged.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

from pydantic import JsonValue

from oncotrace.atomic import write_bytes
from oncotrace.errors import ModelError, OutputError
from oncotrace.learning.model_folder import PLAN, ModelFolder, read_model, read_plan
from oncotrace.learning.plan import Plan

LOCATOR = "locator"
"""Name of the folder within the model's."""

_DIGEST = "locator_sha256"


def naming_locator(plan: Plan, locator: Path) -> Plan:
    """Plan that names the locator whose model folder that is.

    Raises
    ------
    ModelError
        It is not a model.
    """
    known: dict[str, JsonValue] = {**plan.preparation, _DIGEST: _digest(locator)}
    return plan.model_copy(update={"preparation": known})


def copy_locator(locator: Path, model: Path) -> None:
    """Copy a locator's files into a model folder, before that has a plan.

    Raises
    ------
    ModelError
        It is not a model.
    OutputError
        A file cannot be read or written.
    """
    for name in (*read_plan(locator).files, PLAN):
        try:
            content = (locator / name).read_bytes()
        except OSError as error:
            raise OutputError(f"{name} of the locator cannot be read.") from error
        write_bytes(model / LOCATOR / name, content, replace=True)


def read_locator(folder: Path, plan: Plan, folds: Collection[int] | None) -> ModelFolder | None:
    """Read and check the locator of a model; none where its plan has none.

    Raises
    ------
    ModelError
        It is missing, is not the one that the plan names, or is no good model.
    """
    if plan.recipe.locator is None:
        return None
    locator = folder / LOCATOR
    if not (locator / PLAN).is_file() or _digest(locator) != plan.preparation.get(_DIGEST):
        raise ModelError(
            f"the locator of {folder.name} is not the one that {PLAN} describes.",
            hint="Do not use this model; get it again from where it was made.",
            code="tampered-model",
        )
    return read_model(locator, folds=folds)


def _digest(locator: Path) -> str:
    read_plan(locator)  # so that only a model's plan is taken for one
    return hashlib.sha256((locator / PLAN).read_bytes()).hexdigest()
