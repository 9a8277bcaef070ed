"""The golden files: what libvirt wrote, and what a person might, kept to the byte.

``tests/golden/qemu-*.xml`` are SECURE dumps of a real QEMU driver, made by ``python -m tests.lab golden``;
``tests/golden/hand-*.xml`` are by hand, in libvirt's form for other hypervisors or in no form libvirt would choose;
``tests/unit/golden/test-*.xml`` are of libvirt's test driver, with what it shows without SECURE beside it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain_model.domain_xml import Disk, DomainDefinition
from domain_model.snapshot_xml import DiskSnapshot, SnapshotDescription

FOLDERS = (Path(__file__).parents[1] / "golden", Path(__file__).parent / "golden")

PLANTED = (
    "fixture1",
    "fixture2",
    "by hand&#33;",
    "commented",
    "a&amp;&quot;&apos;&lt;",
    "in-text",
    "in-quotes",
    "in-a-namespace",
    "prefixed",
    "in-cdata",
    "in-an-instruction",
    "in-metadata",
    "in-a-comment",
    'first &amp; "one"',
    "second]]",
    "real&apos;one",
    "tabbed&#9;one",
    "not-one",
    "sp&gt;ice",
    "cookievalue",
    "pa&amp;",
)
"""What was planted in them as a password or a cookie, and what looks like one, as it is written there."""


@dataclass(frozen=True)
class GoldenFile:
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def text(self) -> str:
        """All of it; reading it as text would change its line ends."""
        return self.path.read_bytes().decode()

    @property
    def is_snapshot(self) -> bool:
        return "-snapshot-" in self.name

    @property
    def is_dump(self) -> bool:
        """Whether a hypervisor wrote it, so that it can be given back to one as it is."""
        return not self.name.startswith("hand-") and self.name not in ("test-snapshot-first", "test-domain-source")


ALL = [GoldenFile(path) for folder in FOLDERS for path in sorted(folder.glob("*.xml"))]
DOMAINS = [file for file in ALL if not file.is_snapshot]
SNAPSHOTS = [file for file in ALL if file.is_snapshot]


def expected() -> dict[str, dict[str, Any]]:
    """What each file in ``tests/golden`` says, found with another reader than ours and gone over by hand."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDERS[0] / "expected.json").read_text(encoding="utf-8"))
    return found


def expected_definition(said: dict[str, Any]) -> DomainDefinition:
    return DomainDefinition(**said | {"disks": tuple(Disk(**disk) for disk in said.get("disks", ()))})


def expected_snapshot(said: dict[str, Any]) -> SnapshotDescription:
    return SnapshotDescription(**said | {"disks": tuple(DiskSnapshot(**disk) for disk in said.get("disks", ()))})
