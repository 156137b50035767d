"""Training of networks; needs PyTorch and MONAI, the extra ``oncotrace[train]``."""

from importlib.util import find_spec

from oncotrace.errors import MissingDependencyError

_NEEDED = ("torch", "monai", "onnx", "onnxscript")


def require_training_extra() -> None:
    """Say what is missing before anything heavy is imported.

    Raises
    ------
    MissingDependencyError
        One of the libraries of the extra is not installed.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"training needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed.",
            hint="Install it with: pip install 'oncotrace[train]'.",
        )


require_training_extra()
