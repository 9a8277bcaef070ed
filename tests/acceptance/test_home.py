"""The home of a Revisor that runs as root: nothing outside it changes, and nobody else gets in."""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.product import Product

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: who else may connect is root's question")

LONGEST_FOR_THE_DATABASE, LONGEST_FOR_THE_API = 90, 94
"""Bytes of a home below which the sockets' paths still have 107."""

Modes = dict[str, tuple[int, int, int]]


@pytest.fixture(params=[0o700, 0o755], ids=["below a closed folder", "below an open folder"])
def outermost(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with neighbours in it, closed to others or not."""
    folder = Path(tempfile.mkdtemp(prefix="rv", dir="/tmp"))
    (folder / "neighbour").write_text("private")
    (folder / "neighbour").chmod(0o600)
    folder.chmod(request.param)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def stranger() -> Iterator[int]:
    """The uid of another user of this machine."""
    import pwd

    name = f"revisor-test-{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True)
    yield pwd.getpwnam(name).pw_uid
    subprocess.run(["userdel", name], check=True, capture_output=True)


def home_of_length(folder: Path, length: int) -> Path:
    """A folder that does not exist, two levels below, with a path of exactly so many bytes."""
    rest = length - len(os.fsencode(folder)) - len("/deep//")
    return folder / "deep" / ("x" * (rest // 2)) / ("y" * (rest - rest // 2))


def modes_outside(home: Path, outermost: Path) -> Modes:
    """Mode and owner of every parent, and of all that lies in the outermost folder and not on the way."""
    outside = [*home.parents, *outermost.iterdir()]
    seen = {path: path.stat() for path in outside if path.exists()}
    return {str(path): (stat.S_IMODE(it.st_mode), it.st_uid, it.st_gid) for path, it in seen.items()}


def test_no_mode_outside_a_long_home_changes_and_no_other_user_gets_in(outermost: Path, stranger: int) -> None:
    home = home_of_length(outermost, LONGEST_FOR_THE_DATABASE)
    assert len(os.fsencode(home)) == LONGEST_FOR_THE_DATABASE
    home.parent.mkdir(parents=True, mode=0o755)
    before = modes_outside(home, outermost)

    with Product(home) as product:
        product.up("alpha")
        assert modes_outside(home, outermost) == before
        ways = {"database": lambda: database(product), "API": lambda: api(product)}
        for connects in ways.values():
            # The same as root, or a refusal would say nothing about the other user.
            assert as_user(0, connects) == "connected"
        assert {door: as_user(stranger, connects) for door, connects in ways.items()} == {
            "database": "refused",
            "API": "refused",
        }
        assert not as_user(stranger, lambda: readable(home)).startswith("connected")
        product.down()
        assert modes_outside(home, outermost) == before


def test_the_socket_is_for_its_owner_and_group_only(product: Product) -> None:
    product.up("alpha")

    found = (product.home / "revisor.sock").stat()

    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, 0, 0)
    assert stat.S_IMODE((product.home / "master.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("length", [LONGEST_FOR_THE_DATABASE + 1, LONGEST_FOR_THE_API + 1])
def test_a_home_with_too_long_a_socket_is_refused_with_a_sentence(length: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rv", dir="/tmp"))
    home = home_of_length(folder, length)

    with Product(home) as product:
        for words in (["up"], ["up", "--detach"]):
            sentence = product.refused(8, *words)
            assert "REVISOR_HOME is too long" in sentence
            assert "at most 107" in sentence
        assert not home.exists()
    folder.rmdir()


def database(product: Product) -> None:
    for role in ("revisor", "revisor_owner", "postgres"):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(product.dsn(role)).close()
            return
    raise PermissionError


def api(product: Product) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(str(product.home / "revisor.sock"))


def readable(home: Path) -> None:
    """Any file of the home that another user may read."""
    for name in ("master.key", "logs/api.log", "simulators/alpha.sqlite", "postgres/access/pg_hba.conf"):
        with contextlib.suppress(PermissionError):
            (home / name).read_bytes()
            return
    raise PermissionError


def as_user(uid: int, act: Callable[[], None]) -> str:
    """Whether ``act`` succeeds when this user does it, in a process that has no other rights."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "connected"
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            act()
        except PermissionError:
            said = "refused"
        except BaseException as error:  # noqa: BLE001  whatever it is, the test is told
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode()[:1000])
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()
