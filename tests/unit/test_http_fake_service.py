"""A hand-written stand-in for the service behind the HTTP door, and the proof that it is shaped like the real one."""

import inspect
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from domain_model.errors import InvalidArgument, NoSnapshot, Refused
from domain_model.flags import Define, Start
from revisor.application import Accepted
from revisor.client import Client
from revisor.histories import Histories
from revisor.holds import Holds
from revisor.host_registry import HostRegistry
from revisor.http.server import HttpServer
from revisor.read_models import ReadModels
from revisor.restores import Restores
from revisor.rows import ALL_OPERATIONS, OperationFilter, Page
from revisor.schedules import Schedules
from revisor.service import Service
from revisor.settlements import Settlements
from revisor.sightings import Known
from revisor.status import StatusReader
from revisor.store.context import Context
from tests.unit.fake_drift import FakeAdopting, FakeDrifts
from tests.unit.fake_histories import FakeHistories
from tests.unit.fake_registry import FakeRegistry
from tests.unit.fake_restores import FakeRestores
from tests.unit.fake_schedules import FakeHolds, FakeSchedules
from tests.unit.fake_settlements import FakeSettlements
from tests.unit.fake_status import SEEN_AT, UUID_OF_WEB, FakeStatusReader

Item = dict[str, Any]


def domain(name: str, **given: Any) -> Item:
    return {
        "id": 1,
        "name": name,
        "uuid": UUID_OF_WEB,
        "host": "alpha",
        "role": "owner",
        "state": "running",
        "reason": "booted",
        "persistent": True,
        "autostart": False,
        "managed_save": False,
        "has_snapshots": False,
        "has_checkpoints": False,
        "os_type": "linux",
        "vcpus": 2,
        "max_memory_kib": 8388608,
        "used_memory_kib": 2097152,
        **given,
    }


def snapshot(name: str, parent: str | None = None, **given: Any) -> Item:
    return {
        "name": name,
        "id": str(uuid4()),
        "parent": parent,
        "children": [],
        "state": "running",
        "location": "internal",
        "creation_time": 1795447625,
        "current": False,
        "presence": "unverified",
        "has_description": False,
        **given,
    }


