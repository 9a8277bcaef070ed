"""What the simulated host holds, seen and changed within one transaction."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from domain_model.errors import NoDomain, NoSnapshot, Refused
from domain_model.libvirt import DomainState
from domain_model.moments import Moment, MomentForest
from domain_model.xml import escape
from drivers.simulator.files import Files


@dataclass(slots=True)
class Domain:
    """One domain. ``definition`` is None when it is transient, ``live`` and ``hypervisor_id`` when it is inactive."""

    uuid: str
    name: str
    definition: str | None = None
    live: str | None = None
    hypervisor_id: int | None = None
    state: int = DomainState.SHUTOFF
    reason: int = 0
    autostart: bool = False
    managed_save: int | None = None
    """The state in which it will go on."""
    managed_live: str | None = None
    """What it was when it was saved so."""
    current: str | None = None
    frozen: int = 0
    """How many of its file systems the guest agent has frozen."""
    clock_offset_ns: int = 0
    booted_vcpus: int = 0
    written_out: str | None = None
    """The images, a line each, that a guest let go of when its memory was written to a file, and it stayed paused: to
    QEMU it migrated away. It is not written once more, nor are they written to, until it runs again."""

    @property
    def text(self) -> str:
        """What it is now: the live definition, or the persistent one of an inactive domain."""
        return self.live or self.definition or ""

    @property
    def active(self) -> bool:
        return self.hypervisor_id is not None

    @property
    def persistent(self) -> bool:
        return self.definition is not None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. The last four are elements as they stand in its dump, moved to their place there."""

    domain_uuid: str
    name: str
    description: str | None
    state: str
    parent: str | None
    creation_time: int
    memory: str
    memory_file: str | None
    external: bool
    disks: str | None
    domain: str
    inactive_domain: str | None
    cookie: str | None

    def dump(self) -> str:
        """The snapshot's XML, byte for byte as libvirt's QEMU driver prints it."""
        file = "" if self.memory_file is None else f" file='{escape(self.memory_file)}'"
        lines = ["<domainsnapshot>", f"  <name>{escape(self.name)}</name>"]
        if self.description is not None:
            lines.append(f"  <description>{escape(self.description)}</description>")
        lines.append(f"  <state>{self.state}</state>")
        if self.parent is not None:
            lines += ["  <parent>", f"    <name>{escape(self.parent)}</name>", "  </parent>"]
        lines += [f"  <creationTime>{self.creation_time}</creationTime>", f"  <memory snapshot='{self.memory}'{file}/>"]
        elements = (self.disks, self.domain, self.inactive_domain, self.cookie)
        lines += [f"  {element}" for element in elements if element is not None]
        return "\n".join([*lines, "</domainsnapshot>", ""])


class Forest(MomentForest[Moment]):
    """The snapshots of a domain, each under its name as its id: libvirt has no other."""

    kind = "snapshot"
    absent = NoSnapshot

    def __init__(self, parents: Mapping[str, str | None], current: str | None) -> None:
        super().__init__()
        for name, parent in parents.items():
            self._keep(Moment(name, name, parent))
        self.current = current


