"""What the simulated host has in its file system, as far as a hypervisor looks there.

Whoever names an image is believed that it is there: it may have come from elsewhere, as may the snapshots inside it.
Only what the host itself removed is known to be gone, and only what it made itself is known to be empty.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from domain_model.domain_xml import Disk

IMAGE, SAVED, DUMP, NVRAM = "image", "saved", "dump", "nvram"


@dataclass(frozen=True, slots=True)
class File:
    """One file. ``state`` and ``definition`` are those of a saved guest."""

    path: str
    kind: str
    made: bool = True
    """Whether by the host itself: then nothing is in it that the host does not know of."""
    gone: bool = False
    backing: str | None = None
    """Of an image: the file below it, as far as the host knows."""
    state: int | None = None
    definition: str | None = None


class Files:
    """The host's files in one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, path: str) -> File | None:
        file = self._known(path)
        return None if file is None or file.gone else file

    def exists(self, path: str) -> bool:
        """Whether the host has heard of a file at ``path``."""
        return self.find(path) is not None

    def is_gone(self, path: str) -> bool:
        """Whether the host removed what was there."""
        file = self._known(path)
        return file is not None and file.gone

    def put(self, file: File) -> None:
        """Write a file, in place of whatever was there."""
        self._connection.execute("DELETE FROM inside WHERE path = ?", (file.path,))
        self._connection.execute(
            "INSERT OR REPLACE INTO file (path, kind, made, gone, backing, state, definition)"
            " VALUES (:path, :kind, :made, :gone, :backing, :state, :definition)",
            asdict(file),
        )

    def remove(self, path: str) -> None:
        self.put(File(path, IMAGE, gone=True))

    def _known(self, path: str) -> File | None:
        row = self._connection.execute("SELECT * FROM file WHERE path = ?", (path,)).fetchone()
        return None if row is None else File(**dict(row) | {"made": bool(row["made"]), "gone": bool(row["gone"])})

    # Images.

    def hear_of(self, disks: Iterable[Disk]) -> None:
        """The images that a definition names are there, unless they were removed."""
        for disk in disks:
            if disk.source is not None:
                self.hear_of_image(disk.source)

    def hear_of_image(self, path: str, backing: str | None = None) -> None:
        """There is an image, and if somebody says so it stands on another one."""
        known = self._known(path)
        if known is None:
            self.put(File(path, IMAGE, made=False, backing=backing))
        elif not known.made and known.backing is None:
            self.stand_on(path, backing)

    def stand_on(self, path: str, backing: str | None) -> None:
        """An image is on top of another one now: a new one, or what somebody has made for that."""
        if self.exists(path):
            self._connection.execute("UPDATE file SET backing = ? WHERE path = ?", (backing, path))
        else:
            self.put(File(path, IMAGE, backing=backing))

    def chain(self, path: str) -> list[str]:
        """An image and those below it, as far as the host knows."""
        found: list[str] = []
        step: str | None = path
        while step is not None and step not in found:
            found.append(step)
            file = self.find(step)
            step = None if file is None else file.backing
        return found

    def merge(self, overlay: str, base: str) -> None:
        """Write what ``overlay`` holds into ``base`` and remove it; what stood on it stands on ``base``."""
        self._connection.execute("UPDATE file SET backing = ? WHERE backing = ?", (base, overlay))
        self.remove(overlay)

    # Snapshots inside images.

    def take_inside(self, path: str, tag: str) -> None:
        self._put_inside(path, tag, there=True)

    def leave_inside(self, path: str, tag: str) -> None:
        """Take nothing: the snapshot is inside only if it was before."""
        self._connection.execute("INSERT OR IGNORE INTO inside (path, tag, there) VALUES (?, ?, 0)", (path, tag))

    def delete_inside(self, path: str, tag: str) -> None:
        self._put_inside(path, tag, there=False)

    def holds(self, path: str, tag: str) -> bool:
        """Whether the image holds the snapshot, as far as the host can know."""
        return self.is_told_to_hold(path, tag) is not False

    def is_told_to_hold(self, path: str, tag: str) -> bool | None:
        """The same; None when the host cannot know."""
        file = self._known(path)
        if file is not None and file.gone:
            return False
        query = "SELECT there FROM inside WHERE path = ? AND tag = ?"
        row = self._connection.execute(query, (path, tag)).fetchone()
        if row is not None:
            return bool(row["there"])
        return False if file is not None and file.made else None

    def _put_inside(self, path: str, tag: str, *, there: bool) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO inside (path, tag, there) VALUES (?, ?, ?)", (path, tag, there)
        )
