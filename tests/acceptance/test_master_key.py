"""A master key that is lost or elsewhere, as a person meets it: told at once, and a way out that works."""

import shutil
from pathlib import Path

import pytest

from tests.acceptance.product import ROOT_OF_HOUSE, Product, new_product
from tests.lab.awaiting import eventually

WEB = (ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text()
WITH_SECRET = WEB.replace("</devices>", "<graphics type='vnc' passwd='planted'/></devices>")


@pytest.fixture
def key(product: Product) -> Path:
    """The master key of a Revisor that runs and has a domain with a secret."""
    product.up("alpha")
    product.define(WITH_SECRET, "alpha")
    return product.home / "master.key"


def problems(product: Product) -> list[str]:
    found: list[str] = product.items("status")[0]["problems"]
    return [problem for problem in found if "master key" in problem]


def test_without_its_master_key_revisor_neither_starts_nor_makes_another_one(
    product: Product, key: Path, tmp_path: Path
) -> None:
    kept = key.rename(tmp_path / "kept.key")
    assert problems(product) == [
        f"the master key is to be put back before anything is started again: {key} is not there any more"
    ]
    assert f"{key} is not there" in product.refused(55, "backup", str(tmp_path / "monday"))
    product.down()

    assert f"vault cannot be opened: {key} is not there" in product.refused(9, "up", "--detach")
    assert f"vault cannot be opened: {key} is not there" in product.refused(55, "up")
    key.mkdir()
    assert f"{key} cannot be read: Is a directory" in product.refused(9, "up", "--detach")
    key.rmdir()
    key.write_bytes(b"x" * 32)
    assert f"{key} is another one" in product.refused(9, "up", "--detach")
    assert not (tmp_path / "monday").exists()

    kept.rename(key)
    product.up()
    assert problems(product) == []
    assert "passwd='planted'" in product.ok("dumpxml", "web", "--security-info")


def test_where_the_master_key_is_lost_all_goes_on_in_a_new_home_with_the_secrets_that_hosts_show(
    product: Product, key: Path, tmp_path: Path
) -> None:
    product.down()
    key.unlink()
    product.ok("export", "--raw", str(tmp_path / "log.revisor"))
    with new_product() as other:
        other.ok("import", str(tmp_path / "log.revisor"))
        shutil.copytree(product.home / "simulators", other.home / "simulators")
        other.up()
        other.ok("acknowledge-restore")

        def shown() -> bool:
            return "passwd='planted'" in other.run("dumpxml", "web", "--security-info").stdout

        eventually(shown, what="the secret was seen on the host")
        other.ok("start", "web")
