"""``nnUNetv2_train``, also where torchvision was built for another PyTorch than is installed.

    python benchmarks/nnunet_trainers/train.py 501 3d_fullres 0 -device cpu ...

nnU-Net imports all its trainers to find one by name; some import timm, which imports torchvision.
The wheel of torchvision that goes with PyTorch for CUDA cannot load its operators beside PyTorch
for CPU and then stops at import. No operator of it is called here; declaring the two whose absence
stops it is enough.
"""

import torch  # noqa: TID253  # it is what this is about
from nnunetv2.run.run_training import run_training_entry

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def declare_missing_operators() -> torch.library.Library | None:
    """Declare torchvision's operators if they cannot be loaded; keep what is returned."""
    try:
        import torchvision  # noqa: F401
    except (RuntimeError, ImportError):
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}{_SCHEMA}")
        return library
    return None


if __name__ == "__main__":
    declared = declare_missing_operators()
    run_training_entry()
