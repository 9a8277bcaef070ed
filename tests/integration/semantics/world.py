"""A host on which rows are tried: one product for all of them, a new domain for each."""

import itertools
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from domain_model.errors import Refused
from domain_model.flags import Start
from revisor.application import Accepted
from tests.integration.product import ALICE, Product

SIMULATOR, QEMU = "simulator", "qemu"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """How a request ended: ``number`` is None when it was done."""

    number: int | None
    message: str = ""


@dataclass
class World:
    """One domain on one host, asked through Revisor."""

    product: Product
    host: str
    kind: str
    folder: Path
    name: str = field(default_factory=lambda: f"row{next(_NUMBERS)}")
    uuid: str = field(default_factory=lambda: str(uuid4()))

    def image(self, disk: str = "vda", form: str = "qcow2") -> str:
        """The path of an image of the domain's; on a real host it is made."""
        path = self.folder / f"{self.name}-{disk}.{form}"
        if self.kind == QEMU and not path.exists():
            subprocess.run(["qemu-img", "create", "-q", "-f", form, str(path), "1M"], check=True)
        return str(path)

    def definition(self, *, disks: Sequence[str] = ("qcow2",), name: str | None = None, more: str = "") -> str:
        """A small machine with these disks, by their formats."""
        parts = [
            f"<disk type='file' device='disk'><driver name='qemu' type='{form}'/>"
            f"<source file='{self.image(f'vd{chr(97 + index)}', form)}'/><target dev='vd{chr(97 + index)}' bus='virtio'/></disk>"
            for index, form in enumerate(disks)
        ]
        return f"""<domain type='qemu'><name>{name or self.name}</name><uuid>{self.uuid}</uuid>
<memory unit='KiB'>16384</memory><os><type arch='x86_64'>hvm</type></os><devices>{"".join(parts)}{more}</devices></domain>"""

    def define(self, **how: Any) -> Answer:
        return self.settled(lambda: self.product.service.define(self.definition(**how), self.host, ALICE))

    def create(self, flags: Start = Start.NONE, **how: Any) -> Answer:
        return self.settled(lambda: self.product.service.create(self.definition(**how), self.host, flags, ALICE))

    def act(self, verb: str, **arguments: Any) -> Answer:
        return self.settled(lambda: self.product.service.act(self.name, self.host, verb, arguments, ALICE))

    def settled(self, ask: Callable[[], Accepted]) -> Answer:
        try:
            accepted = ask()
        except Refused as refusal:
            return Answer(refusal.number, refusal.message)
        operation = self.product.settle(accepted)
        assert operation["state"] in ("succeeded", "failed"), operation
        error = operation["error"]
        return Answer(None) if error is None else Answer(error["code"], error["message"])

    def look(self) -> None:
        """Let Revisor notice what happened on the host by itself."""
        self.product.agents[self.host].run_once(time.monotonic())
        self.product.queries.wait_for(self.product.application.reader.head(), 0)

    def dump(self, snapshot: str) -> str:
        return self.product.service.snapshot_xml(self.name, self.host, snapshot, ALICE, security_info=True)

    def xml(self, *, inactive: bool = False) -> str:
        """The definition that runs, or that the next start takes, as Revisor shows it."""
        return self.product.service.domain_xml(self.name, self.host, ALICE, inactive=inactive, security_info=False)

    @property
    def parents(self) -> dict[str, str | None]:
        return {item["name"]: item["parent"] for item in self.snapshots}

    @property
    def current(self) -> str | None:
        return next((item["name"] for item in self.snapshots if item["current"]), None)

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        return self.product.service.snapshots(self.name, self.host)

    @property
    def domain(self) -> dict[str, Any]:
        return self.product.service.domain(self.name, self.host)

    def clear(self) -> None:
        """Leave nothing that runs, whatever the row left."""
        self.act("destroy")
        self.act(
            "undefine", managed_save=True, snapshots_metadata=True, checkpoints_metadata=True, nvram=True, tpm=True
        )
