"""Training states on disk: tensors and plain numbers alone, whole or not at all."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from oncotrace.atomic import write_bytes
from oncotrace.errors import ModelError
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import TrainingData
from oncotrace.learning.train.state import TrainingState, initial_state

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a checkpoint belongs to: it is of no use for anything else."""

    plan: Plan
    data: TrainingData

    def digests(self) -> dict[str, str]:
        """Return the digests that a checkpoint must carry."""
        return {"plan": self.plan.training_digest(), "data": self.data.digest()}


def write_checkpoint(path: Path, state: TrainingState, purpose: Purpose) -> None:
    """Write the state in the place of an earlier one.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    content = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            **purpose.digests(),
            "network": state.network.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "average": state.average,
            "losses": torch.tensor(state.losses, dtype=torch.float64),
            "validations": state.validations,
        },
        content,
    )
    write_bytes(path, content.getvalue(), replace=True)


def read_checkpoint(path: Path, purpose: Purpose, device: torch.device) -> TrainingState:
    """State in a checkpoint.

    Raises
    ------
    ModelError
        The file is damaged, or belongs to another plan or other cases.
    """
    content = _content(path)
    for what, digest in purpose.digests().items():
        if content.get(what) != digest:
            raise ModelError(
                f"{path.name} belongs to a training with another {what} than this one.",
                hint="Train with the same recipe and cases, or start anew in another place.",
                code="other-checkpoint",
            )
    state = initial_state(purpose.plan, device)
    try:
        state.network.load_state_dict(content["network"])
        state.optimiser.load_state_dict(content["optimiser"])
        if state.average is not None:
            for name, value in state.average.items():
                value.copy_(content["average"][name])
        state.losses = content["losses"].tolist()
        state.validations = dict(content["validations"])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise _corrupt(path) from error
    return state


def _content(path: Path) -> dict[str, Any]:
    try:
        # torch does not look at the checksums of what it reads.
        with zipfile.ZipFile(path) as parts:
            damaged = parts.testzip()
        if damaged is not None:
            raise _corrupt(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # zip, pickle and torch each have their own ways to fail
        raise _corrupt(path) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _corrupt(path)
    return content


def _corrupt(path: Path) -> ModelError:
    return ModelError(
        f"{path.name} is damaged, or is no checkpoint.",
        hint="Restore it from a copy, or delete it to train from the start.",
        code="corrupt-checkpoint",
    )
