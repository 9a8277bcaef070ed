"""Progress on stderr while something is waited for; only where stderr is a terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from revisor.cli.output import printable
from revisor.client import Client, Operation

_SLICE_S = 0.25


def ended_with_progress(client: Client, operation: Operation, timeout_s: float | None) -> Operation:
    """As ``Client.ended``, showing meanwhile how far the operation is where it tells, and what holds it up."""
    # What somebody gave as a reason is no markup.
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(_described(operation), total=None)

        def seen(now: Operation) -> None:
            told = now.get("progress")
            progress.update(task, description=_described(now))
            if told:
                progress.update(task, completed=told["done"], total=told["total"])

        return client.ended(operation, timeout_s, seen=seen, slice_s=_SLICE_S)


def _described(operation: Operation) -> str:
    words = f"{operation['verb']} {operation['domain']}"
    held_up = operation.get("held_up")
    return printable(f"{words}: {operation['state']}, {held_up}" if held_up else words)


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str, int], None]]:
    """A line that says which step goes on and how many bytes of it are done; nobody knows how many there will be."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda step, done: progress.update(task, description=step, completed=done)
