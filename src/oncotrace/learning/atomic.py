"""Files of the engine's own that are replaced in one step."""

import os
import secrets
from pathlib import Path

from oncotrace.errors import OutputError


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``; whoever reads it sees the old or the new whole.

    Raises
    ------
    OutputError
        It cannot be written: no permission, disk full.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path.name} cannot be written: {error.strerror or type(error).__name__}.",
            hint="Check permissions and free space, or choose another --out.",
        ) from error
