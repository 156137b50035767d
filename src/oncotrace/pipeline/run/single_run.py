"""One case in a folder of its own, which can be verified like a cohort's run."""

from pathlib import Path

from oncotrace.domain.case import Case
from oncotrace.pipeline.run.case_run import fill_folder
from oncotrace.pipeline.run.clock import StageClock
from oncotrace.pipeline.run.cohort_run import RUN_FILE
from oncotrace.pipeline.run.folder import whole_folder, write_json
from oncotrace.pipeline.run.provenance import as_json, now, provenance
from oncotrace.pipeline.run.task import CaseTask


def run_single(
    task: CaseTask, case: Case, image: Path, out: Path, *, seed: int
) -> dict[str, object]:
    """Do one case, write its folder whole, and return its result.

    Raises
    ------
    OutputError
        ``out`` holds something already, or cannot be written.
    OncotraceError
        Whatever is wrong with the case; nothing is written then.
    """
    settings = {"journey": task.journey, "image": str(image.resolve()), **task.settings()}
    start = now()
    with whole_folder(out) as folder:
        result = fill_folder(task, case, folder, StageClock())
        inputs = result["inputs"]
        digests = {k: str(v) for k, v in inputs.items()} if isinstance(inputs, dict) else {}
        record = provenance(settings, seed=seed, input_digests=digests, start=start)
        write_json(folder / RUN_FILE, {**as_json(record), "end": now(), "resumed": []})
    return result
