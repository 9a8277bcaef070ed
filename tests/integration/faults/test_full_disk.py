"""The database's disk is full: what would write is refused with that reason, what reads is answered,
and it heals by itself.
"""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from revisor.store.database import Database
from tests.acceptance.product import Product, new_product
from tests.integration.faults.commands import WEB, Commands, log_of
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check
from tests.lab.awaiting import eventually
from tests.lab.fixtures import require

_SIZE = "160m"
_BIG = 2**20
"""Bytes of a description, too many for the free space of any page."""


@pytest.fixture
def cramped() -> Iterator[Product]:
    """A Revisor whose embedded PostgreSQL has a small file system of its own for its data."""
    with new_product() as revisor:
        disk = revisor.home / "postgres"
        disk.mkdir(mode=0o711, parents=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=750", "revisor-test", str(disk)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode != 0:
            require([f"to mount a small file system ({mounted.stderr.strip()})"])
        try:
            yield revisor
        finally:
            revisor.kill_everything(include_postgres=True)
            subprocess.run(["umount", str(disk)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte is free there, from ``with`` to its end."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        assert os.statvfs(disk).f_bavail == 0
        yield
    finally:
        filler.unlink()


def test_a_full_disk_is_told_and_everything_goes_on_when_there_is_room_again(cramped: Product, tmp_path: Path) -> None:
    cramped.up("alpha")
    cramped.define(WEB, "alpha")
    commands = Commands(cramped)
    for number in range(ROUNDS):
        commands.one()
        with filled(cramped.home / "postgres"):
            refused_for_want_of_room(cramped, big_definition(tmp_path, f"refused{number}"))
            assert {item["name"] for item in cramped.items("list", "--all")} == {"web"}
            assert len(cramped.items("snapshot-list", "web")) == len(commands.done)
            end_postgresql_for_want_of_room(cramped)
        commands.one()
    commands.check()
    cramped.ok("define", str(big_definition(tmp_path, "accepted")), "--host", "alpha")
    with contextlib.closing(Database(cramped.dsn(), max_connections=2)) as database:
        database.open()
        check(database)
    assert "Traceback" not in "".join(said for _, said in cramped.said)


def big_definition(folder: Path, name: str) -> Path:
    """A domain whose definition does not fit into what space is left in the pages there are."""
    file = folder / f"{name}.xml"
    words = f"<name>{name}</name><description>{secrets.token_hex(_BIG)}</description>"
    file.write_text(WEB.replace("<name>web</name>", words))
    return file


def refused_for_want_of_room(revisor: Product, file: Path) -> None:
    sentence = revisor.refused(38, "define", str(file), "--host", "alpha")
    assert "its disk is full" in sentence


def end_postgresql_for_want_of_room(revisor: Product) -> None:
    """Have PostgreSQL want more files for its write-ahead log, until it has ended and cannot be started."""

    def failures() -> int:
        return log_of(revisor.home, "up").count("is tried again in")

    def ended() -> bool:
        fill_the_write_ahead_log(revisor)
        return failures() > before

    before = failures()
    eventually(ended, what="PostgreSQL cannot be started")


def fill_the_write_ahead_log(revisor: Product) -> None:
    """Write to it until that fails; a new connection may fail before, as each wants to write a file, too."""
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(revisor.dsn("postgres"), autocommit=True) as superuser,
    ):
        while True:
            superuser.execute("SELECT pg_logical_emit_message(false, 'full', repeat('x', 1000000)), pg_switch_wal()")
