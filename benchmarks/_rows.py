"""Rows of the log as PostgreSQL's binary COPY has them, with leaves as ``log.leaf`` computes them, all in Python.

``log.leaf`` is what counts; docs/reference/envelope.md says the same in words, and a test holds this twin to the
vectors there. It is written for speed: one formatting, two hashes.
"""

from hashlib import sha256
from struct import Struct

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"

_UNIX_TO_2000_US = 946_684_800_000_000
_COUNT, _LENGTH = Struct(">h"), Struct(">i")
_BEFORE_TOPIC = Struct(">hi16siqi")
_BEHIND_STATE = Struct(">iqi16siqi16si32s")


def context_of(*fields: str | None) -> bytes:
    """The context of an append as leaves have it, of (actor, reason, ticket, request_id, correlation, causation)."""
    encoded = (None if value is None else value.encode() for value in fields)
    return b"".join(b"-" if value is None else b"%d:%b," % (len(value), value) for value in encoded)


def leaf(  # noqa: PLR0913, PLR0917  an envelope has so many fields
    log: bytes,
    position: int,
    stream: bytes,
    version: int,
    topic: bytes,
    recorded_at_us: int,
    context: bytes,
    salt: bytes,
    state: bytes,
) -> bytes:
    """The leaf of an event in the envelope of version 1. ``log`` and ``stream`` are UUIDs as text."""
    here, number, at = b"%d" % position, b"%d" % version, b"%d" % recorded_at_us
    shared = (log, len(here), here, stream, len(number), number, len(topic), topic, len(at), at, context, salt)
    envelope = b"\x001:1,36:%b,%d:%b,36:%b,%d:%b,%d:%b,%d:%b,%b16:%b,32:%b," % (*shared, sha256(state).digest())
    return sha256(envelope).digest()


def event_row(  # noqa: PLR0913, PLR0917  a row has so many columns
    stream: bytes,
    version: int,
    topic: bytes,
    state: bytes,
    position: int,
    append: bytes,
    recorded_at_us: int,
    salt: bytes,
    leaf: bytes,
) -> bytes:
    """A row of the member ``events``."""
    at = recorded_at_us - _UNIX_TO_2000_US
    before = _BEFORE_TOPIC.pack(9, 16, stream, 8, version, len(topic))
    behind = _BEHIND_STATE.pack(8, position, 16, append, 8, at, 16, salt, 32, leaf)
    return b"".join((before, topic, _LENGTH.pack(len(state)), state, behind))


def row(*columns: bytes | None) -> bytes:
    """A row of any columns, each as its type's binary form."""
    fields = (_LENGTH.pack(-1) if value is None else _LENGTH.pack(len(value)) + value for value in columns)
    return _COUNT.pack(len(columns)) + b"".join(fields)
