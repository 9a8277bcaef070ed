"""``--as-of``: reading what was there at a position of the log, or at a time."""

import sys
from datetime import datetime

import click

from revisor.cli.verb import Asked, option
from revisor.client import Reply


def as_of_option() -> click.Option:
    return option("as-of", "POSITION|TIME", "What was there at this position of the log, or at this time.")


def moment_asked(asked: Asked, as_of: str | None) -> str | None:
    """What to ask for; what is no time Revisor refuses."""
    if as_of is None:
        return None
    if asked.fresh:
        raise click.UsageError("Options --fresh and --as-of are mutually exclusive")
    return as_of if as_of.isdecimal() else with_offset(as_of)


def with_offset(text: str) -> str:
    """A time as it is asked for: one without an offset is meant as clocks here show it.

    What is no time stays as it is.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.isoformat() if moment.tzinfo else moment.astimezone().isoformat()
    except (ValueError, OverflowError):
        return text


def note_moment(asked: Asked, reply: Reply, as_of: str | None) -> None:
    """Tell which position was answered for, when a person asked for a time; JSON has it."""
    if as_of is not None and not as_of.isdecimal() and asked.output != "json":
        sys.stderr.write(f"note: as of position {reply.body['position']}\n")
