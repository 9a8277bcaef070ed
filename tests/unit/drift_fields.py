"""The fields of the event about drift, for the histories of projections."""

from typing import Any


def accepted_drift(host: str, *aspects: str, position: int = 1_000_000) -> dict[str, Any]:
    """Somebody accepts what was observed of these aspects on a host up to a position."""
    return {"host": host, "aspects": list(aspects or ("state", "definition", "snapshot x")), "position": position}
