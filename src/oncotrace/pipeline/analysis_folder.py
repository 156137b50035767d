"""The folder of an analysis: tables, figures, a short text, a result and how it was made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oncotrace.atomic import write_bytes, write_text
from oncotrace.io.cohort_table import write_table
from oncotrace.pipeline.run.case_run import RESULT_FILE
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.digests import source_digest
from oncotrace.pipeline.run.folder import whole_folder, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.report.chart import FORMS, Drawing

REPORT_FILE = "report.txt"
FIGURES = "figures"


@dataclass(frozen=True)
class Analysis:
    """What an analysis found, before it is written.

    ``tables`` holds rows by the name of their table and ``figures`` drawings by theirs, without the
    end of the file's name; ``text`` is what the command prints; ``result`` plain JSON values, in
    which numbers that are not finite become null.
    """

    tables: Mapping[str, Sequence[Mapping[str, object]]]
    text: str
    result: Mapping[str, object]
    figures: Mapping[str, Drawing] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its tables, figures and text, as `write_analysis` writes them."""
        tables = [f"{name}.csv" for name in self.tables]
        figures = [f"{FIGURES}/{name}.{form}" for name in self.figures for form in FORMS]
        return (*tables, *figures, REPORT_FILE, RESULT_FILE)


def write_analysis(
    out: Path,
    analysis: Analysis,
    *,
    journey: str,
    settings: Mapping[str, object],
    inputs: Mapping[str, Path],
    seed: int = 0,
) -> None:
    """Write an analysis into a new folder, whole or not at all.

    Parameters
    ----------
    journey
        What was done: ``compare``.
    settings
        Plain JSON values that say how.
    inputs
        Files or folders that were read, by a name that holds no patient's data; their digests are
        recorded.
    seed
        Of whatever was drawn; 0 where nothing was.

    Raises
    ------
    OutputError
        ``out`` exists and is not empty, or cannot be written.
    InputError
        An input cannot be read.
    """
    start = now()
    digests = {name: source_digest(path) for name, path in inputs.items()}
    recorded = {"journey": journey, **settings}
    with whole_folder(out) as folder:
        for name, rows in analysis.tables.items():
            write_table(rows, folder / f"{name}.csv")
        for name, drawing in analysis.figures.items():
            for form in FORMS:
                write_bytes(folder / FIGURES / f"{name}.{form}", drawing.rendered(form))
        write_text(folder / REPORT_FILE, analysis.text.rstrip("\n") + "\n")
        write_json(folder / RESULT_FILE, as_result(analysis.result))
        record = provenance(recorded, seed=seed, input_digests=digests, start=start)
        write_json(folder / RUN_FILE, {**as_json(record), "end": now()})


def as_result(result: Mapping[str, object]) -> dict[str, object]:
    """Content of ``result.json``: its format first, null for every number that is not finite."""
    return {"format": 1, **{name: _plain(value) for name, value in result.items()}}


def _plain(value: object) -> object:
    """JSON values of numbers, texts, and mappings and rows of them."""
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
