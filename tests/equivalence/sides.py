"""The two sides: a host that Revisor leads, and one that libvirt-python speaks to in another process."""

import json
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from domain_model.errors import Refused
from domain_model.flags import Start
from revisor.application import Accepted
from revisor.rows import PlacementRow, SnapshotRow
from tests.equivalence import documents
from tests.equivalence.calls import Answer, Call, left_out
from tests.equivalence.seen import DomainSeen, Host, SnapshotSeen, facts_of, host_of_json
from tests.integration.product import ALICE, Product
from tests.lab.awaiting import eventually

HOUSE = Path(__file__).resolve().parents[2]
HOST = "alpha"


class Behind(Protocol):
    """A host, reached past the Revisor that leads it."""

    def look(self) -> Host: ...

    def clear(self) -> None:
        """Take every domain away."""
        ...


class Ours(Protocol):
    """The side that is held up against libvirt."""

    @property
    def folder(self) -> Path:
        """Where its host's files are."""
        ...

    @property
    def behind(self) -> Behind: ...

    def carry_out(self, call: Call) -> Answer:
        """Ask for a call; returns when it ended."""
        ...

    def look(self) -> Host:
        """What is recorded of every domain on the host."""
        ...

    def work(self) -> None:
        """Notice what happened on the host, if it is time to."""
        ...

    def clear(self) -> None:
        """Have every domain disappear from the host behind its back; afterwards that is noticed."""
        ...


class Theirs(Protocol):
    """The side of libvirt by itself. It is asked, and answers later."""

    @property
    def folder(self) -> Path: ...

    @property
    def seen(self) -> Host:
        """What the host showed after the last answer."""
        ...

    def begin(self, call: Call) -> None:
        """Ask for a call; ``answer`` has to be asked for before anything else is."""
        ...

    def answer(self) -> Answer:
        """How the call that was begun ended; afterwards ``seen`` is what the host shows."""
        ...

    def look(self) -> Host: ...

    def clear(self) -> None:
        """Take every domain away. Raises RuntimeError when libvirt refuses."""
        ...


