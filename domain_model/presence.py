"""Whether a snapshot's data is there: metadata tells that it was taken, only its images tell that it still exists."""

from dataclasses import dataclass
from enum import StrEnum

from domain_model.errors import OperationInvalid


class Presence(StrEnum):
    """What is known of a snapshot's data."""

    PRESENT = "present"
    MISSING = "missing"
    UNVERIFIED = "unverified"
    """Nobody could look, or nobody did yet."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at the images found of one snapshot."""

    presence: Presence
    why: str = ""
    """Of a missing one: what is not there, such as ``no snapshot 'a' in /images/web.qcow2``."""


UNVERIFIED = Verification(Presence.UNVERIFIED)


def check_is_there(name: str, found: Verification) -> None:
    """Refuse (55) to go back to a snapshot whose data is missing."""
    if found.presence is Presence.MISSING:
        raise OperationInvalid(
            f"the data of snapshot '{name}' is missing: {found.why}",
            field="name",
            value=name,
            accepted="a snapshot that is present",
        )
