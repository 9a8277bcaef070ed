"""Letting a person change a text in their own editor, as virsh's edit verbs do, and losing nothing they wrote."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from revisor.cli import output
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.verb import Asked
from revisor.client import ClientError, Refusal

_EDITOR = "vi"


def edit(asked: Asked, before: str, take: Callable[[str], int], *, unchanged: str | None) -> int:
    """Let the person change ``before`` and hand the text to ``take``; return its exit code.

    What ``take`` refuses, by its code or by raising Refusal, a person at a terminal may change again; what they then
    leave is kept in a file, which is named. ``unchanged`` is said of a text that is as before, which then is not taken;
    None: it is taken all the same.

    Raises Refusal (1) if the editor does not end well, (38) if it cannot be started; ClientError as ``take`` does.
    """
    text = before
    while True:
        text = _changed(text)
        if unchanged is not None and text.removesuffix("\n") == before.removesuffix("\n"):
            output.message(unchanged)
            return Exit.DONE
        try:
            code = take(text)
        except Refusal as refused:
            code = fail(refused, as_json=asked.output == "json")
        except ClientError:
            _keep(text)
            raise
        if code != Exit.REFUSED:
            return code
        # Another try under the same request id would be another command.
        if asked.request_id is not None or not _once_more():
            _keep(text)
            return code


def written_name(text: str, read: Callable[[str], Any], *, otherwise: str) -> str:
    """The name that a text has as ``read``. What is no XML, or has none, is refused by Revisor, on record."""
    from domain_model.errors import Refused  # not every verb needs it

    try:
        return str(read(text).name or otherwise)
    except Refused:
        return otherwise


def _changed(text: str) -> str:
    """The text as it is after the editor ended. It may hold passwords: nobody else can read the file."""
    command = [*shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or _EDITOR)]
    with tempfile.TemporaryDirectory(prefix="revisor-") as folder:
        file = Path(folder, "edited.xml")
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        try:
            ended = subprocess.run([*command, str(file)], check=False)
        except OSError as error:
            raise refusal(38, f"cannot start the editor '{command[0]}': {error.strerror}", field="EDITOR") from error
        if ended.returncode != 0:
            raise refusal(1, f"internal error: the editor ended with status {ended.returncode}", field="EDITOR")
        try:
            return file.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise refusal(38, f"what was edited cannot be read: {error.strerror}", field="EDITOR") from error


def _once_more() -> bool:
    return sys.stdin.isatty() and click.confirm("Failed. Try again?", default=True, err=True)


def _keep(text: str) -> None:
    """Leave a person's text in a file that nobody else can read.

    A program that played the editor can write it again.
    """
    if not sys.stdin.isatty():
        return
    number, path = tempfile.mkstemp(prefix="revisor-edited-", suffix=".xml")
    with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    sys.stderr.write(f"what you wrote is in {path}\n")
