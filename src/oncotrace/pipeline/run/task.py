"""What a journey does to one case, so that one machinery runs, resumes and verifies them all."""

from pathlib import Path
from typing import Protocol

from oncotrace.domain.case import Case
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.digests import json_digest


class CaseTask(Protocol):
    """One journey with its settings; sent to worker processes, so it must pickle."""

    @property
    def journey(self) -> str:
        """Name of the journey: ``segment``, ``measure``."""
        ...

    def settings(self) -> dict[str, object]:
        """Return the settings as plain JSON values."""
        ...

    def input_digests(self, case: Case) -> dict[str, str]:
        """Digests of the case's inputs, by role."""
        ...

    def run(self, case: Case, folder: Path, clock: StageClock) -> dict[str, object]:
        """Write the case's files into ``folder`` and return the content of its result."""
        ...


def input_digest(task: CaseTask, digests: dict[str, str]) -> str:
    """One digest of everything that decides a case's result: inputs, journey and settings."""
    return json_digest({"journey": task.journey, "settings": task.settings(), "inputs": digests})
