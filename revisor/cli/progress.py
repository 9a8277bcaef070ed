"""Progress on stderr while something is waited for; only where stderr is a terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from revisor.client import Client, Operation

_SLICE_S = 0.25


def ended_with_progress(client: Client, operation: Operation, timeout_s: float | None) -> Operation:
    """As ``Client.ended``, showing meanwhile how far the operation is where it tells."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{operation['verb']} {operation['domain']}", total=None)

        def seen(now: Operation) -> None:
            told = now.get("progress")
            if told:
                progress.update(task, completed=told["done"], total=told["total"])

        return client.ended(operation, timeout_s, seen=seen, slice_s=_SLICE_S)


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str, int], None]]:
    """A line that says which step goes on and how many bytes of it are done; nobody knows how many there will be."""
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda step, done: progress.update(task, description=step, completed=done)
