"""What people set of a host besides its URI: whether anything new is begun there, how much at once, and what is adopted."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain_model.host import Host
from revisor.application import Application
from revisor.asked_again import Once
from revisor.attempts import Attempts
from revisor.fresh_looks import READ_MODELS_S
from revisor.queries import Queries
from revisor.references import References
from revisor.store.context import Context


class Maintenance:
    """Disables, enables and limits hosts, and says what is adopted there. ``shown`` tells what a host is by then."""

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

    def disable(self, name: str, context: Context) -> dict[str, Any]:
        """Begin nothing new on a host, for the context's reason: what is asked of it is refused (55), what is queued waits.

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
        """Have so many operations carried out at once from now on; what was begun goes on. Raises InvalidArgument (8)."""
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

    def _changed(
        self, verb: str, name: str, decide: Callable[[Host], None], context: Context, **said: object
    ) -> dict[str, Any]:
        with self._attempts.recorded(verb, name, context):
            id = UUID(self._refer.host(name).id)
            position = Once(self._application, context, verb, host=str(id), **said).change(Host, id, decide)
        self._queries.wait_for(position, READ_MODELS_S)
        return self._shown(name)
