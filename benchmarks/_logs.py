"""Logs of any size for benchmarks: archives that ``revisor import`` takes, made without a database.

A log of a million events is half a minute's work here, and a quarter of an hour's through ``log.append``. What happens
in it is what the product records of domains that are defined, started, snapshotted and stopped, in the same saves. The
same arguments give the same rows, so figures of different days are about the same log.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple
from uuid import UUID

from benchmarks._rows import COPY_END, COPY_HEADER, context_of, event_row, leaf, row
from domain_model.names import HOSTS, Name
from revisor.store.archive import LOG
from revisor.store.archive_file import Head, Manifest, new_archive

_BEGINNING_US = 1_767_323_045_000_000
_STEP_US = 137_000
_DOMAINS_A_HOST = 50
_ACTOR = "uid:1000(alice)"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

_DISKS = "".join(
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    f"<source file='/images/{{name}}-{n}.qcow2'/><target dev='vd{target}' bus='virtio'/></disk>"
    for n, target in enumerate("abc")
)
_DOMAIN_XML = (
    "<domain type='qemu'><name>{name}</name><uuid>{id}</uuid><memory unit='KiB'>2097152</memory><vcpu>2</vcpu>"
    f"<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{_DISKS}<interface type='network'>"
    "<source network='default'/><model type='virtio'/></interface><console type='pty'/></devices><!--{mark}--></domain>"
)
_SNAPSHOT_XML = (
    "<domainsnapshot><name>{name}</name><state>running</state><creationTime>{time}</creationTime>"
    "<memory snapshot='internal'/></domainsnapshot>"
)


class _Id(NamedTuple):
    """A UUID in both its forms; the library's own class takes longer to make than all else of a row."""

    bytes: bytes
    text: str


@dataclass(slots=True)
class _Stream:
    id: _Id
    version: int = 0

    @property
    def text(self) -> str:
        return self.id.text


@dataclass(slots=True)
class _Host:
    stream: _Stream
    name: str
    worker: str


@dataclass(slots=True)
class _Domain:
    stream: _Stream
    name: str
    host: _Host
    live: str | None = None
    snapshots: list[str] = field(default_factory=list)


Event = tuple[_Stream, str, dict[str, Any]]


class _Writer:
    """Saves, one after the other, as rows of the members of an archive."""

    def __init__(self, seed: int, streams: Mapping[str, IO[bytes]]) -> None:
        self.random = random.Random(seed)  # noqa: S311  the same rows each time
        self.log = self.id()
        self.position = 0
        self.leaf: bytes | None = None
        self.rows = dict.fromkeys(streams, 0)
        self._log = self.log.text.encode()
        self._at_us = _BEGINNING_US
        self._streams = streams
        self._documents: set[bytes] = set()
        for stream in streams.values():
            stream.write(COPY_HEADER)

    def id(self) -> _Id:
        made = self.random.randbytes(16)
        text = made.hex()
        return _Id(made, f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self._at_us)

    @property
    def head(self) -> Head:
        return Head(UUID(self.log.text), self.position, self.at if self.position else None, self.leaf)

    def document(self, text: str) -> str:
        """Keep a text; returns its digest."""
        body = text.encode()
        digest = sha256(body)
        if digest.digest() not in self._documents:
            self._documents.add(digest.digest())
            self._put("documents", row(digest.digest(), body))
        return digest.hexdigest()

    def save(self, actor: str, *events: Event, request: _Id | None = None, causation: _Id | None = None) -> None:
        """One append; its request is not claimed, so that there are no fingerprints of a key that nobody has."""
        self._at_us += _STEP_US
        append, correlation = self.id(), request or self.id()
        ids = (request, correlation, causation)
        context = context_of(actor, None, None, *(id and id.text for id in ids))
        first, timestamp = self.position + 1, self.at.isoformat()
        for stream, topic, fields in events:
            self._event(append.bytes, stream, topic, _encode({**fields, "timestamp": timestamp}).encode(), context)
        positions = (first.to_bytes(8), self.position.to_bytes(8))
        self._put(
            "appends", row(append.bytes, *positions, actor.encode(), None, None, *(id and id.bytes for id in ids))
        )

    def _event(self, append: bytes, stream: _Stream, topic: str, state: bytes, context: bytes) -> None:
        self.position += 1
        stream.version += 1
        salt, name = self.random.randbytes(16), topic.encode()
        where = (self.position, stream.text.encode(), stream.version, name)
        self.leaf = leaf(self._log, *where, self._at_us, context, salt, state)
        at = (self.position, append, self._at_us)
        self._put("events", event_row(stream.id.bytes, stream.version, name, state, *at, salt, self.leaf))

    def _put(self, member: str, row: bytes) -> None:
        self.rows[member] += 1
        self._streams[member].write(row)


