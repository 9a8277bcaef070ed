"""What somebody would write with libvirt-python alone: redefine the snapshots, read them back.

Run as a process of its own, so that nothing of Revisor, not even its event loop, is in the way:

    python _raw_loop.py URI FOLDER
"""

import json
import sys
import time
from pathlib import Path

import libvirt


def main(uri: str, folder: Path) -> None:
    """Print how many seconds each phase took.

    ``folder`` has domain.xml, and the order of the snapshots in order.json.
    """
    order: list[list[str]] = json.loads((folder / "order.json").read_text())
    definition = (folder / "domain.xml").read_text()
    snapshots = [(name, flags, (folder / file).read_text()) for name, file, flags in order]
    connection = libvirt.open(uri)
    domain = connection.defineXML(definition)

    begun = time.perf_counter()
    for _, flags, xml in snapshots:
        domain.snapshotCreateXML(xml, int(flags))
    redefined = time.perf_counter()
    found = {snapshot.getName(): snapshot.getXMLDesc(1) for snapshot in domain.listAllSnapshots()}
    different = [name for name, _, xml in snapshots if found.get(name) != xml]
    read_back = time.perf_counter()

    if different:
        sys.exit(f"{len(different)} snapshots read back different, such as {different[0]}")
    print(json.dumps([redefined - begun, read_back - redefined]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
