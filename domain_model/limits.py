"""How much of something there may be: each limit with its number, why it is there, and the refusal.

Where libvirt has the limit, it is libvirt's; the others keep one caller from filling what all share.
"""

from domain_model.errors import MalformedXml, OperationFailed, Refused
from domain_model.xml import shown

NAME_BYTES = 251
"""Of a name of a domain, a snapshot or a checkpoint.

libvirt keeps NAME.xml, and a file's name has 255 bytes at most.
"""

SNAPSHOTS_PER_DOMAIN = 16_384
"""libvirt's protocol lists no more of them (REMOTE_DOMAIN_SNAPSHOT_LIST_NAMES_MAX)."""

QUEUED_PER_DOMAIN = 100
"""Operations that have not ended. libvirt has the same for its callers, with the same number 9 (``max_queued``)."""


def check_domain_name(name: str) -> None:
    """Refuse (27) a name that libvirt could not keep a file under.

    libvirt 9.0 takes '.' and '..', and then finds in the folder of that name the snapshots of all other domains, which
    it removes.
    """
    if name in _FOLDERS:
        raise MalformedXml(f"name '{name}' is no name of a file", field="name", value=name, accepted="another name")
    if len(name.encode()) > NAME_BYTES:
        raise MalformedXml(_too_long("domain", name), field="name", value=shown(name), accepted=_SHORT_ENOUGH)


def check_moment_name(name: str, kind: str = "snapshot") -> None:
    """Refuse (35) such a name of a snapshot or a checkpoint."""
    if len(name.encode()) > NAME_BYTES:
        raise Refused(_too_long(kind, name), field="name", value=shown(name), accepted=_SHORT_ENOUGH, number=35)


def check_snapshots(name: str, there: int, new: int = 1) -> None:
    """Refuse (9) snapshots beyond what a domain may have."""
    if there + new > SNAPSHOTS_PER_DOMAIN:
        raise OperationFailed(
            f"domain '{name}' would have {there + new} snapshots",
            field="snapshots",
            value=str(there + new),
            accepted=f"up to {SNAPSHOTS_PER_DOMAIN}",
        )


def check_queue(name: str, waiting: int) -> None:
    """Refuse (9) an operation behind too many others."""
    if waiting >= QUEUED_PER_DOMAIN:
        raise OperationFailed(
            f"domain '{name}' has {waiting} operations that have not ended",
            field="domain",
            value=name,
            accepted=f"up to {QUEUED_PER_DOMAIN}; destroy, suspend and their like are taken at any time",
        )


_FOLDERS = (".", "..")
_SHORT_ENOUGH = f"up to {NAME_BYTES} bytes"


def _too_long(kind: str, name: str) -> str:
    return f"{kind} name has {len(name.encode())} bytes"
