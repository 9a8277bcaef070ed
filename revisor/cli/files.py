"""Reading the files that are named on the command line."""

from pathlib import Path

from revisor.cli.failures import refusal

_LIMIT = 16 * 1024 * 1024
"""XML of more bytes is refused by Revisor."""


def read_text(file: str) -> str:
    """The text of a file. One byte over the limit is enough of a larger one: it is refused, and goes on record.

    Bytes that are no UTF-8 are kept (as surrogates) for the same reason: the refusal is Revisor's to give. Raises
    Refusal (38) for a file that cannot be read.
    """
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_LIMIT + 1)
    except OSError as error:
        raise refusal(38, f"Failed to open file '{file}': {error.strerror}", field="file", value=file) from error
    # The limit may cut a character in two; that it is too large is still what has to be said.
    return data.decode("utf-8", "replace" if len(data) > _LIMIT else "surrogateescape")
