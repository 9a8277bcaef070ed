"""Old shapes of events, lifted to the present one as they are read: whoever reads events knows one shape only.

An event class says by ``class_version`` which shape it has now (1 if it does not say), and what is written says which
shape it was written in. Nothing in the log is ever rewritten. A golden log of each release is kept in the tests and
must be read for ever.
"""

from collections.abc import Callable
from typing import Any

State = dict[str, Any]


def _request_names_flags(state: State) -> State:
    """Requests of the first logs named no flags when there were none."""
    return state | {"arguments": {"flags": 0, **state["arguments"]}}


def _deletion_tells_of_data(state: State) -> State:
    """It once did not say whether the snapshots' data may be there still: it is, if only metadata was to go."""
    kept = state.get("data_kept")
    return state | {"data_kept": state["metadata_only"] or state["origin"] == "observed" if kept is None else kept}


LIFTS: dict[str, list[Callable[[State], State]]] = {
    "operation.requested": [_request_names_flags],
    "snapshot.deleted": [_deletion_tells_of_data],
}
"""By topic: from version 1 to 2, from 2 to 3, and so on."""


def upcast(topic: str, state: State, written: int) -> State:
    """The fields of an event that was written in version ``written``, in the present version."""
    for lift in LIFTS.get(topic, ())[written - 1 :]:
        state = lift(state)
    return state
