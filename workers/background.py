"""Work in a thread of its own that nobody has to wait for: a thread stuck in a hypervisor's library cannot be ended.

An executor's threads would be too few after some got stuck, and would keep the process from ending.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

Begin = Callable[[Callable[[], None], str], Future[None]]
"""What begins a piece of work, which has a name; the future has what it came to."""


class GivenUp(Exception):
    """This work took too long: nobody waits for it, and it must do nothing more."""


def in_background(work: Callable[[], None], name: str) -> Future[None]:
    """Begin it; the future has what it came to, its exception included."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  whoever asks the future is told
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
