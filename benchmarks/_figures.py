"""What every benchmark says alike: plain tables, medians, and what it was measured on."""

import os
import platform
from collections.abc import Sequence
from statistics import median

__all__ = ["machine", "median", "said_to_be_missing", "table"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their headings; the first to the left, figures to the right."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    laid = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]
    return "\n".join([laid[0], "-" * len(laid[0]), *laid[1:]])


def machine() -> str:
    """The machine in a few words, without its name."""
    return f"{os.cpu_count()} processors, Linux {platform.release()}, Python {platform.python_version()}"


def said_to_be_missing(what: str, missing: Sequence[str]) -> bool:
    """Say that ``what`` is left out and why, if anything is missing; returns whether it was said."""
    if missing:
        print(f"left out: {what}; needs {', '.join(missing)}")
    return bool(missing)
