"""nnU-Net v2 against the recipe ``automatic``: fold 0, T1, 60 core-minutes of training each.

    python benchmarks/nnunet_comparison.py prepare             images, export, plans, preprocessing
    python benchmarks/nnunet_comparison.py train               resumable: run it again
    python benchmarks/nnunet_comparison.py predict [--ours MODEL] [--default]
    python benchmarks/nnunet_comparison.py table [--ours-masks DIR]

Needs ``oncotrace[nnunet]``; every step takes ``--work`` (default ``build/nnunet``), the last two
``--out`` (default ``results/nnunet``).

**Images.** Both train on images whose sides are moved by 0 to 40 mm and are tested on the same
moved images of the eight patients of fold 0 (``automatic_files.py``). Ours moves the sides anew for
every sample; nnU-Net is given four copies of every patient, its own augmentation does the rest.

**nnU-Net's training.** Its default plan (3d_fullres, 3.3 x 1 x 1 mm, batches of three patches of
64 x 160 x 160; it makes no 3d_lowres here) could do a few dozen iterations in 60 core-minutes.
So it was planned by itself for a spacing of 6 mm (``-overwrite_target_spacing 6 6 6``), that of our
recipe: patches of 36 x 28 x 28, batches of five. The number of epochs (70 of 25 iterations, 1750 in
all; nnU-Net's usual epoch has 250) was fitted beforehand to 1.9 CPU-s an iteration, so that its
polynomial learning rate ends within the budget. Fingerprint, planning and preprocessing are not
counted. ``nnunet_trainers`` holds the trainer and says what it changes.

**Ours.** ``train_automatic.py --method automatic-mr-t1 --fold 0 --work DIR --recipe
recipes/automatic-hour.toml --out DIR``, the recipe ``automatic`` with steps for the same time;
``--ours`` names the model folder that it leaves (``<work>/automatic-mr-t1-fold-0``).

**Prediction.** One thread, no mirroring, from the scan in memory to the mask on its grid, in CPU
seconds; the first case is done twice and counted once, so that nothing is loaded or compiled in it.
``--default`` also times nnU-Net as it plans by itself, with random weights: time does not depend on
them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are loaded

from automatic_files import Cell, moved_case
from nnunet_files import DATASET, FOLD, METHOD, SEQUENCE, tested_patients, write_moved_cohort
from nnunet_table import write_tables
from oncotrace.atomic import write_text
from oncotrace.domain.segmentation import SegmentationRequest, Segmenter
from oncotrace.io.volume_file import write_mask
from oncotrace.learning.model_folder import read_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.pipeline.nnunet_export import PREPROCESSED, RAW, RESULTS, export_nnunet
from oncotrace.segment.network import NetworkSegmenter
from oncotrace.segment.segmenters import segmenter
from reference_data import add_data_option
from six_clicks import FOLDS_TABLE

BUILD = Path(__file__).resolve().parents[1] / "build" / "nnunet"
OUT = Path(__file__).parent / "results" / "nnunet"
TRAINERS = Path(__file__).parent / "nnunet_trainers"
TRAINER = "nnUNetTrainerWithinBudget"
PLANS = "nnUNetPlans_6mm"
EPOCHS = 70
OURS = "automatic-mr-t1"
DEFAULT = "nnunet-default"


def main() -> None:
    """Do the step that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("prepare", "train", "predict", "table"))
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=BUILD, help="export and trainings")
    parser.add_argument("--out", type=Path, default=OUT, help="masks and tables")
    parser.add_argument("--ours", type=Path, help="our model folder of fold 0")
    parser.add_argument(
        "--ours-masks", type=Path, help="or our masks, as train_automatic lays them"
    )
    parser.add_argument("--default", action="store_true", help="time nnU-Net's default plan too")
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.work, options.data)
    elif options.step == "train":
        command = [sys.executable, str(TRAINERS / "train.py"), *_names(), "-device", "cpu", "--c"]
        subprocess.run(command, env=_environment(options.work), check=True)
    elif options.step == "predict":
        predict(options)
    else:
        seconds = json.loads((_trained(options.work) / "fold_0" / "cpu_seconds.json").read_text())
        ours = options.ours_masks or options.out
        print(write_tables(options.out, ours, options.data, sum(seconds.values()) / 60))


