"""A request id that comes again, of what is no operation: the same command is answered and not done twice.

Operations have their request ids in a table of their own. What else is asked for is a change of one stream, and the log says
under which request id each change was recorded; so that is looked up in the stream, where a second writer is found out too.
"""

from typing import Any
from uuid import UUID

from revisor.application import Application, another_command
from revisor.store.context import Context


def done_before(application: Application, stream: UUID, context: Context, kind: type, **said: Any) -> bool:
    """Whether an event of a kind that says this is in a stream under the context's request id.

    Raises InvalidArgument (8) when the id was used for another command.
    """
    if context.request_id is None:
        return False
    if application.domain_asked(context.request_id) is not None:
        raise another_command(context.request_id)
    events = [recorded.event for recorded in application.reader.under(stream, context.request_id)]
    if not events:
        return False
    if not any(isinstance(event, kind) and _says(event, said) for event in events):
        raise another_command(context.request_id)
    return True


def _says(event: Any, said: dict[str, Any]) -> bool:
    return all(getattr(event, name) == value for name, value in said.items())
