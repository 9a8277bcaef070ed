"""How a snapshot is named on the command line, and how one is shown whose data is gone."""

import sys
from contextlib import suppress
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.failures import refusal
from revisor.cli.verb import Word, flag
from revisor.client import ClientError, segment

SNAPSHOT = Word("snapshotname", "SNAPSHOT")
SNAPSHOT_OR_CURRENT = Word("snapshotname", "SNAPSHOT", required=False)
NO_SNAPSHOT = 72

Item = dict[str, Any]


def current_option() -> click.Option:
    return flag("current", "The current snapshot, instead of a named one.")


def one_named(door: Door, reference: Reference, name: str | None, *, current: bool) -> str:
    """The snapshot that is meant: the named one, or with ``--current`` the current one."""
    check_one_named(name, current=current)
    if name is not None:
        return name
    return str(door.read_of(reference, "/snapshot-current").body["items"][0]["name"])


def check_one_named(name: str | None, *, current: bool) -> None:
    """virsh's own refusals, which come before anything is asked."""
    if name is not None and current:
        raise click.UsageError("--snapshotname and --current are mutually exclusive")
    if name == "":
        raise refusal(8, "invalid argument: the name of a snapshot is not empty", field="snapshotname", value="")
    if name is None and not current:
        raise click.UsageError("--snapshotname or --current is required")


def is_missing(item: Item) -> bool:
    """Whether the snapshot's data was looked for and is not there."""
    return bool(item["presence"] == "missing")


def state_of(item: Item) -> str:
    """The guest's state in a snapshot; a snapshot that is not there any more has none."""
    return "missing" if is_missing(item) else str(item["state"])


def doubt_of(item: Item) -> str | None:
    """What is not as it should be of a snapshot's data; None when it is known to be there."""
    if is_missing(item):
        return f"its data is missing: {item['why']}" if item.get("why") else "its data is missing"
    return None if item["presence"] == "present" else "whether its data is there is not known"


def note_doubt(door: Door, reference: Reference, name: str) -> None:
    """Say of a snapshot whose metadata is there whether its data is."""
    with suppress(ClientError):  # what was asked for is done in any case
        doubt = doubt_of(door.read_of(reference, f"/snapshots/{segment(name)}").body["items"][0])
        if doubt is not None:
            sys.stderr.write(output.printable(f"note: snapshot {name}: {doubt}") + "\n")


def held_of(item: Item) -> str:
    """Who holds a snapshot that is held, until when, and why."""
    from domain_model.holds import in_words  # only a hold needs it, and start-up is measured

    until = item.get("held_until")
    end = None if until is None else output.local_time(until)
    return in_words(item["held_by"], end, item.get("held_reason"), item.get("held_ticket"))
