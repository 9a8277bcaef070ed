"""What appending can meet.

StreamConflict          somebody else appended to the stream first: load again and decide again
RequestRepeated         the request id is taken: look the operation up, or refuse another command under it
Fenced                  this worker no longer leads the host: stop acting
RestoreUnacknowledged   the log was restored and may be older than the world: begin nothing
"""


class StreamConflict(Exception):
    """Another writer was first on one of the streams. Nothing was stored."""


class RequestRepeated(Exception):
    """The request id was used before. Nothing was stored."""


class Fenced(Exception):
    """The lease named with the append is held by somebody else by now. Nothing was stored."""


class RestoreUnacknowledged(Exception):
    """The log was restored and nobody has acknowledged it: no request and no start of an operation was stored."""