class DirectSide:
    """libvirt-python in a process of its own, from ``with`` to its end."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.folder = folder
        self.seen: Host = {}
        self._command = [sys.executable, "-m", "tests.equivalence.direct", uri, str(folder)]
        self._process: subprocess.Popen[str] | None = None

    def begin(self, call: Call) -> None:
        self._ask({"ask": "call", "verb": call.verb, "domain": call.domain, "arguments": call.arguments})

    def answer(self) -> Answer:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the direct side ended with {self._process.wait()}")
        told = json.loads(line)
        self.seen = host_of_json(told["seen"])
        return Answer(told["number"], told["sentence"])

    def look(self) -> Host:
        self._ask({"ask": "look"})
        self.answer()
        return self.seen

    def clear(self) -> None:
        self._ask({"ask": "clear"})
        if (answer := self.answer()).number is not None:
            raise RuntimeError(f"the host cannot be cleared: {answer}")

    def _ask(self, question: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with self._process:  # closes its standard input, at which it ends
                pass


class RevisorSide:
    """A host led by a Revisor, asked as a door asks; what it shows is what the read models hold."""

    def __init__(self, product: Product, folder: Path, behind: Behind) -> None:
        self.product = product
        self.folder = folder
        self.behind = behind
        self._remembered: dict[tuple[str, str], str] = {}
        """The last dump of each snapshot that was to be deleted, by domain and name."""

    def carry_out(self, call: Call) -> Answer:
        try:
            operation = self._settled(self._asked(call))
        except Refused as refusal:
            return Answer(refusal.number, refusal.message)
        if operation["state"] == "succeeded":
            return Answer(None)
        assert operation["state"] == "failed", operation
        return Answer(operation["error"]["code"], operation["error"]["message"])

    def look(self) -> Host:
        host = self.product.queries.host(HOST)
        assert host is not None
        return {row.name: self._domain(row) for row in self.product.queries.domains(host=host.id)}

    def work(self) -> None:
        """One round of the agent, and the read models after it."""
        self.product.agents[HOST].run_once(time.monotonic())
        self.product.queries.wait_for(self.product.application.reader.head(), 10)

    def clear(self) -> None:
        self.behind.clear()

        def noticed() -> bool:
            # As after a hint of the hypervisor's, which may have come already or may still come.
            self.product.agents[HOST].lookout.soon()
            self.work()
            return not self.look()

        eventually(noticed, what="Revisor has noticed that its host is empty")

    def _settled(self, accepted: Accepted) -> dict[str, Any]:
        """As ``Product.settle``, but asleep while the agent's thread works: looking all the time would slow it down."""
        agent = self.product.agents[HOST]
        while True:
            agent.run_once(time.monotonic())
            wait([attempt.future for attempt in agent._running.values()])
            operation = self.product.service.wait(accepted.operation, 0)
            if operation["state"] not in ("queued", "started"):
                return operation

    def _asked(self, call: Call) -> Accepted:
        service, arguments = self.product.service, documents.own(call, str(self.folder))
        match call.verb:
            case "define":
                return service.define(arguments["xml"], HOST, ALICE)
            case "create":
                return service.create(arguments["xml"], HOST, Start.PAUSED if call.has("paused") else Start(0), ALICE)
            case "restore":
                return service.restore(HOST, arguments, ALICE)
        verb, arguments = self._described(call, arguments)
        return service.act(call.domain, HOST, verb, arguments, ALICE)

    def _described(self, call: Call, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The verb and the arguments as a door has them: with documents in place of what describes them."""
        match call.verb:
            case "snapshot-create":
                flags = left_out(arguments, "name", "description", "memory", "disks")
                return call.verb, {**flags, "xml": documents.snapshot(arguments)}
            case "snapshot-redefine":
                xml = self._redefinition(call.domain, arguments["document"])
                return "snapshot-create", {**left_out(arguments, "document"), "xml": xml}
            case "checkpoint-create":
                return call.verb, {**left_out(arguments, "name"), "xml": documents.checkpoint(arguments["name"])}
            case "snapshot-delete":
                self._remember(call.domain, arguments["name"])
        return call.verb, arguments

    def _remember(self, domain: str, name: str) -> None:
        try:
            self._remembered[domain, name] = self._dump(domain, name)
        except Refused:
            return  # what is not there leaves nothing to remember; the delete will say so itself

    def _dump(self, domain: str, name: str) -> str:
        return self.product.service.snapshot_xml(domain, HOST, name, ALICE, security_info=True)

    def _redefinition(self, domain: str, wanted: dict[str, Any]) -> str:
        basis = wanted.get("basis")
        if basis is None:
            definition = self.product.service.domain_xml(domain, HOST, ALICE, inactive=True, security_info=True)
            return documents.written(wanted, definition)
        remembered = self._remembered.get((domain, basis))
        if wanted.get("remembered") and remembered is not None:
            return documents.changed(wanted, remembered)
        return documents.changed(wanted, self._dump(domain, basis))

    def _domain(self, row: PlacementRow) -> DomainSeen:
        snapshots = self.product.queries.snapshots(row.domain)
        checkpoints = self.product.queries.checkpoints(row.domain)
        return DomainSeen(
            uuid=row.uuid,
            active=row.active,
            state=row.state,
            reason=row.reason,
            persistent=row.persistent,
            autostart=row.autostart,
            managed_save=row.managed_save,
            current=next((snapshot.name for snapshot in snapshots if snapshot.current), None),
            snapshots={snapshot.name: _snapshot(snapshot) for snapshot in snapshots},
            checkpoints={checkpoint.name: checkpoint.parent_name for checkpoint in checkpoints},
            definition=self._facts(row, inactive=True) if row.persistent else None,
            live=self._facts(row, inactive=False) if row.active else None,
        )

    def _facts(self, row: PlacementRow, *, inactive: bool) -> dict[str, Any]:
        xml = self.product.service.domain_xml(row.uuid, HOST, ALICE, inactive=inactive, security_info=False)
        return facts_of(xml, str(self.folder))


def _snapshot(row: SnapshotRow) -> SnapshotSeen:
    return SnapshotSeen(parent=row.parent_name, state=row.state, location=row.location, description=row.description)
