"""A request id that comes again, of what is no operation: the same command is answered, and not done twice.

Such a command claims its request id as an operation does, in the same table, in the transaction of what it changes;
what finds nothing to change claims it alone. So whatever an id was used for, another command under it is refused.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from revisor.application import Application, another_command, restored
from revisor.store.context import Context
from revisor.store.database import Row
from revisor.store.errors import RequestRepeated, RestoreUnacknowledged
from revisor.store.recorder import Request, Save

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)


class Once:
    """One command, told from others by its verb and what was said with it.

    Without a request id nothing is remembered.
    """

    def __init__(self, application: Application, context: Context, verb: str, **said: Any) -> None:
        self._application = application
        self._context = context
        self._fingerprint = application.vault.fingerprint(json.dumps([verb, said], sort_keys=True).encode())

    def before(self) -> Row | None:
        """What it claimed when it was asked before, if it was.

        Raises InvalidArgument (8) when that was another command.
        """
        known = self._application.requested(self._context.request_id)
        if known is not None and bytes(known["fingerprint"]) != self._fingerprint:
            raise another_command(self._context.request_id)
        return known

    def request(self, stream: UUID) -> Request | None:
        """The claim, for the save of what is changed: of the request id for this command, which is about a stream."""
        id = self._context.request_id
        return None if id is None else Request(self._fingerprint, id, stream)

    def append(self, begun: Aggregate, *others: Aggregate) -> int:
        """Save what is begun, and the claim with it; returns a position. Nothing may have been asked ``before``.

        Raises StreamConflict; RequestRepeated; OperationInvalid (55) for a request id while a restore is
        unacknowledged.
        """
        try:
            save = Save(self._context, request=self.request(begun.id))
            return self._application.log.append(begun, *others, save=save)
        except RestoreUnacknowledged:
            raise restored() from None

    def remember(self, stream: UUID) -> None:
        """Claim the request id though nothing is to be saved; done before is as well. Raises as ``before``."""
        request = self.request(stream)
        if request is None:
            return
        try:
            self._application.log.claim(request)
        except RequestRepeated:
            self.before()

    def change(
        self, kind: type[AnyAggregate], stream: UUID, decide: Callable[[AnyAggregate], None], **more: Any
    ) -> int:
        """``Application.change``, which takes ``more``, if it was not asked before;
        returns a position behind what it did.

        That is 0 only where nothing was to be changed the first time. Raises as that, but for RequestRepeated, and as
        ``before``.
        """
        if self.before() is None:
            try:
                request = self.request(stream)
                position = self._application.change(kind, stream, decide, self._context, request=request, **more)
            except RequestRepeated:
                self.before()  # by somebody else at the same time
            else:
                if position == 0:
                    self.remember(stream)
                return position
        return self._application.reader.head()
