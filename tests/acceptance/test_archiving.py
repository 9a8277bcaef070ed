"""The whole log goes into a file and makes another Revisor, with the database running or not."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.awaiting import eventually

WEB = (ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text()
NOWHERE = "postgresql://revisor@127.0.0.1:1/revisor"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "log.revisor"


def begun(product: Product) -> None:
    """A running domain with a snapshot, on a simulated host."""
    product.up("alpha")
    product.define(WEB, "alpha")
    product.act("web", "start")
    product.act("web", "snapshot-create", xml="<domainsnapshot><name>first</name></domainsnapshot>")


def fleet(product: Product) -> list[tuple[str, str, str]]:
    return [(item["name"], item["host"], item["state"]) for item in product.items("list", "--all")]


def test_a_log_is_exported_from_a_revisor_that_is_up_and_from_one_that_is_down(product: Product, archive: Path) -> None:
    begun(product)

    [up] = product.items("export", "--raw", str(archive))
    product.down()
    [down] = product.items("export", "--raw", str(archive.with_name("again")))

    assert (up["log"], up["documents"]) == (down["log"], down["documents"])
    assert 0 < up["positions"] <= down["positions"]
    assert up.keys() == {"file", "log", "positions", "documents", "bytes", "seconds"}
    assert product.processes() == {}


def test_a_revisor_that_was_never_up_becomes_the_one_that_was_exported(product: Product, archive: Path) -> None:
    begun(product)
    product.down()
    exported = product.json("export", "--raw", str(archive))
    with new_product() as other:
        other.home.mkdir(mode=0o711)
        shutil.copytree(product.home / "simulators", other.home / "simulators")

        said = other.ok("import", str(archive))

        assert said.startswith(f"{exported['position']} positions and {exported['items'][0]['documents']} documents")
        assert other.processes() == {}
        other.up()
        eventually(lambda: fleet(other) == [("web", "alpha", "running")], what="the read models caught up")
        assert [item["name"] for item in other.items("snapshot-list", "web")] == ["first"]
        other.ok("acknowledge-restore")
        assert other.ok("snapshot-revert", "web", "first")
        assert f"in this one {other.json('list')['position']} positions" in other.refused(55, "import", str(archive))


def test_a_revisor_that_is_up_with_nothing_recorded_takes_a_log(product: Product, archive: Path) -> None:
    begun(product)
    product.ok("export", "--raw", str(archive))
    product.down()
    with new_product() as other:
        other.home.mkdir(mode=0o711)
        shutil.copytree(product.home / "simulators", other.home / "simulators")
        other.up()

        [item] = other.items("import", str(archive))

        assert item["positions"] > 0
        eventually(lambda: fleet(other) == [("web", "alpha", "running")], what="the read models caught up")
        other.ok("acknowledge-restore")
        other.act("web", "destroy")


def test_progress_is_told_on_a_terminal_only(product: Product, archive: Path) -> None:
    product.up()
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "revisor", "export", "--raw", str(archive)]

    # A terminal that says it is dumb, as where nobody named one, is told nothing.
    environment = {**product.environment, "TERM": "xterm"}
    done = subprocess.run(
        command, cwd=ROOT_OF_HOUSE, env=environment, stdout=subprocess.PIPE, stderr=its_end, check=True
    )

    assert b"requests" in os.read(terminal, 1 << 16)
    assert done.stdout.startswith(b"0 positions and 0 documents exported to ")
    assert product.run("export", "--raw", str(archive.with_name("again"))).stderr == ""
    os.close(its_end)
    os.close(terminal)


def test_what_cannot_be_is_refused_with_a_sentence(product: Product, archive: Path) -> None:
    archive.write_text("something else")
    before = archive.read_bytes()

    assert "no Revisor has been in REVISOR_HOME" in product.refused(8, "export", "--raw", str(archive))
    assert not product.home.exists()
    product.up()
    product.down()
    assert "is there already" in product.refused(8, "export", "--raw", str(archive))
    assert "it is no archive (not a ZIP file)" in product.refused(8, "import", str(archive))
    assert "No such file or directory" in product.refused(38, "import", str(archive.with_name("none")))
    assert product.run("export", str(archive)).returncode == 2
    assert archive.read_bytes() == before
    assert product.processes() == {}


def test_an_external_database_is_asked_as_it_is(product: Product, archive: Path) -> None:
    product.up()
    settings = {"REVISOR_DSN": product.dsn(), "REVISOR_OWNER_DSN": product.dsn("revisor_owner")}
    with new_product(**settings) as other:
        other.ok("export", "--raw", str(archive))
        other.ok("import", str(archive))
    with new_product(REVISOR_DSN=product.dsn()) as other:
        assert "REVISOR_OWNER_DSN is not set" in other.refused(8, "import", str(archive))
    with new_product(REVISOR_DSN=product.dsn("postgres").replace("dbname=revisor", "dbname=postgres")) as other:
        assert "holds no log yet" in other.refused(55, "export", "--raw", str(archive.with_name("other")))
    with new_product(REVISOR_DSN=NOWHERE) as other:
        done = other.run("export", "--raw", str(archive.with_name("other")))
        assert (done.returncode, "the database cannot be reached" in done.stderr) == (3, True)
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
