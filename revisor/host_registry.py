"""Which hosts are led, and what people set of each: adding, changing, disabling and forgetting them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.host import AdoptionPolicy, Host
from domain_model.names import HOSTS, Name
from revisor import presentation as present
from revisor.application import Application
from revisor.asked_again import Once
from revisor.attempts import Attempts
from revisor.fresh_looks import READ_MODELS_S
from revisor.queries import Queries
from revisor.references import References
from revisor.rows import HostRow
from revisor.sightings import LastLook
from revisor.store.context import Context
from revisor.store.errors import RequestRepeated, StreamConflict
from revisor.uris import check_uri

_CREATED_UNDER = """
SELECT FROM log.events JOIN log.appends USING (append_id)
WHERE originator_id = %s AND originator_version = 1 AND request_id = %s
"""


class HostRegistry:
    """The hosts that there are, and what is set of them. ``shown`` tells what a host is by then."""

    def __init__(
        self,
        application: Application,
        queries: Queries,
        refer: References,
        attempts: Attempts,
        shown: Callable[[str], dict[str, Any]],
    ) -> None:
        self._application = application
        self._queries = queries
        self._refer = refer
        self._attempts = attempts
        self._shown = shown

    def add(self, name: str, uri: str, context: Context, adopt: str | None = None) -> dict[str, Any]:
        """Lead a hypervisor under a name, once under a request id; one that is there is not ``added`` again.

        See ``AdoptionPolicy``. Raises Refused: OperationFailed (9) where the name or the URI is another host's.
        """
        with self._attempts.recorded("host add", name, context):
            check_uri(uri)
            self._refuse_second_name(name, uri)
            once = Once(self._application, context, "host add", name=name, uri=uri, adopt=adopt)
            before = once.before()
            if before is None:
                added = self._is_new(name, uri, once, adopt)
            else:
                asked = self._application.database.fetch(_CREATED_UNDER, before["domain"], context.request_id)
                added = bool(asked)
        return {**(self._shown(name) if self._queries.host(name) else self._not_shown_yet(name)), "added": added}

    def set_uri(self, name: str, uri: str, context: Context) -> dict[str, Any]:
        """Reach a host under another URI from now on.

        Raises InvalidArgument (8), OperationFailed (9) for another host's.
        """

        def reach(known: Host) -> None:
            check_uri(uri)
            self._refuse_second_name(name, uri)
            known.set_uri(uri, self._application.now())

        return self._changed("host set-uri", name, reach, context, uri=uri)

    def disable(self, name: str, context: Context) -> dict[str, Any]:
        """Begin nothing new on a host, for the context's reason:
        what is asked of it is refused (55), what is queued waits.

        What was started comes to its end, and the host is still looked at. Done again by somebody else, or for another
        reason, that shows from then on, and ``disabled_before`` has what did till then; done again as it was, or under
        the same request id, it changes nothing. Raises InvalidArgument (8) for an unknown host, or without a reason.
        """
        before: dict[str, str] | None = None

        def disable(host: Host) -> None:
            nonlocal before
            before = host.disabled
            host.disable(actor=context.actor, reason=context.reason, at=self._application.now())

        shown = self._changed("host disable", name, disable, context, reason=context.reason)
        return {**shown, "disabled_before": None if before == shown["disabled"] else before}

    def enable(self, name: str, context: Context) -> dict[str, Any]:
        """Let a host go on, first with what waits. Done again it changes nothing. Raises InvalidArgument (8)."""
        return self._changed("host enable", name, lambda host: host.enable(self._application.now()), context)

    def limit(self, name: str, operations: int, context: Context) -> dict[str, Any]:
        """Have so many operations carried out at once from now on; what was begun goes on.

        Raises InvalidArgument (8).
        """
        return self._changed(
            "host set-limit",
            name,
            lambda host: host.limit(operations, self._application.now()),
            context,
            operations=operations,
        )

    def set_adoption(self, name: str, adopt: str, context: Context) -> dict[str, Any]:
        """Have domains on a host that nobody recorded taken in as they are found (``all``), or only told of (``none``).

        With ``all`` those that are there by now are taken in by the next look. Raises InvalidArgument (8).
        """
        return self._changed(
            "host set-adopt",
            name,
            lambda host: host.set_adoption(adopt, self._application.now()),
            context,
            adopt=adopt,
        )

    def remove(self, name: str, context: Context) -> None:
        """Forget a host, once under a request id;
        refused (55) while a domain is there, or an operation has not ended.
        """
        with self._attempts.recorded("host remove", name, context):
            once = Once(self._application, context, "host remove", name=name)
            if once.before() is not None:
                return
            host = self._refer.host(name)
            there = [row.name for row in self._queries.domains(host=host.id)]
            if there:
                raise OperationInvalid(
                    f"host '{name}' has {len(there)} domains, such as '{there[0]}': undefine them or hand them over",
                    field="name",
                    value=name,
                )
            waiting = self._queries.waiting_on(host.id)
            if waiting:
                raise OperationInvalid(
                    f"host '{name}' has {waiting} operations that have not ended", field="name", value=name
                )
            # Its name is free from the same moment: left claimed, nobody could have it any more.
            position = once.change(
                Host,
                UUID(host.id),
                lambda known: known.remove(self._application.now()),
                names=lambda known: self._application.freed(HOSTS, known.name, known.id),
            )
        self._queries.wait_for(position, READ_MODELS_S)

    def _is_new(self, name: str, uri: str, once: Once, adopt: str | None) -> bool:
        """Whether it was added now.

        Raises OperationFailed (9) where the name is another one's, or it adopts otherwise.
        """
        known = self._queries.host(name) or self._save(name, uri, once, adopt or AdoptionPolicy.NONE)
        if known is None:
            return True
        if known.uri != uri:
            raise OperationFailed(
                f"host '{name}' already exists with URI {known.uri}",
                field="uri",
                value=uri,
                accepted=f"{known.uri}, or host set-uri to change it",
            )
        if adopt not in (None, known.adopt):
            raise OperationFailed(
                f"host '{name}' already exists and adopts {known.adopt}",
                field="adopt",
                value=adopt,
                accepted=f"{known.adopt}, or host set-adopt to change it",
            )
        once.remember(UUID(known.id))
        return False

    def _save(self, name: str, uri: str, once: Once, adopt: str) -> HostRow | None:
        """Returns the host that somebody else added under that name in the meantime, None when it is ours now."""
        now = self._application.now()
        host = Host.add(uuid4(), name=name, uri=uri, at=now)
        host.set_adoption(adopt, now)
        claim = self._application.log.load(Name, Name.id_of(HOSTS, name))
        if claim is None:
            claim = Name.claim_first(HOSTS, name, str(host.id), now)
        elif claim.bearer is not None:
            return self._just_added(name)
        claim.claim(str(host.id), now)
        try:
            position = once.append(host, claim)
        except RequestRepeated:
            return None if once.before() is not None else self._just_added(name)
        except StreamConflict:
            return self._just_added(name)
        self._queries.wait_for(position, READ_MODELS_S)
        return None

    def _not_shown_yet(self, name: str) -> dict[str, Any]:
        """As the read model will have it, of a host that was just added.

        Raises InvalidArgument (8) if it was removed.
        """
        claim = self._application.log.load(Name, Name.id_of(HOSTS, name))
        made = None if claim is None or claim.bearer is None else self._application.log.load(Host, UUID(claim.bearer))
        if made is None:
            return self._shown(name)
        unseen = HostRow(
            str(made.id),
            name,
            made.uri,
            None,
            None,
            None,
            {},
            None,
            0,
            made.disabled,
            made.operations,
            made.adopt,
            made.created_on,
            None,
            0,
        )
        return present.host(unseen, LastLook())

    def _just_added(self, name: str) -> HostRow:
        self._queries.wait_for(self._application.reader.head(), READ_MODELS_S)
        row = self._queries.host(name)
        if row is None:
            raise OperationFailed(f"host '{name}' is just being removed: try again", field="name", value=name)
        return row

    def _refuse_second_name(self, name: str, uri: str) -> None:
        """One URI, one host. Two URIs that lead to one hypervisor are found out when it answers."""
        for row in self._queries.hosts():
            if row.uri == uri and row.name != name:
                raise OperationFailed(f"host '{row.name}' has this URI already", field="uri", value=uri)

    def _changed(
        self, verb: str, name: str, decide: Callable[[Host], None], context: Context, **said: object
    ) -> dict[str, Any]:
        """Change a host, once under a request id, and show it; what was ``said`` tells the command from others."""
        with self._attempts.recorded(verb, name, context):
            id = UUID(self._refer.host(name).id)
            position = Once(self._application, context, verb, host=str(id), **said).change(Host, id, decide)
        self._queries.wait_for(position, READ_MODELS_S)
        return self._shown(name)