class _Story:
    """What happens, in the saves of the product."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer

    def host(self, number: int) -> _Host:
        writer, name = self._writer, f"host{number}"
        host = _Host(_Stream(writer.id()), name, writer.id().text)
        agent = f"agent:{name}"
        writer.save(
            _ACTOR,
            (host.stream, "host.added", {"name": name, "originator_topic": "host", "uri": f"simulator:///{name}"}),
            self._claimed(HOSTS, name, host.stream.text),
        )
        writer.save(agent, (host.stream, "host.led", {"epoch": 1, "worker": host.worker}))
        identity = {
            "capabilities": {"redefine": True, "no_metadata": True, "unique_uuids": True},
            "driver": "Simulator",
            "host_uuid": writer.id().text,
            "hostname": name,
        }
        writer.save(agent, (host.stream, "host.identified", identity))
        return host

    def define(self, number: int, host: _Host) -> _Domain:
        writer = self._writer
        domain = _Domain(_Stream(writer.id()), f"vm{number}", host)
        definition = writer.document(_DOMAIN_XML.format(name=domain.name, id=domain.stream.text, mark=""))
        introduced = {
            "host": host.stream.text,
            "name": domain.name,
            "originator_topic": "domain",
            "uuid": domain.stream.text,
        }
        before = [
            (domain.stream, "domain.introduced", introduced),
            self._claimed(host.stream.text, domain.name, domain.stream.text),
        ]
        fact = {"definition": definition, "name": domain.name}
        self._operation(
            domain,
            "define",
            {"name": domain.name, "xml": definition},
            [("domain.defined", fact), self._images(domain)],
            before,
        )
        return domain

    def next(self, domain: _Domain) -> None:
        """The domain's next day."""
        if domain.live is None:
            self._start(domain)
        elif len(domain.snapshots) < 20 and self._writer.random.random() < 0.5:
            self._snapshot(domain, domain.live)
        else:
            domain.live = None
            stopped = {"hypervisor_id": None, "live": None, "reason": 2, "state": 5}
            self._operation(domain, "destroy", {}, [("domain.stopped", stopped)])

    def _start(self, domain: _Domain) -> None:
        number = self._writer.position % 30_000 + 1
        text = _DOMAIN_XML.format(name=domain.name, id=domain.stream.text, mark=number)
        domain.live = self._writer.document(text)
        fact = {"hypervisor_id": number, "live": domain.live, "name": domain.name, "reason": 1, "state": 1}
        self._operation(domain, "start", {}, [("domain.started", fact), self._images(domain)])

    def _snapshot(self, domain: _Domain, live: str) -> None:
        writer, name = self._writer, f"snapshot{len(domain.snapshots) + 1}"
        snapshot, time = writer.id().text, int(writer.at.timestamp())
        fact = {
            "creation_time": time,
            "current": True,
            "description": None,
            "domain": live,
            "header": writer.document(_SNAPSHOT_XML.format(name=name, time=time)),
            "inactive_domain": None,
            "location": "internal",
            "name": name,
            "parent": domain.snapshots[-1] if domain.snapshots else None,
            "snapshot": snapshot,
            "state": "running",
        }
        domain.snapshots.append(snapshot)
        self._operation(domain, "snapshot-create", {"name": name}, [("snapshot.created", fact), self._images(domain)])

    def _images(self, domain: _Domain) -> tuple[str, dict[str, Any]]:
        files = {f"vd{target}": [f"/images/{domain.name}-{n}.qcow2"] for n, target in enumerate("abc")}
        return "domain.images_seen", {"cut": {}, "files": files, "names": {}}

    def _operation(
        self,
        domain: _Domain,
        verb: str,
        arguments: dict[str, Any],
        facts: Sequence[tuple[str, dict[str, Any]]],
        before: Sequence[Event] = (),
    ) -> None:
        """Asked for, started, and its facts with its end: three saves."""
        writer, host = self._writer, domain.host
        operation, request, agent = writer.id(), writer.id(), f"agent:{host.name}"
        about = {"host": host.stream.text, "operation": operation.text}
        asked = {**about, "arguments": {"flags": 0, **arguments}, "verb": verb}
        writer.save(_ACTOR, *before, (domain.stream, "operation.requested", asked), request=request)
        begun = {**about, "epoch": 1, "evidence": {"existed": not before}, "worker": host.worker}
        writer.save(agent, (domain.stream, "operation.started", begun), causation=operation)
        became = [(domain.stream, topic, {**about, **fact, "origin": "operation"}) for topic, fact in facts]
        ended = (domain.stream, "operation.succeeded", {**about, "result": {}})
        writer.save(agent, *became, ended, causation=operation)

    def _claimed(self, scope: str, name: str, bearer: str) -> Event:
        fields = {"bearer": bearer, "name": name, "originator_topic": "name", "scope": scope}
        id = Name.id_of(scope, name)
        return _Stream(_Id(id.bytes, str(id))), "name.claimed", fields


def write_log(path: Path, *, events: int, domains: int, seed: int = 1) -> Manifest:
    """Write an archive of at least ``events`` events, at most a few more, about ``domains`` domains."""
    with new_archive(path) as archive, _spools() as spools:
        writer = _Writer(seed, spools)
        _tell(writer, events, domains)
        for name, spool in spools.items():
            spool.write(COPY_END)
            spool.seek(0)
            with archive.member(name) as stream:
                copyfileobj(spool, stream, 1 << 20)
        return archive.finish(writer.head, 18, writer.rows)


def _tell(writer: _Writer, events: int, domains: int) -> None:
    story = _Story(writer)
    hosts = [story.host(number) for number in range(1, domains // _DOMAINS_A_HOST + 2)]
    fleet = [story.define(number, hosts[number // _DOMAINS_A_HOST]) for number in range(domains)]
    while writer.position < events:
        story.next(writer.random.choice(fleet))


@contextmanager
def _spools() -> Iterator[dict[str, IO[bytes]]]:
    """A file a member: a ZIP takes one at a time, and the rows of all come together."""
    with ExitStack() as stack:
        yield {member.name: stack.enter_context(TemporaryFile(buffering=1 << 20)) for member in LOG}
