"""What of the schema ``work`` follows from the log, made anew from it: after an import nothing else is there.

The queue of operations is folded; the epochs of hosts go on behind the newest that the log knows, or what an agent of
before had still to say would be taken for its successor's. The rest is worth nothing behind a restart.
"""

from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from domain_model.host import Host
from revisor.store.mapper import UNREADABLE, UnknownEvent, UnreadableEvents, decode
from revisor.store.queue import ENDS, TOPICS, queue_of
from workers.leases import lease_of

# A text in an event may hold a NUL, which jsonb cannot: it is passed over here (but not a backslash before "u0000").
_OPEN = r"""
SELECT array_agg(notification_id) FROM log.events WHERE topic = ANY(%s)
GROUP BY regexp_replace(convert_from(state, 'UTF8'), '(\\\\)|\\u0000', '\1', 'g')::jsonb ->> 'operation'
HAVING NOT bool_or(topic = ANY(%s))
"""
# An operation that ended leaves nothing in the queue, and nearly all have: they need not be decoded to know that.
_EVENTS = """
SELECT notification_id, topic, originator_id, originator_version, state
FROM log.events WHERE notification_id = ANY(%s) ORDER BY notification_id
"""
_INSERT = """
INSERT INTO work.operation_queue (operation, domain, host, verb, exclusive, position, started, worker, epoch)
SELECT operation, domain, host, verb, exclusive, position, started, worker, epoch FROM jsonb_to_recordset(%s)
    AS q(operation uuid, domain uuid, host uuid, verb text, exclusive boolean, position bigint, started boolean,
         worker uuid, epoch bigint)
"""
_EPOCHS = """
SELECT originator_id, max((convert_from(state, 'UTF8')::jsonb ->> 'epoch')::bigint)
FROM log.events WHERE topic = %s GROUP BY originator_id
"""


def rebuild_work(connection: Connection[tuple[Any, ...]]) -> None:
    """Fill the queue and the leases of a log whose workers have not begun yet. Nobody holds a lease afterwards.

    Raises UnknownEvent for an operation in the queue that this release does not know.
    """
    ends = [event.TOPIC for event in ENDS]
    positions = [position for (some,) in connection.execute(_OPEN, (TOPICS, ends)) for position in some]
    rows = connection.execute(_EVENTS, (positions,))
    try:
        queue = queue_of((position, decode(topic, *event)) for position, topic, *event in rows)
    except UnknownEvent as error:
        raise UnknownEvent(f"an operation that has not ended cannot be read: {error}") from error
    except UNREADABLE as error:
        why = f"{type(error).__name__}: {error}"
        raise UnreadableEvents(f"an operation that has not ended cannot be read: {why}") from error
    connection.execute(_INSERT, (Jsonb(queue),))
    connection.execute("DELETE FROM work.aggregate_snapshots")  # of streams that may be other ones now
    for host, epoch in connection.execute(_EPOCHS, (Host.Led.TOPIC,)).fetchall():
        connection.execute("INSERT INTO work.leases (name, epoch, beat) VALUES (%s, %s, 0)", (lease_of(host), epoch))
