"""Death on purpose: an agent that kills itself at a step, for tests of what one that was killed leaves behind.

The steps to die at are lines ``STEP VERB`` of the file ``HOST`` in a folder, taken off it one by one, each before the
death it is for: so an agent that is started again dies at the next line, and lives when there is none. A line
``STEP VERB SIGNAL`` is for another signal than SIGKILL: at SIGSTOP the agent stands still until it is told to go on.
"""

import signal
import threading
from pathlib import Path

from workers.steps import Reached, Step, go_on


def reached(folder: Path | None, host_name: str) -> Reached:
    """What is told of the steps of a host's agent. Without a folder nothing ever dies."""
    if folder is None:
        return go_on
    file = folder / host_name

    def harm_if_told(step: Step, verb: str) -> None:
        if not file.exists():
            return
        first, *rest = file.read_text(encoding="utf-8").splitlines() or [""]
        told = first.split()
        if told[:2] == [step, verb]:
            file.write_text("\n".join(rest), encoding="utf-8")
            # To this thread: one sent to the process is another thread's to take, and this one would go on meanwhile.
            signal.pthread_kill(threading.get_ident(), signal.Signals[told[2]] if told[2:] else signal.SIGKILL)

    return harm_if_told
