"""The model folder of one fold, so that held-out patients are segmented as the product does it."""

import shutil
from pathlib import Path

from oncotrace.learning.model_folder import write_model
from oncotrace.learning.plan import Plan
from oncotrace.pipeline.train import PLAN_FILE, training_folder

CARD = "One network of a cross-validation of oncotrace's benchmarks; not for use.\n"


def single_fold_model(model: Path, fold: int) -> Path:
    """Folder of the model that holds the network of one fold alone, written anew."""
    training, folder = training_folder(model), model.with_name(f"{model.name}-fold-{fold}")
    plan = Plan.model_validate_json((training / PLAN_FILE).read_text(encoding="utf-8"))
    network = network_file(model, fold).read_bytes()
    shutil.rmtree(folder, ignore_errors=True)
    write_model(folder, plan, {fold: network}, card=CARD)
    return folder


def network_file(model: Path, fold: int) -> Path:
    """Where the training of a model leaves the network of a fold."""
    return training_folder(model) / f"fold_{fold}.onnx"