def prepare(work: Path, data: Path) -> None:
    """Give nnU-Net its dataset, and let it plan and preprocess."""
    table = write_moved_cohort(work / "moved", data)
    if not (work / "export").exists():
        begun = export_nnunet(
            table, work / "export", modalities=[SEQUENCE], folds=FOLDS_TABLE, dataset=DATASET
        )
        for case_id in begun.case_ids:
            print(case_id, flush=True)
    number = DATASET[7:10]
    spacing = ["-overwrite_target_spacing", "6", "6", "6", "-overwrite_plans_name", PLANS]
    for command in (
        ["nnUNetv2_extract_fingerprint", "-d", number, "-np", "1"],
        ["nnUNetv2_plan_experiment", "-d", number],
        ["nnUNetv2_plan_experiment", "-d", number, *spacing],
        ["nnUNetv2_preprocess", "-d", number, "-plans_name", PLANS, "-c", "3d_fullres", "-np", "1"],
    ):
        program = Path(sys.executable).with_name(command[0])
        environment = {**_environment(work), "nnUNet_n_proc_DA": "1"}  # planning fails with none
        subprocess.run([program, *command[1:]], env=environment, check=True)


def predict(options: argparse.Namespace) -> None:
    """Segment the patients of fold 0 by what is there."""
    _segment_all(METHOD, segmenter(f"nnunet:{_trained(options.work)}"), options)
    if options.ours:
        model = read_model(options.ours, folds=(FOLD,))
        ours = NetworkSegmenter(model.name, load_predictor(model, threads=1), None)
        _segment_all(OURS, ours, options)
    if options.default:
        _segment_all(DEFAULT, segmenter(f"nnunet:{_untrained(options.work)}"), options)


def _segment_all(method: str, by: Segmenter, options: argparse.Namespace) -> None:
    for place, patient in enumerate(tested_patients()):
        cell = Cell(method, (SEQUENCE,), "moved", patient)
        file = cell.file(options.out, ".nii.gz")
        scans, _ = moved_case(options.data / "sts" / patient, (SEQUENCE,), "moved")
        request = SegmentationRequest(scans, None, seed=0)
        if place == 0:
            by.segment(request)
        start = time.process_time()
        made = by.segment(request)
        seconds = round(time.process_time() - start, 3)
        file.unlink(missing_ok=True)
        write_mask(made.mask, file)
        record = json.dumps({"cpu_seconds": seconds}) + "\n"
        write_text(cell.file(options.out, ".json"), record, replace=True)
        print(f"{method} {patient}: {seconds} CPU-s", flush=True)


def _untrained(work: Path) -> Path:
    """Folder of a model of nnU-Net's default plan with random weights, for its time alone."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    folder = work / "untrained" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    source = work / "export" / PREPROCESSED / DATASET
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    for name, of in (("plans.json", "nnUNetPlans.json"), ("dataset.json", "dataset.json")):
        (folder / name).write_bytes((source / of).read_bytes())
    plans = PlansManager(str(folder / "plans.json"))
    network = nnUNetTrainer.build_network_architecture(
        plans, plans.get_configuration("3d_fullres"), 1, 2, enable_deep_supervision=False
    )
    weights = {"network_weights": network.state_dict()}
    torch.save(weights, folder / "fold_0" / "checkpoint_final.pth")
    return folder


def _names() -> list[str]:
    return [DATASET[7:10], "3d_fullres", str(FOLD), "-tr", TRAINER, "-p", PLANS]


def _trained(work: Path) -> Path:
    return work / "export" / RESULTS / DATASET / f"{TRAINER}__{PLANS}__3d_fullres"


def _environment(work: Path) -> dict[str, str]:
    """Where nnU-Net finds its folders, one process and one thread."""
    folders = {name: str(work / "export" / name) for name in (RAW, PREPROCESSED, RESULTS)}
    return {
        **os.environ,
        **folders,
        "OMP_NUM_THREADS": "1",
        "nnUNet_n_proc_DA": "0",
        "nnUNet_def_n_proc": "1",
        "nnUNet_compile": "f",
        "nnUNet_extTrainer": str(TRAINERS),
        "ONCOTRACE_NNUNET_EPOCHS": str(EPOCHS),
    }


if __name__ == "__main__":
    main()
