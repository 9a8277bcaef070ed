"""Databases between which logs go as archives, and archives that tests take apart and put together again.

Whatever is changed in one, the checksums of the file itself are right afterwards.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import psycopg

from benchmarks._rows import COPY_END, COPY_HEADER, row
from migrations.runner import migrate
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.store.archive import export_log, import_log
from revisor.store.archive_file import Manifest
from tests.lab.databases import Server
from tests.unit.pgcopy import Rows, rows_of

Contents = dict[str, list[bytes]]


class Databases:
    """One database after the other: what was recorded is gone when the next one begins."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def another(self) -> None:
        """Begin with a migrated database in which nothing is recorded."""
        self._server.empty()
        migrate(self._server.dsn("revisor_owner"), application_role=APPLICATION)

    def exported(self, path: Path) -> Manifest:
        with psycopg.connect(self._server.dsn("revisor"), autocommit=True) as connection:
            return export_log(connection, path)

    def imported(self, path: Path) -> Manifest:
        with psycopg.connect(self._server.dsn("revisor_owner"), autocommit=True) as connection:
            return import_log(connection, path)

    def contents(self) -> Contents:
        """Every byte of the log, by table."""
        with psycopg.connect(self._server.dsn("revisor")) as connection, connection.cursor() as cursor:
            found: Contents = {}
            for table in ("head", "events", "appends", "documents", "requests"):
                statement = f"COPY (SELECT * FROM log.{table} ORDER BY 1, 2) TO STDOUT"  # noqa: S608  ours
                with cursor.copy(statement.encode()) as copy:
                    found[table] = [bytes(block) for block in copy]
            return found


def changed_manifest(archive: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Have the manifest say something else."""
    members = _members(archive)
    manifest = json.loads(members["manifest.json"])
    change(manifest)
    _write(archive, {**members, "manifest.json": json.dumps(manifest).encode()})


def changed_rows(archive: Path, name: str, change: Callable[[Rows], object]) -> None:
    """Change the rows of a member; the manifest says of it what is there then."""
    members = _members(archive)
    rows = rows_of(members[f"{name}.pgcopy"])
    change(rows)
    members[f"{name}.pgcopy"] = COPY_HEADER + b"".join(row(*columns) for columns in rows) + COPY_END
    _write(archive, members)
    size = {"rows": len(rows), "bytes": len(members[f"{name}.pgcopy"])}
    changed_manifest(archive, lambda manifest: manifest["members"].update({name: size}))


def changed_bytes(archive: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of a member; the manifest says how many there are then."""
    members = _members(archive)
    data = members[f"{name}.pgcopy"] = change(members[f"{name}.pgcopy"])
    _write(archive, members)
    changed_manifest(archive, lambda manifest: manifest["members"][name].update(bytes=len(data)))


def without(archive: Path, entry: str) -> None:
    """Leave an entry out of the ZIP."""
    members = _members(archive)
    del members[entry]
    _write(archive, members)


def flipped(data: bytes | None, at: int = -1) -> bytes:
    """One bit of it is another one."""
    assert data is not None
    some = bytearray(data)
    some[at] ^= 1
    return bytes(some)


def _members(archive: Path) -> dict[str, bytes]:
    with ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def _write(archive: Path, members: dict[str, bytes]) -> None:
    with ZipFile(archive, "w", ZIP_STORED) as file:
        for name, data in members.items():
            file.writestr(name, data)
