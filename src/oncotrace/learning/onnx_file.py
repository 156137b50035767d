"""One network in an ONNX file, from whoever made it: checked, opened, run on the CPU."""

import onnxruntime as ort

from oncotrace.errors import ModelError

INPUT = "channels"
OUTPUTS = ("logits", "features")
KEPT = "kept"
"""How the names of the inputs end that say what dropout keeps; they may be left out."""
_EXTERNAL_KEY = b"location"


def open_session(content: bytes, name: str, *, threads: int) -> ort.InferenceSession:
    """Session of a network, deterministic, on ``threads`` threads.

    Raises
    ------
    ModelError
        The file refers to other files, cannot be run, or has other inputs and outputs than ours.
    """
    require_self_contained(content, name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what goes wrong is raised; nothing is printed
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen kinds of its own, none public
        raise ModelError(
            f"{name} is not a network that onnxruntime can run.",
            hint="Get the model again, or export it again.",
            code="unusable-model",
        ) from error
    inputs = [value.name for value in session.get_inputs()]
    outputs = tuple(value.name for value in session.get_outputs())
    kinds = {value.type for value in (*session.get_inputs(), *session.get_outputs())}
    if inputs != [INPUT] or outputs != OUTPUTS or kinds != {"tensor(float)"}:
        raise ModelError(
            f"{name} maps {', '.join(inputs)} to {', '.join(outputs)}; expected {INPUT} to "
            f"{' and '.join(OUTPUTS)}, all float32.",
            hint="Export it with oncotrace.",
            code="unusable-model",
        )
    return session


def require_self_contained(content: bytes, name: str) -> None:
    """Refuse a network that reads its weights from another file.

    ONNX says where external data lie under the key ``location``. No network that oncotrace writes
    holds this word, so that a search finds every reference, however it is encoded.

    Raises
    ------
    ModelError
        The word is there.
    """
    if _EXTERNAL_KEY in content:
        raise ModelError(
            f"{name} refers to other files, which a model may not.",
            hint="Export it as one file, with oncotrace.",
            code="tampered-model",
        )
