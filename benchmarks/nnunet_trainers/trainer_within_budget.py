"""nnU-Net's trainer with as many iterations as fit into a budget of CPU time.

nnU-Net finds it by ``nnUNet_extTrainer=benchmarks/nnunet_trainers``. Nothing that decides what is
learnt is changed but the number of epochs and their length, on which its polynomial learning rate
depends: network, loss, augmentation, optimiser and sampling are nnU-Net's own. It uses one thread,
looks at one validation batch per epoch (which decides nothing: the last weights are used), writes a
checkpoint after every epoch, and leaves the prediction of the left-out cases to
``nnunet_comparison.py``. The CPU time of its process is added up in ``cpu_seconds.json``.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import torch  # noqa: TID253  # it is what this is about
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

ITERATIONS_PER_EPOCH = 25
EPOCHS_VARIABLE = "ONCOTRACE_NNUNET_EPOCHS"


class nnUNetTrainerWithinBudget(nnUNetTrainer):  # noqa: N801  # nnU-Net looks for it by this name
    """nnU-Net's trainer for a number of short epochs that the environment states."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cpu"),  # noqa: B008  # nnU-Net's own signature
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ[EPOCHS_VARIABLE])
        self.num_iterations_per_epoch = ITERATIONS_PER_EPOCH
        self.num_val_iterations_per_epoch = 1
        self.save_every = 1

    def on_train_start(self) -> None:
        """Use one thread; the command asks for all."""
        torch.set_num_threads(1)
        super().on_train_start()

    def on_epoch_end(self) -> None:
        """Add up the CPU time, that of earlier processes included."""
        super().on_epoch_end()
        file = Path(self.output_folder) / "cpu_seconds.json"
        earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        seconds = {**earlier, str(os.getpid()): round(time.process_time(), 1)}
        file.write_text(json.dumps(seconds), encoding="utf-8")

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Do nothing: all methods predict on the same images, elsewhere."""
