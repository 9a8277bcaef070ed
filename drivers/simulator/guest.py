"""Signals to a simulated guest, which obeys at once, and the agent inside it (libvirt-semantics 2.3 and 2.4).

The agent is there when its channel is in the live definition, and connected unless that says otherwise.
"""

from collections.abc import Sequence
from functools import partial

from domain_model import domain_xml
from domain_model.errors import (
    ArgumentUnsupported,
    InvalidArgument,
    InvalidFlags,
    OperationInvalid,
    OperationUnsupported,
    Refused,
)
from domain_model.libvirt import CODE_SETS, MOST_KEYS, DomainState
from drivers.simulator import lifecycle, machine
from drivers.simulator.acts import Acts
from drivers.simulator.inventory import Domain, Inventory

_KEYCODES = range(1, 768)
_SLEEPS = {"mem": "suspend-to-mem", "disk": "suspend-to-disk", "hybrid": "suspend-to-mem"}
_SWITCHED_OFF = {"mem": "S3 state is disabled for this domain", "disk": "S4 state is disabled for this domain"}
_SECOND = 1_000_000_000


class GuestController(Acts):
    """The ability ``GuestControl``."""

    def reset(self, uuid: str) -> None:
        """Raises OperationInvalid (55) when it is inactive, as the others here."""
        self._act_on(uuid, _reset)

    def inject_nmi(self, uuid: str) -> None:
        self._act_on(uuid, lambda _host, domain: lifecycle.require_active(domain))

    def send_key(self, uuid: str, codeset: str, holdtime_ms: int, keycodes: Sequence[int]) -> None:  # noqa: ARG002  no time passes here
        """Raises InvalidFlags (8) for an unknown code set or no keys, Refused (1) for a key that is none."""
        check = partial(_check_keys, codeset, keycodes)
        self._act_on(uuid, lambda _host, domain: lifecycle.require_active(domain), check=check)

    def pm_suspend(self, uuid: str, target: str, duration_s: int) -> None:
        """Raises ArgumentUnsupported (74) for a duration or without an agent, InvalidArgument (8)."""
        check = partial(_check_sleep, target, duration_s)
        self._act_on(uuid, lambda host, domain: _sleep(host, domain, target), check=check)

    def pm_wakeup(self, uuid: str) -> None:
        """Raises Refused (1) for a guest that is awake."""
        self._act_on(uuid, _wake)

    def abort_job(self, uuid: str) -> None:
        """Raises OperationInvalid (55): no job of the simulator's outlives its transaction."""
        with self._reading() as host:
            lifecycle.require_active(host.domain(uuid))
        raise OperationInvalid("no job is active on the domain")

    def job_is_active(self, uuid: str) -> bool:
        with self._reading() as host:
            host.domain(uuid)
        return False


class Agent(Acts):
    """The ability ``GuestAgent``.

    Each raises 55 unless the guest runs, 74 without an agent, 86 if it does not answer.
    """

    def fs_freeze(self, uuid: str, mountpoints: Sequence[str]) -> int:
        return self._act_on(uuid, lambda host, domain: freeze(host, domain, len(mountpoints)))

    def fs_thaw(self, uuid: str, mountpoints: Sequence[str]) -> int:  # noqa: ARG002  the agent thaws all there are
        return self._act_on(uuid, thaw)

    def guest_time(self, uuid: str) -> tuple[int, int]:
        with self._reading() as host:
            domain = host.domain(uuid)
            lifecycle.require_active(domain)
            require_agent(domain, "guest-get-time")
            return divmod(self._now_ns() + domain.clock_offset_ns, _SECOND)

    def set_guest_time(self, uuid: str, seconds: int, nseconds: int, *, sync: bool) -> None:
        """Raises also OperationUnsupported (84) when it is inactive."""
        offset = 0 if sync else seconds * _SECOND + nseconds - self._now_ns()
        self._act_on(uuid, lambda host, domain: _set_time(host, domain, offset))

    def _now_ns(self) -> int:
        return int(self._clock() * _SECOND)


