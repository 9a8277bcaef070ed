"""Taking in domains that nobody recorded, with their whole snapshot trees, because a person says so."""

from fnmatch import fnmatchcase

from domain_model.errors import HypervisorUnreachable
from revisor.application import Application
from revisor.attempts import Attempts
from revisor.fresh_looks import FreshLooks
from revisor.presentation import Shown
from revisor.queries import Queries
from revisor.references import References
from revisor.sightings import Sightings, Stranger
from revisor.store.context import Context

_LOOK_S = 60.0
_GONE = "it is there no more"


class Adopting:
    """Has agents take in what they see and nobody recorded."""

    def __init__(
        self, application: Application, queries: Queries, refer: References, attempts: Attempts, looks: FreshLooks
    ) -> None:
        self._queries = queries
        self._sightings = Sightings(application.database)
        self._refer = refer
        self._attempts = attempts
        self._looks = looks

    def adopt(self, host: str, context: Context, *, name: str | None = None) -> list[Shown]:
        """Take in the domains on a host that nobody recorded, or those whose names match a shell's pattern.

        Afterwards they are recorded as they are, in the name of who asked. Returns each with what became of it: the
        log's domain of another host is left, as is one that cannot be read. Raises InvalidArgument (8) for an unknown
        host, HypervisorUnreachable (38) when it cannot be looked at.
        """
        with self._attempts.recorded("adopt", host, context):
            row = self._refer.host(host)
            self._looks.take([row], _LOOK_S)
            wanted = [each for each in self._sightings.strangers(row.id) if _matches(each, name)]
            if not wanted:
                return []
            uuids = [each.uuid for each in wanted]
            self._sightings.ask_to_adopt(row.id, uuids, context)
            try:
                self._looks.take([row], _LOOK_S, adopt=uuids)
            except HypervisorUnreachable:
                self._sightings.withdraw(row.id, uuids)  # who was told that it failed does not expect it later
                raise
        why = self._sightings.left_alone().get(row.id, {})
        return [self._fate(each, why.get(each.name, _GONE)) for each in wanted]

    def _fate(self, each: Stranger, why: str) -> Shown:
        adopted = bool(self._queries.find_placements(each.uuid, each.host))
        return {
            "host": each.host_name,
            "domain": each.name,
            "uuid": each.uuid,
            "adopted": adopted,
            "why": None if adopted else why,
        }


def _matches(each: Stranger, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(each.name, pattern)
