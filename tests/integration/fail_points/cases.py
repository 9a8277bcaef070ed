"""Every verb once, with what there must be before: a guest of its own for each agent that is to be killed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from domain_model.flags import Start
from revisor.application import Accepted
from revisor.service import Service
from tests.integration.product import ALICE

Item = dict[str, Any]

_AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
_STICK = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/stick.qcow2'/>"
    "<target dev='sdb' bus='usb'/></disk>"
)
_CHECKPOINT = "<domaincheckpoint><name>c</name></domaincheckpoint>"
_PATIENCE_S = 60.0
"""Far beyond the lease and 10 s after each of two deaths."""


@dataclass
class Guest:
    """A guest on a simulated host, asked about as at a door."""

    service: Service
    host: str
    replica_host: str
    uuid: str = field(default_factory=lambda: str(uuid4()))

    @property
    def name(self) -> str:
        return f"guest-{self.uuid[:8]}"

    @property
    def file(self) -> str:
        return f"/saved/{self.name}"

    @property
    def xml(self) -> str:
        return (
            f"<domain type='qemu'><name>{self.name}</name><uuid>{self.uuid}</uuid><memory unit='MiB'>64</memory>"
            "<vcpu current='1'>2</vcpu><os><type>hvm</type></os><devices><disk type='file' device='disk'>"
            f"<driver name='qemu' type='qcow2'/><source file='/images/{self.name}.qcow2'/><target dev='vda'/></disk>"
            f"{_AGENT}</devices></domain>"
        )

    def ask(self, verb: str, **arguments: Any) -> Accepted:
        """Raises Refused."""
        match verb:
            case "define":
                return self.service.define(self.xml, self.host, ALICE)
            case "create":
                return self.service.create(self.xml, self.host, Start.NONE, ALICE)
            case "restore":
                return self.service.restore(self.host, {"file": self.file}, ALICE)
        return self.service.act(self.uuid, None, verb, arguments, ALICE)

    def ended(self, accepted: Accepted) -> Item:
        """The operation when it has ended. Fails when it does not."""
        operation = self.service.wait(accepted.operation, _PATIENCE_S)
        assert operation["state"] not in ("queued", "started"), f"stuck: {operation}"
        return operation

    def remove(self) -> None:
        """Take away what was made for it outside Revisor."""

    def do(self, verb: str, **arguments: Any) -> None:
        """Have it done, which must succeed."""
        operation = self.ended(self.ask(verb, **arguments))
        assert operation["state"] == "succeeded", operation


Given = Callable[[Guest], None]


def nothing(_guest: Guest) -> None:
    pass


def off(guest: Guest) -> None:
    guest.do("define")


def running(guest: Guest) -> None:
    off(guest)
    guest.do("start")


def after(given: Given, *verbs: str, **arguments: Any) -> Given:
    """What is given, and these verbs done, all with the same arguments."""

    def done(guest: Guest) -> None:
        given(guest)
        for verb in verbs:
            guest.do(verb, **{key: guest.file if value is FILE else value for key, value in arguments.items()})

    return done


FILE = object()
"""Stands for a file of the guest's own."""

with_snapshot = after(running, "snapshot-create", name="a")
with_two = after(with_snapshot, "snapshot-create", name="b")


@dataclass(frozen=True)
class Case:
    """A verb with its arguments, and what there must be before. ``traceless``: nobody can tell whether it happened."""

    verb: str
    given: Given
    arguments: dict[str, Any] = field(default_factory=dict)
    traceless: bool = False

    def ask(self, guest: Guest) -> Accepted:
        words = {key: guest.file if value is FILE else value for key, value in self.arguments.items()}
        if self.verb in ("replay", "handover"):
            words["to"] = guest.replica_host
        if self.verb == "domrename":
            words["name"] = f"{guest.name}-renamed"
        if self.verb == "snapshot-redefine":
            text = guest.service.snapshot_xml(guest.uuid, None, "a", ALICE, security_info=False)
            return guest.ask("snapshot-create", xml=text, redefine=True)
        return guest.ask(self.verb, **words)


def with_replica(guest: Guest) -> None:
    off(guest)
    guest.do("snapshot-create", name="a")
    guest.do("replay", to=guest.replica_host)


CASES = (
    Case("define", nothing),
    Case("create", nothing),
    Case("undefine", off),
    Case("start", off),
    Case("shutdown", running),
    Case("reboot", running, traceless=True),
    Case("reset", running, traceless=True),
    Case("destroy", running),
    Case("suspend", running),
    Case("resume", after(running, "suspend")),
    Case("save", running, {"file": FILE}),
    Case("restore", after(running, "save", file=FILE)),
    Case("managedsave", running),
    Case("managedsave-remove", after(running, "managedsave")),
    Case("dump", running, {"file": FILE}),
    Case("autostart", off),
    Case("domrename", off),
    Case("setmem", off, {"size_kib": 32768}),
    Case("setmaxmem", off, {"size_kib": 131072}),
    Case("setvcpus", off, {"count": 2}),
    Case("attach-device", running, {"xml": _STICK}),
    Case("detach-device", after(off, "attach-device", xml=_STICK), {"xml": _STICK}),
    Case("update-device", after(off, "attach-device", xml=_STICK), {"xml": _STICK}),
    Case("desc", off, {"text": "words"}),
    Case("metadata", off, {"uri": "urn:x", "key": "x", "xml": "<a/>"}),
    Case("blockresize", running, {"disk": "vda", "size_bytes": 1 << 20}),
    Case("dompmsuspend", running, {"target": "mem"}),
    Case("dompmwakeup", after(running, "dompmsuspend", target="mem")),
    Case("inject-nmi", running, traceless=True),
    Case("send-key", running, {"keycodes": [28]}, traceless=True),
    Case("domfsfreeze", running, traceless=True),
    Case("domfsthaw", after(running, "domfsfreeze")),
    Case("domtime", running, {"seconds": 9}, traceless=True),
    Case("snapshot-create", running, {"name": "a"}),
    Case("snapshot-redefine", with_two),
    Case("snapshot-undelete", after(with_snapshot, "snapshot-delete", name="a", metadata=True), {"name": "a"}),
    Case("snapshot-revert", with_two, {"name": "a"}),
    Case("snapshot-delete", with_two, {"name": "a"}),
    Case("checkpoint-create", running, {"xml": _CHECKPOINT}),
    Case("checkpoint-delete", after(running, "checkpoint-create", xml=_CHECKPOINT), {"name": "c"}),
    Case("backup-begin", running, {"xml": "<domainbackup/>"}, traceless=True),
    Case("replay", after(off, "snapshot-create", name="a")),
    Case("handover", with_replica),
)
ELSEWHERE = {
    "checkpoint-redefine": "as snapshot-redefine; the unit tests of the same steps have it",
    "domjobabort": "no job of the simulator's outlives its transaction",
}
"""Verbs without a case, and why."""