def require_agent(domain: Domain, command: str | None = None) -> None:
    """Raises OperationInvalid (55), ArgumentUnsupported (74), Refused (86; 1 for what a frozen guest may not)."""
    lifecycle.require_running(domain)
    agent = machine.agent_of(domain.text)
    if agent is None:
        raise ArgumentUnsupported("QEMU guest agent is not configured")
    if agent == "disconnected":
        raise Refused("Guest agent is not responding: QEMU guest agent is not connected", number=86)
    if domain.frozen and command is not None:
        raise Refused(
            f"internal error: unable to execute QEMU agent command '{command}': Command {command} has been disabled:"
            " the agent is in frozen state",
            number=1,
        )


def freeze(host: Inventory, domain: Domain, mountpoints: int) -> int:
    """Returns how many file systems are frozen: those named, or one a disk."""
    lifecycle.require_active(domain)
    require_agent(domain, "guest-fsfreeze-freeze")
    disks = [disk for disk in domain_xml.read(domain.text).disks if disk.source and not disk.readonly]
    domain.frozen = mountpoints or len(disks)
    host.put_domain(domain)
    return domain.frozen


def thaw(host: Inventory, domain: Domain) -> int:
    """Returns how many file systems were thawed."""
    lifecycle.require_active(domain)
    require_agent(domain)
    thawed, domain.frozen = domain.frozen, 0
    host.put_domain(domain)
    return thawed


def _set_time(host: Inventory, domain: Domain, offset_ns: int) -> None:
    if not domain.active:
        # libvirt looks at what a QEMU can do, of which there is none.
        raise OperationUnsupported("cannot set time: qemu doesn't support rtc-reset-reinjection command")
    require_agent(domain, "guest-set-time")
    domain.clock_offset_ns = offset_ns
    host.put_domain(domain)


def _reset(host: Inventory, domain: Domain) -> None:
    lifecycle.require_active(domain)
    domain.frozen = 0
    host.put_domain(domain)


def _sleep(host: Inventory, domain: Domain, target: str) -> None:
    lifecycle.require_active(domain)
    for word, sentence in _SWITCHED_OFF.items():
        if target in (word, "hybrid") and not machine.may_sleep(domain.text, _SLEEPS[word]):
            raise OperationInvalid(sentence)
    require_agent(domain, f"guest-suspend-{'ram' if target == 'mem' else target}")
    if target == "disk":
        lifecycle.stop(host, domain, lifecycle.SHUTOFF_SHUTDOWN)
        return
    domain.state, domain.reason = DomainState.PMSUSPENDED, 0
    host.put_domain(domain)


def _wake(host: Inventory, domain: Domain) -> None:
    lifecycle.require_active(domain)
    if domain.state != DomainState.PMSUSPENDED:
        why = "Unable to wake up: guest is not in suspended state"
        if not machine.has_acpi(domain.text):
            why = "wake-up from suspend is not supported by this guest"
        raise Refused(f"internal error: unable to execute QEMU command 'system_wakeup': {why}", number=1)
    lifecycle.run(domain, lifecycle.RUNNING_WAKEUP)
    host.put_domain(domain)


def _check_sleep(target: str, duration_s: int) -> None:
    if duration_s:
        raise ArgumentUnsupported("Duration not supported. Use 0 for now", field="duration_s")
    if target not in _SLEEPS:
        raise InvalidArgument(f"unknown target '{target}'", field="target", value=target, accepted=", ".join(_SLEEPS))


def _check_keys(codeset: str, keycodes: Sequence[int]) -> None:
    if not keycodes:
        raise InvalidFlags("nkeycodes in virDomainSendKey must be greater than zero", field="keycodes")
    if len(keycodes) > MOST_KEYS:
        raise InvalidFlags(f"nkeycodes must be <= {MOST_KEYS}", field="keycodes", value=str(len(keycodes)))
    if codeset not in CODE_SETS:
        raise InvalidArgument(
            f"unknown codeset '{codeset}'", field="codeset", value=codeset, accepted=", ".join(CODE_SETS)
        )
    for code in keycodes:
        if code not in _KEYCODES:
            raise Refused(
                f"internal error: cannot translate keycode {code} of {codeset} codeset to qnum keycode", number=1
            )