class FakeService:
    """Remembers what it was asked, and answers what it was told to."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.status_reader = FakeStatusReader()
        self.forget()

    def forget(self) -> None:
        """Be as new, for the next test at the same door."""
        self.asked: list[tuple[Any, ...]] = []
        self.contexts: list[Context] = []
        self.trouble: Exception | None = None
        """What every question and request meets."""
        self.outcome: Item = {"state": "succeeded"}
        """What becomes of operations."""
        self.known_domains: list[Item] = [domain("test")]
        self.known_xml = "<domain>\n  <title>ü</title>\n</domain>\n"
        self.known_snapshots: list[Item] = []
        self.known_hosts: list[Item] = []
        self.behind_s = 0.0
        self.stale: tuple[str, ...] = ()
        self.history: list[Item] = []
        self.refusals: list[tuple[str, str, int]] = []
        self.known_operations: dict[UUID, Item] = {}
        self.waiting = 0
        self.status_reader.forget()
        self.read_models = FakeReadModels(self._note)
        self.restores = FakeRestores(self._note)
        self.settlements = FakeSettlements(self._note, self.known_operations)
        self.drifts, self.adopting = FakeDrifts(self._note), FakeAdopting(self._note)
        self.registry = FakeRegistry(self._note, lambda: self.known_hosts)
        self.histories = FakeHistories(self._note)
        self.schedules = FakeSchedules(self._note)
        self.holds = FakeHolds(self._note, lambda: self.known_snapshots)

    def settle(self, **outcome: Any) -> None:
        """End all operations that run, and those that come."""
        with self._changed:
            self.outcome = outcome
            for operation in self.known_operations.values():
                operation.update(outcome)
            self._changed.notify_all()

    def waiters(self, number: int, timeout_s: float = 30.0) -> bool:
        """Whether so many callers wait, at once or some time soon."""
        with self._changed:
            return self._changed.wait_for(lambda: self.waiting >= number, timeout_s)

    def hosts(self) -> list[Item]:
        self._note(None, "hosts")
        return self.known_hosts

    def host(self, name: str) -> Item:
        self._note(None, "host", name)
        return self.known_hosts[0]

    def define(self, xml: str, host: str, context: Context, flags: Define = Define.NONE) -> Accepted:
        self._note(context, "define", xml, host, flags)
        return self._accepted(context, "define", "web", host, {"name": "web"})

    def create(self, xml: str, host: str, flags: Start, context: Context) -> Accepted:
        self._note(context, "create", xml, host, flags)
        return self._accepted(context, "create", "web", host, {"name": "web"})

    def restore(self, host: str, arguments: Item, context: Context) -> Accepted:
        self._note(context, "restore", host, arguments)
        return self._accepted(context, "restore", "web", host, {"name": "web"})

    def act(self, domain_ref: str, host: str | None, verb: str, arguments: Item, context: Context) -> Accepted:
        self._note(context, "act", domain_ref, host, verb, arguments)
        return self._accepted(context, verb, domain_ref, host or "alpha", arguments)

    def plan(self, domain_ref: str, host: str | None, verb: str, arguments: Item, context: Context) -> Item:
        self._note(context, "plan", domain_ref, host, verb, arguments)
        return {
            "verb": verb,
            "domain": domain_ref,
            "files": [{"name": "/images/web.qcow2", "fate": "is kept"}],
            "snapshots": [{"name": "s1", "fate": "is deleted"}],
            "memory": ["the running guest is stopped, and its memory is lost"],
            "reversible": False,
            "way_back": "there is none",
            "endangered": [],
            "unknown": ["the image files could not be looked into"],
        }

    def wait(self, operation: UUID, timeout_s: float, accepted_at: int = 0) -> Item:  # noqa: ARG002
        with self._changed:
            self.waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended(operation), timeout_s)
            self.waiting -= 1
        return self.operation(operation)

    def domains(
        self,
        *,
        all_domains: bool,
        host: str | None,
        titles: bool = False,
        as_of: int | None = None,
        page: Page | None = None,
    ) -> list[Item]:
        self._note(None, "domains", all_domains, host, titles, *_if_given(as_of), *_if_given(page))
        return self.known_domains

    def domain(self, ref: str, host: str | None) -> Item:
        self._note(None, "domain", ref, host)
        return self.known_domains[0]

    def domain_xml(self, ref: str, host: str | None, context: Context, *, inactive: bool, security_info: bool) -> str:
        self._note(context, "domain_xml", ref, host, inactive, security_info)
        return self.known_xml

    def snapshots(self, ref: str, host: str | None, as_of: int | None = None) -> list[Item]:
        self._note(None, "snapshots", ref, host, *_if_given(as_of))
        return self.known_snapshots

    def deleted_snapshots(self, ref: str, host: str | None) -> list[Item]:
        self._note(None, "deleted_snapshots", ref, host)
        return self.known_snapshots

    def snapshot(self, ref: str, host: str | None, name: str) -> Item:
        self._note(None, "snapshot", ref, host, name)
        for item in self.known_snapshots:
            if item["name"] == name:
                return {**item, "domain": ref}
        raise NoSnapshot(f"no domain snapshot with matching name '{name}'", field="snapshot", value=name)

    def current_snapshot(self, ref: str, host: str | None) -> Item:
        self._note(None, "current_snapshot", ref, host)
        for item in self.known_snapshots:
            if item["current"]:
                return item
        raise NoSnapshot("the domain does not have a current snapshot", field="snapshot")

    def snapshot_xml(self, ref: str, host: str | None, name: str, context: Context, *, security_info: bool) -> str:
        self._note(context, "snapshot_xml", ref, host, name, security_info)
        return f"<domainsnapshot>\n  <name>{name}</name>\n</domainsnapshot>\n"

    def log(self, ref: str, host: str | None, limit: int) -> list[Item]:
        self._note(None, "log", ref, host, limit)
        return self.history

    def attempts(self, limit: int) -> list[Item]:
        self._note(None, "attempts", limit)
        return self.history

    def operations(
        self, ref: str | None, host: str | None, limit: int, those: OperationFilter = ALL_OPERATIONS
    ) -> list[Item]:
        self._note(None, "operations", ref, host, limit, *those.states, *_if_given(those.id_prefix))
        return [item for id, item in self.known_operations.items() if id.hex.startswith(those.id_prefix or "")]

    def operation(self, operation: UUID, accepted_at: int = 0) -> Item:  # noqa: ARG002
        if operation not in self.known_operations:
            raise InvalidArgument(f"no operation {operation}", field="operation", value=str(operation))
        return dict(self.known_operations[operation])

    def known(self, host: str | None = None) -> Known:
        seen_at = None if host == "unseen" else datetime.fromisoformat(SEEN_AT)
        return Known(7, seen_at, self.behind_s, self.stale)

    def observe(self, host: str | None, timeout_s: float = 10.0) -> None:
        self._note(None, "observe", host, timeout_s)

    def observe_closely(self, ref: str, host: str | None, timeout_s: float = 10.0) -> None:
        self._note(None, "observe_closely", ref, host, timeout_s)

    def observe_all_closely(self, host: str | None, timeout_s: float = 30.0) -> None:
        self._note(None, "observe_all_closely", host, timeout_s)

    def refused(self, refusal: Refused, *, verb: str, target: str, context: Context) -> None:
        self.contexts.append(context)
        self.refusals.append((verb, target, refusal.number))

    def _note(self, context: Context | None, *asked: Any) -> None:
        self.asked.append(asked)
        if context is not None:
            self.contexts.append(context)
        if self.trouble is not None:
            raise self.trouble

    def _accepted(self, context: Context, verb: str, domain: str, host: str, arguments: Item) -> Accepted:
        id = next((known for known in self.known_operations if self._is_repeat(known, context)), uuid4())
        if id not in self.known_operations:
            self.known_operations[id] = {
                "id": str(id),
                "request_id": None if context.request_id is None else str(context.request_id),
                "verb": verb,
                "domain": domain,
                "stream": UUID_OF_WEB,
                "host": host,
                "error": None,
                "requested_at": SEEN_AT,
                "ended_at": None,
                "actor": context.actor,
                "arguments": arguments,
                "result": {},
                "position": 7,
                "progress": None,
                **self.outcome,
            }
        return Accepted(id, UUID(UUID_OF_WEB), 7)

    def _is_repeat(self, known: UUID, context: Context) -> bool:
        return context.request_id is not None and self.known_operations[known]["request_id"] == str(context.request_id)

    def _ended(self, operation: UUID) -> bool:
        known = self.known_operations.get(operation)
        return known is None or known["state"] not in ("queued", "started")


def _if_given(value: object) -> tuple[object, ...]:
    return () if value is None else (value,)


class FakeReadModels:
    """Remembers what it was asked together with the rest."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note
        self.known: Item = {
            "name": "domains",
            "position": 7,
            "behind": 0,
            "behind_s": 0.0,
            "state": "caught up",
            "error": None,
            "parked_at": None,
            "parked_topic": None,
        }

    def all(self) -> list[Item]:
        return [self.known]

    def one(self, name: str) -> Item:
        return {**self.known, "name": name}

    def rebuild(self, name: str | None = None) -> None:
        self._note(None, "rebuild", name)

    def resume(self, name: str) -> None:
        self._note(None, "resume", name)

    def position_of(self, as_of: str) -> int:
        self._note(None, "position_of", as_of)
        return 5


