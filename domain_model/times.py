"""How moments stand in sentences: as virsh prints times, but in UTC, for nobody knows whose clock a reader goes by.

Where a moment stands for itself, a door gives it as RFC 3339, and the command line prints it as clocks there show it.
"""

from datetime import UTC, datetime


def moment_in_words(moment: datetime | str) -> str:
    """A moment, or its RFC 3339, as ``2026-11-28 02:00:00 +0000``."""
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return known.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S %z")
