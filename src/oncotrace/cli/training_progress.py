"""How far a training is: a bar, or lines in a log file."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.progress import Progress

from oncotrace.cli.output import messages

if TYPE_CHECKING:
    from oncotrace.pipeline.train import FoldProgress, ScoringProgress

SAY_EVERY_S = 60.0


def show_training(steps: "Iterable[FoldProgress | ScoringProgress]") -> None:
    """Show a bar while the steps come, or a line every minute where nobody looks (a log file)."""
    said = time.monotonic()
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("training", total=None)
        for now in steps:
            label, done, total = _progress(now)
            bar.update(task, description=label, completed=done, total=total)
            if bar.disable and time.monotonic() - said >= SAY_EVERY_S:
                messages.print(f"{label}: {done} of {total}", soft_wrap=True)
                said = time.monotonic()


def _progress(now: "FoldProgress | ScoringProgress") -> tuple[str, int, int]:
    """Return what is being done, how much of it is done, and of how much."""
    from oncotrace.pipeline.train import ScoringProgress

    if isinstance(now, ScoringProgress):
        return "scoring each case by the network that never saw it", now.done, now.cases
    left = f"{now.seconds_left / 60:.0f} min left in this fold"
    return f"fold {now.place} of {now.folds}, loss {now.loss:.3f}, {left}", now.step, now.steps
