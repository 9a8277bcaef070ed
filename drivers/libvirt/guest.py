"""Signals to a guest, and questions to the agent inside it, through libvirt."""

from collections.abc import Sequence

from domain_model.errors import InvalidArgument, InvalidFlags, NotSupported, OperationInvalid
from domain_model.flags import SetTime
from domain_model.libvirt import CODE_SETS, MOST_KEYS, SLEEP_TARGETS
from drivers.libvirt.calls import Calls

_ACTIVE_JOBS = (1, 2)
"""Bounded and unbounded, virDomainJobType; the others are none, or one that is over."""


class GuestController(Calls):
    """The ability ``GuestControl``."""

    def reset(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.reset(0))

    def inject_nmi(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.injectNMI(0))

    def send_key(self, uuid: str, codeset: str, holdtime_ms: int, keycodes: Sequence[int]) -> None:
        number = _number(CODE_SETS, codeset, "codeset")
        if len(keycodes) > MOST_KEYS:
            # libvirt-python gives up on them by itself, without a word and without a number.
            raise InvalidFlags(f"nkeycodes must be <= {MOST_KEYS}", field="keycodes", value=str(len(keycodes)))
        self._act(uuid, lambda domain: domain.sendKey(number, holdtime_ms, list(keycodes), len(keycodes), 0))

    def pm_suspend(self, uuid: str, target: str, duration_s: int) -> None:
        number = _number(SLEEP_TARGETS, target, "target")
        self._act(uuid, lambda domain: domain.pMSuspendForDuration(number, duration_s, 0))

    def pm_wakeup(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.pMWakeup(0))

    def abort_job(self, uuid: str) -> None:
        self._act(uuid, lambda domain: domain.abortJob())

    def job_is_active(self, uuid: str) -> bool:
        try:
            return self._read_domain(uuid, lambda domain: domain.jobInfo()[0] in _ACTIVE_JOBS)
        except (NotSupported, OperationInvalid):
            return False  # a domain that is off has none


class Agent(Calls):
    """The ability ``GuestAgent``."""

    def fs_freeze(self, uuid: str, mountpoints: Sequence[str]) -> int:
        return int(self._act(uuid, lambda domain: domain.fsFreeze(list(mountpoints) or None, 0)))

    def fs_thaw(self, uuid: str, mountpoints: Sequence[str]) -> int:
        return int(self._act(uuid, lambda domain: domain.fsThaw(list(mountpoints) or None, 0)))

    def guest_time(self, uuid: str) -> tuple[int, int]:
        found = self._read_domain(uuid, lambda domain: domain.getTime(0))
        return int(found["seconds"]), int(found["nseconds"])

    def set_guest_time(self, uuid: str, seconds: int, nseconds: int, *, sync: bool) -> None:
        flags = int(SetTime.SYNC) if sync else 0
        self._act(uuid, lambda domain: domain.setTime({"seconds": seconds, "nseconds": nseconds}, flags))


def _number(known: dict[str, int], word: str, field: str) -> int:
    if word not in known:
        raise InvalidArgument(f"unknown {field} '{word}'", field=field, value=word, accepted=", ".join(known))
    return known[word]
