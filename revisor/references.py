"""From what people call things to what they mean: hosts by name, domains by UUID, NAME or HOST/NAME."""

from shlex import quote
from uuid import UUID

from domain_model.domain_xml import normalised_uuid
from domain_model.errors import InvalidArgument, NoDomain
from domain_model.placements import Role
from revisor import presentation as present
from revisor.application import Application
from revisor.drift_rows import DriftRows
from revisor.queries import Queries
from revisor.rows import HostRow, PlacementRow
from revisor.sightings import Sightings
from revisor.store.context import Context
from revisor.submissions import Target


class References:
    """Finds what is meant, among what the read models have."""

    def __init__(self, application: Application, queries: Queries) -> None:
        self._application = application
        self._queries = queries
        self._sightings = Sightings(application.database)
        self._drift = DriftRows(application.database, queries)

    def host(self, name: str, field: str = "host", as_of: int | None = None) -> HostRow:
        """The host of that name. Raises InvalidArgument (8), naming the hosts there are, or were at a position."""
        row = self._queries.host(name, as_of)
        if row is None:
            known = ", ".join(row.name for row in self._queries.hosts(as_of))
            raise InvalidArgument(f"no host with name '{name}'", field=field, value=name, accepted=known or None)
        return row

    def target(self, ref: str, host: str | None, context: Context, *, replica: bool) -> Target:
        """What a command is about. Raises as ``placement``."""
        row = self._asked_before(ref, host, context) or self.placement(ref, host, owner_only=not replica)
        return Target(row.domain, row.uuid, row.name, UUID(row.host), host_named=host is not None)

    def _asked_before(self, ref: str, host: str | None, context: Context) -> PlacementRow | None:
        """The placement that the context's request id was used for, though it may be gone by just that command."""
        domain = self._application.domain_asked(context.request_id)
        if domain is None:
            return None
        here = None if host is None else self.host(host).id
        return next(
            (row for row in self._queries.find_placements(ref, here, living=False) if row.domain == domain), None
        )

    def placement(
        self, ref: str, host: str | None, *, owner_only: bool = False, as_of: int | None = None
    ) -> PlacementRow:
        """The placement a reference names, or named at a position: without a host, the owner.

        Raises NoDomain (42), which says how a domain is taken in that only was seen, and of one that went past Revisor
        what tells of it; or InvalidArgument (8) when several answer to it.
        """
        if ref.lstrip().startswith("<"):
            raise NoDomain("a name or a UUID is expected, not XML", field="domain")
        here = None if host is None else self.host(host, as_of=as_of).id
        found = (
            self._queries.find_placements(ref, here) if as_of is None else self._queries.placements_at(ref, as_of, here)
        )
        if host is None:
            owners = [row for row in found if row.role == Role.OWNER]
            found = owners if owners or owner_only else found
        if not found:
            what = "uuid" if present.is_uuid(ref) else "name"
            where = "" if host is None else f" on host '{host}'"
            where += self._seen(ref, host, here) if as_of is None else f" at position {as_of}"
            raise NoDomain(f"no domain with matching {what} '{ref}'{where}", field="domain", value=ref)
        if len(found) > 1:
            candidates = ", ".join(f"{row.host_name}/{row.name}" for row in found)
            raise InvalidArgument(
                f"'{ref}' is {len(found)} domains: {candidates}", field="domain", value=ref, accepted=candidates
            )
        return found[0]

    def _seen(self, ref: str, host: str | None, here: str | None) -> str:
        """What the looks at the hosts tell of a name or UUID that nothing bears on record, in words."""
        return self._unrecorded(ref, here) or self._past_us(ref, host, here)

    def _past_us(self, ref: str, host: str | None, here: str | None) -> str:
        gone = self._queries.find_placements(ref, here, living=False)
        if not gone or gone[0].present or not self._drift.is_any(gone[0].domain, here):
            return ""
        return f"; 'revisor drift {quote(present.reference(ref, host))}' tells what happened past Revisor"

    def _unrecorded(self, ref: str, host: str | None) -> str:
        """Where a look saw a domain of that name or UUID that nobody recorded, in words, and how it is taken in."""
        uuid = normalised_uuid(ref)
        seen = [each for each in self._sightings.strangers(host) if each.name == ref or each.uuid == uuid]
        ways = [
            f"'revisor adopt --host {each.host_name} --name {quote(each.name)}' takes it in"
            for each in seen
            if each.elsewhere is None
        ]
        return f"; it is on a host, but not recorded: {' or '.join(ways)}" if ways else ""

    def owner(self, ref: str, host: str | None, as_of: int | None = None) -> PlacementRow:
        """As ``placement``, of a replica its owner:
        what is the domain's own, such as its snapshots, is on that host.
        """
        row = self.placement(ref, host, as_of=as_of)
        if row.role != Role.REPLICA:
            return row
        everywhere = (
            self._queries.placements(row.domain) if as_of is None else self._queries.placements_at(row.uuid, as_of)
        )
        return next((each for each in everywhere if (each.domain, each.role) == (row.domain, Role.OWNER)), row)

    def last_bearer(self, ref: str, host: str | None) -> UUID:
        """As ``placement``, and also the domain that bore a name last."""
        try:
            return self.placement(ref, host).domain
        except NoDomain:
            here = None if host is None else self.host(host).id
            gone = self._queries.find_placements(ref, here, living=False)
            if not gone:
                raise
            return gone[0].domain
