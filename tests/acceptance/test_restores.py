"""A Revisor that is put back to what it was, as a person does it, and what the world did meanwhile."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.awaiting import eventually

WEB = (ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text()
SECRET = "<graphics type='vnc' passwd='planted'/>"
WITH_SECRET = WEB.replace("</devices>", f"{SECRET}</devices>")
LATER = WEB.replace("<name>web</name>", "<name>later</name>").replace("web.qcow2", "later.qcow2")


@pytest.fixture
def backup(product: Product, tmp_path: Path) -> Path:
    """A backup of a Revisor with one domain; since then it got another one, and the first runs and has a snapshot."""
    product.up("alpha")
    product.define(WITH_SECRET, "alpha")
    folder = tmp_path / "monday"
    said = product.ok("backup", str(folder))
    assert f"keep a copy of {product.home / 'master.key'}" in said
    product.define(LATER, "alpha")
    product.ok("start", "web")
    product.ok("snapshot-create-as", "web", "after")
    product.down()
    return folder


def copied(source: Path, target: Path) -> None:
    """As a snapshot of the disk has it: owners and modes, too."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def lose_the_database(product: Product) -> None:
    shutil.rmtree(product.home / "postgres")


def fleet(product: Product) -> dict[str, str]:
    return {item["name"]: item["state"] for item in product.items("list", "--all")}


def test_after_a_restore_the_world_is_compared_before_anything_is_begun(product: Product, backup: Path) -> None:
    lose_the_database(product)
    product.up()  # As somebody does who wants to see what is left.
    product.down()
    assert "Nothing new is begun" in product.ok("restore", str(backup))
    said = product.ok("up", "--detach")
    assert "nothing new is begun: the log was restored from" in said
    assert said.endswith(" acknowledge-restore\n")
    # What happens to a recorded domain is seen at once; of the other one the log knows nothing.
    eventually(lambda: fleet(product) == {"web": "running"}, what="the agent looked")
    assert "acknowledge-restore" in product.refused(55, "destroy", "web")
    assert any("acknowledge-restore" in problem for problem in product.items("status")[0]["problems"])

    said = product.ok("acknowledge-restore", "--reason", "the disk died")

    assert f"the log was restored from '{backup}'" in said.replace("/backup.revisor", "")
    assert "Domain 'later' on host 'alpha' was taken in" in said
    assert "Domain 'web' on host 'alpha' was otherwise than recorded" in said
    assert "position 0" not in said
    assert fleet(product) == {"web": "running", "later": "shut off"}
    assert [item["name"] for item in product.items("snapshot-list", "web")] == ["after"]
    assert "passwd='planted'" in product.ok("dumpxml", "web", "--security-info")
    product.ok("destroy", "web")
    product.ok("start", "later")
    assert product.refused(55, "acknowledge-restore").startswith("error: Requested operation is not valid: no restore")


def test_a_database_that_was_put_back_behind_our_back_is_noticed(product: Product, tmp_path: Path) -> None:
    product.up("alpha")
    product.define(WEB, "alpha")
    product.down()
    copied(product.home / "postgres", tmp_path / "older")
    product.up()
    product.ok("start", "web")
    newest = product.json("list")["position"]
    eventually(lambda: witnessed(product) >= newest, what="it is remembered outside")
    product.down()
    lose_the_database(product)
    copied(tmp_path / "older", product.home / "postgres")
    product.up()
    [problem] = [p for p in product.items("status")[0]["problems"] if "acknowledge-restore" in p]
    assert f"and it was at {newest} once" in problem or f"the event at position {newest}" in problem
    assert product.refused(55, "destroy", "web")
    product.ok("acknowledge-restore")
    product.ok("destroy", "web")


def witnessed(product: Product) -> int:
    return int(json.loads((product.home / "witness.json").read_text())["position"])


def test_a_backup_is_of_no_use_to_whoever_has_not_the_master_key(product: Product, backup: Path) -> None:
    with new_product() as other:
        assert "sealed under the master key" in other.refused(55, "restore", str(backup))
        assert other.ok("restore", str(backup), "--without-secrets")
    with new_product() as other:
        other.home.mkdir(mode=0o711)
        (other.home / "master.key").write_bytes(b"k" * 32)
        assert "is another one" in other.refused(55, "restore", str(backup))
        shutil.copy(product.home / "master.key", other.home / "master.key")
        assert other.ok("restore", str(backup))


def test_bad_backups_are_refused_with_the_reason(product: Product, backup: Path, tmp_path: Path) -> None:
    product.up()
    assert "positions are recorded" in product.refused(55, "restore", str(backup))
    assert "is not empty" in product.refused(8, "backup", str(backup))
    assert "No such file" in product.refused(38, "restore", str(tmp_path))