@contextmanager
def served(service: Service, reader: StatusReader) -> Iterator[Client]:
    """The HTTP door on a socket of its own, in a folder with a short name; what it yields speaks to it."""
    with tempfile.TemporaryDirectory(prefix="rv") as home:
        path, ready = Path(home, "revisor.sock"), threading.Event()
        server = HttpServer(service, reader, path, ready=ready.set)
        thread = threading.Thread(target=server.run, name="door", daemon=True)
        thread.start()
        assert ready.wait(30)
        try:
            yield Client(path)
        finally:
            server.stop()
            thread.join(30)
        assert not thread.is_alive()
        assert not path.exists()


@contextmanager
def open_door(service: FakeService) -> Iterator[Client]:
    """The door of a stand-in; whoever waits there at the end is answered."""
    with served(cast("Service", service), cast("StatusReader", service.status_reader)) as client:
        try:
            yield client
        finally:
            service.settle(state="succeeded")


@pytest.mark.parametrize(
    ("real_kind", "fake_kind", "name"),
    [
        (real, fake, name)
        for real, fake, its_own in (
            (Service, FakeService, {"forget", "settle", "waiters"}),
            (StatusReader, FakeStatusReader, {"forget"}),
            (ReadModels, FakeReadModels, set[str]()),
            (Restores, FakeRestores, set[str]()),
            (Settlements, FakeSettlements, set[str]()),
            (Histories, FakeHistories, set[str]()),
            (Schedules, FakeSchedules, set[str]()),
            (Holds, FakeHolds, set[str]()),
            (HostRegistry, FakeRegistry, set[str]()),
        )
        for name, _ in inspect.getmembers(fake, inspect.isfunction)
        if not name.startswith("_") and name not in its_own
    ],
)
def test_the_fake_is_asked_like_the_real_one(real_kind: type, fake_kind: type, name: str) -> None:
    real, fake = (inspect.signature(getattr(kind, name)) for kind in (real_kind, fake_kind))
    assert [(p.name, p.kind, p.default) for p in real.parameters.values()] == [
        (p.name, p.kind, p.default) for p in fake.parameters.values()
    ]
