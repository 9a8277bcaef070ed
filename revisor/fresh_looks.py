"""Having hosts looked at now, for whoever may not answer from the last look."""

import time
from collections.abc import Sequence
from uuid import UUID

from domain_model.errors import HypervisorUnreachable
from revisor.application import Application
from revisor.queries import Queries
from revisor.rows import HostRow
from revisor.sightings import LastLook, Sightings
from revisor.wakeup import Wakeup

READ_MODELS_S = 10.0
"""How long a door waits for the read models to show what was just recorded."""
_PAUSE_S = 0.05


class FreshLooks:
    """Asks the agents of hosts for a look, and waits for it."""

    def __init__(self, application: Application, queries: Queries, wakeup: Wakeup) -> None:
        self._application = application
        self._queries = queries
        self._wakeup = wakeup
        self._sightings = Sightings(application.database)

    def take(
        self,
        hosts: Sequence[HostRow],
        timeout_s: float,
        *,
        closely: Sequence[UUID] = (),
        adopting: bool = False,
        adopt: Sequence[str] = (),
    ) -> None:
        """Returns when all were looked at and the read models show what was seen.

        ``closely`` are domains to be looked at closely there; with ``adopting`` domains nobody recorded are taken in,
        with ``adopt`` those of them that have these UUIDs.
        Raises HypervisorUnreachable (38) naming a host that could not be looked at, or not in time.
        """
        wanted = self._sightings.want([row.id for row in hosts], closely=closely, adopting=adopting, adopt=adopt)
        self._application.nudge()
        deadline = time.monotonic() + timeout_s
        while not self._sightings.satisfied(wanted) and time.monotonic() < deadline:
            self._wakeup.wait(_PAUSE_S)
        in_time, looks = self._sightings.satisfied(wanted), self._sightings.last_looks()
        for row in hosts:
            problem = looks.get(row.id, LastLook()).problem
            if problem is not None or not (in_time or self._sightings.satisfied({row.id: wanted[row.id]})):
                why = problem or f"nobody looked at it within {timeout_s:g} s"
                raise HypervisorUnreachable(f"host '{row.name}': {why}", field="host", value=row.name)
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
