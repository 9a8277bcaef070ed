"""The product in one process over a simulated host or libvirt's test driver, with a domain to ask things of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain_model import domain_xml
from domain_model.errors import Refused
from domain_model.flags import Undefine
from drivers.libvirt import LibvirtDriver
from drivers.port import Driver
from drivers.simulator import SimulatorDriver
from revisor.store.database import Database
from tests.integration.product import ALICE, WEB, Product
from tests.lab.daemon import TestDaemon

AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
GUEST = WEB.replace("<os>", "<currentMemory unit='MiB'>32</currentMemory><vcpu current='1'>4</vcpu><os>", 1).replace(
    "</devices>", f"{AGENT}</devices>"
)
STICK = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/images/stick.qcow2'/>"
    "<target dev='sdb' bus='usb'/></disk>"
)
SIMULATOR, TEST = "simulator", "test"


class Hosted:
    """The product with one host, alpha, and a domain, web."""

    def __init__(self, product: Product, driver: Driver, kind: str, folder: Path) -> None:
        self.product = product
        self.driver = driver
        self.kind = kind
        self.folder = folder

    def define(self, name: str = "web") -> None:
        text = GUEST.replace("<name>web</name>", f"<name>{name}</name>")
        if self.kind == TEST:
            text = text.replace("type='qemu'", "type='test'", 1)
        assert self.product.define(xml=text)["state"] == "succeeded"

    def does(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask for a verb of web; returns the operation, which has succeeded."""
        operation = self.product.act(verb, **arguments)
        assert operation["state"] == "succeeded", operation
        return operation

    def shows(self, name: str = "web", **wanted: object) -> None:
        """Check what the list says of a domain."""
        found = next(row for row in self.product.service.domains(all_domains=True, host=None) if row["name"] == name)
        assert {key: found[key] for key in wanted} == wanted

    def live(self) -> domain_xml.DomainDefinition:
        return domain_xml.read(self.text(inactive=False))

    def config(self) -> domain_xml.DomainDefinition:
        return domain_xml.read(self.text(inactive=True))

    def text(self, *, inactive: bool) -> str:
        return self.product.service.domain_xml("web", None, ALICE, inactive=inactive, security_info=False)

    def topics(self) -> list[str]:
        return [entry["topic"] for entry in self.product.service.log("web", None, 1000)]

    def refuses(self, number: int, verb: str, **arguments: Any) -> str:
        """Check that the door refuses a verb; returns the sentence."""
        with pytest.raises(Refused) as refusal:
            self.product.service.act("web", None, verb, arguments, ALICE)
        assert refusal.value.number == number, refusal.value.message
        return refusal.value.message


@pytest.fixture(params=[SIMULATOR, TEST])
def hosted(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Hosted]:
    driver: Driver
    if request.param == SIMULATOR:
        driver = SimulatorDriver(tmp_path / "alpha.sqlite", "alpha")
    else:
        daemon: TestDaemon = request.getfixturevalue("test_daemon")
        driver = LibvirtDriver(daemon.uri)
    product = Product(database, tmp_path)
    product.add_host("alpha", driver)
    yield Hosted(product, driver, request.param, tmp_path)
    product.close()
    for seen in driver.domains():
        if request.param == TEST and seen.name != "test":
            if seen.active:
                driver.destroy(seen.uuid)
            if seen.persistent:
                driver.undefine(seen.uuid, Undefine.SNAPSHOTS_METADATA | Undefine.MANAGED_SAVE)
    driver.close()


only_simulated = pytest.mark.parametrize("hosted", [SIMULATOR], indirect=True)
