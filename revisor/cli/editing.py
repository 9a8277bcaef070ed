"""Letting a person change a text in their own editor, as virsh's edit verbs do."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from revisor.cli.failures import refusal

_EDITOR = "vi"


def edited(text: str) -> str:
    """The text as it is after the person's editor ended. It may hold passwords: nobody else can read the file.

    Raises Refusal (1) if the editor does not end well, (38) if it cannot be started.
    """
    command = [*shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or _EDITOR)]
    with tempfile.TemporaryDirectory(prefix="revisor-") as folder:
        file = Path(folder, "edited.xml")
        file.write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run([*command, str(file)], check=False)
        except OSError as error:
            raise refusal(38, f"cannot start the editor '{command[0]}': {error.strerror}", field="EDITOR") from error
        if ended.returncode != 0:
            raise refusal(1, f"internal error: the editor ended with status {ended.returncode}", field="EDITOR")
        return file.read_text(encoding="utf-8", errors="surrogateescape")