class Inventory:
    """The host's domains, snapshots and files in one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.files = Files(connection)
        self.refusal: Refused | None = None

    def refuse_after_all(self, refusal: Refused) -> None:
        """Answer no although something was done, which stays done: libvirt noticed too late."""
        self.refusal = refusal

    def host_uuid(self) -> str:
        (uuid,) = self._connection.execute("SELECT uuid FROM host").fetchone()
        return str(uuid)

    def next_id(self) -> int:
        """A number no domain of this host ever ran under."""
        (number,) = self._connection.execute("UPDATE host SET last_id = last_id + 1 RETURNING last_id").fetchone()
        return int(number)

    # Domains.

    def domains(self) -> list[Domain]:
        return [_domain(row) for row in self._connection.execute("SELECT * FROM domain ORDER BY name")]

    def domain(self, uuid: str) -> Domain:
        """Raises NoDomain (42)."""
        found = self.find_domain(uuid)
        if found is None:
            raise NoDomain(f"no domain with matching uuid '{uuid}'")
        return found

    def find_domain(self, uuid: str) -> Domain | None:
        row = self._connection.execute("SELECT * FROM domain WHERE uuid = ?", (uuid,)).fetchone()
        return None if row is None else _domain(row)

    def find_domain_named(self, name: str) -> Domain | None:
        row = self._connection.execute("SELECT * FROM domain WHERE name = ?", (name,)).fetchone()
        return None if row is None else _domain(row)

    def put_domain(self, domain: Domain) -> None:
        """Keep ``domain`` as it now is."""
        self._connection.execute(_PUT_DOMAIN, asdict(domain))

    def remove_domain(self, domain: Domain) -> None:
        """Forget ``domain`` and its snapshots."""
        self._connection.execute("DELETE FROM domain WHERE uuid = ?", (domain.uuid,))

    # Snapshots.

    def snapshot_names(self) -> dict[str, list[str]]:
        """The names of all snapshots, by their domain's UUID."""
        names: dict[str, list[str]] = {}
        for uuid, name in self._connection.execute("SELECT domain_uuid, name FROM snapshot ORDER BY domain_uuid, name"):
            names.setdefault(uuid, []).append(name)
        return names

    def parents(self, domain: Domain) -> dict[str, str | None]:
        """The snapshots of ``domain``: name and parent's name."""
        rows = self._connection.execute("SELECT name, parent FROM snapshot WHERE domain_uuid = ?", (domain.uuid,))
        return dict(tuple(row) for row in rows)

    def forest(self, domain: Domain) -> Forest:
        return Forest(self.parents(domain), domain.current)

    def snapshot(self, domain: Domain, name: str) -> Snapshot:
        """Raises NoSnapshot (72)."""
        found = self.find_snapshot(domain, name)
        if found is None:
            raise NoSnapshot(f"no domain snapshot with matching name '{name}'")
        return found

    def find_snapshot(self, domain: Domain, name: str) -> Snapshot | None:
        query = "SELECT * FROM snapshot WHERE domain_uuid = ? AND name = ?"
        row = self._connection.execute(query, (domain.uuid, name)).fetchone()
        return None if row is None else _snapshot(row)

    def snapshots(self, domain: Domain) -> list[Snapshot]:
        query = "SELECT * FROM snapshot WHERE domain_uuid = ? ORDER BY name"
        return [_snapshot(row) for row in self._connection.execute(query, (domain.uuid,))]

    def external_of(self, domain: Domain) -> set[str]:
        """The snapshots that keep a disk or their memory in a file of its own."""
        query = "SELECT name FROM snapshot WHERE domain_uuid = ? AND external"
        return {name for (name,) in self._connection.execute(query, (domain.uuid,))}

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot``, in place of one of its name."""
        self._connection.execute(_PUT_SNAPSHOT, asdict(snapshot))

    def set_parent(self, domain: Domain, name: str, parent: str | None) -> None:
        self._connection.execute(
            "UPDATE snapshot SET parent = ? WHERE domain_uuid = ? AND name = ?", (parent, domain.uuid, name)
        )

    def remove_snapshots(self, domain: Domain, names: Iterable[str]) -> None:
        self._connection.executemany(
            "DELETE FROM snapshot WHERE domain_uuid = ? AND name = ?", [(domain.uuid, name) for name in names]
        )

    # Checkpoints, as far as others must know of them.

    def number_of_checkpoints(self, domain: Domain) -> int:
        query = "SELECT count(*) FROM checkpoint WHERE domain_uuid = ?"
        (number,) = self._connection.execute(query, (domain.uuid,)).fetchone()
        return int(number)


def _upsert(table: str, kind: type[Domain | Snapshot], key: tuple[str, ...]) -> str:
    names = [field.name for field in fields(kind)]
    values = ", ".join(f":{name}" for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    # All parts are names from this module.
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )


_PUT_DOMAIN = _upsert("domain", Domain, ("uuid",))
_PUT_SNAPSHOT = _upsert("snapshot", Snapshot, ("domain_uuid", "name"))


def _domain(row: sqlite3.Row) -> Domain:
    values = dict(row)
    return Domain(**values | {"autostart": bool(values["autostart"])})


def _snapshot(row: sqlite3.Row) -> Snapshot:
    values = dict(row)
    return Snapshot(**values | {"external": bool(values["external"])})
