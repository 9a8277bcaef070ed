"""Whether the data of a simulated host's snapshots is there, as far as the host can know (libvirt-semantics 6).

Redefining metadata never looks for it, as with libvirt. What was in an image when the host first heard of it is not
known, and nothing is claimed of it.
"""

from drivers.images import ImageFindings, SnapshotPresence
from drivers.simulator.files import Files
from drivers.simulator.inventory import Domain, Inventory, Snapshot
from drivers.simulator.snapshots import files_beside, images_holding


def findings(inventory: Inventory, domain: Domain) -> ImageFindings:
    """What is known of each snapshot of a domain."""
    look = _Look(inventory.files)
    found: dict[str, SnapshotPresence] = {}
    untold: dict[str, str] = {}
    for snapshot in inventory.snapshots(domain):
        said = look.at(snapshot)
        if isinstance(said, SnapshotPresence):
            found[snapshot.name] = said
        else:
            untold[snapshot.name] = said
    return ImageFindings(found, untold)


class _Look:
    """One look at the files. What is said alike of thousands of snapshots is read once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._places: dict[tuple[str | None, str], list[str]] = {}

    def at(self, snapshot: Snapshot) -> SnapshotPresence | str:
        """Whether all that a snapshot keeps is there; why, if it cannot be told."""
        if snapshot.external:
            gone = next((file for file in files_beside(snapshot) if self._files.is_gone(file)), None)
            return f"snapshot '{snapshot.name}' keeps files beside the images" if gone is None else _absent(gone)
        images = self._images(snapshot)
        held = {image: self._files.is_told_to_hold(image, snapshot.name) for image in images}
        lost = next((image for image, there in held.items() if there is False), None)
        if lost is not None:
            return _absent(lost, None if self._files.is_gone(lost) else snapshot.name)
        unknown = next((image for image, there in held.items() if there is None), None)
        if unknown is not None:
            return f"what was in {unknown} before is not known"
        return SnapshotPresence(present=True) if images else f"snapshot '{snapshot.name}' keeps nothing in a file"

    def _images(self, snapshot: Snapshot) -> list[str]:
        place = (snapshot.disks, snapshot.domain)
        if place not in self._places:
            self._places[place] = images_holding(snapshot)
        return self._places[place]


def _absent(file: str, tag: str | None = None) -> SnapshotPresence:
    what = f"{file} does not exist" if tag is None else f"{file} holds no snapshot '{tag}'"
    return SnapshotPresence(present=False, why=what)
