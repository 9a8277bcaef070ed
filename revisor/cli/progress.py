"""A progress bar on stderr while an operation is waited for; only where stderr is a terminal."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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
