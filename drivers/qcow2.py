"""What a qcow2 image says of itself: its backing file and the snapshots inside it.

libvirt's metadata and an image's own table of snapshots can part ways, and only the image tells which of them is right.
``qemu-img`` would cost a process for each look, and refuses while a guest runs on the image. So the header is read
here: with no lock, never written to, and twice, because QEMU may put another table in its place meanwhile.

Source of the format: QEMU's docs/interop/qcow2.txt (versions 2 and 3); of the limits and of how names are read, what
QEMU 7.2 itself refuses to open. Numbers are big endian.
"""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"QFI\xfb"
# magic, version, backing file offset and size, cluster bits, virtual size, encryption, L1 size and offset, refcount
# table offset and clusters, number of snapshots, offset of the snapshot table
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
# features: incompatible, compatible, autoclear; width of a refcount, length of the header
_HEADER_V3 = struct.Struct(">QQQII")
_EXTENSION = struct.Struct(">II")
# L1 offset and size, lengths of id and name, date in seconds and nanoseconds, guest's clock, memory's size, extra size
_SNAPSHOT = struct.Struct(">QIHHIIQII")
_LONG = struct.Struct(">Q")

_VERSIONS = (2, 3)
_END, _BACKING_FORMAT, _DATA_FILE = 0, 0xE2792ACA, 0x44415441
_HAS_DATA_FILE = 1 << 2
_KNOWN_FEATURES = 0b11111

_CLUSTER_BITS = range(9, 22)
_MAX_BACKING_NAME = 1023
_MAX_SNAPSHOTS = 65536
_MAX_TABLE_BYTES = 64 * 1024 * 1024
_MAX_EXTRA_BYTES = 1024
_LOOKS = 5
_BUFFER_BYTES = 64 * 1024


class DamagedImageError(ValueError):
    """It calls itself qcow2, and cannot be read as such: cut off, out of bounds, or newer than what is known here."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One snapshot in an image's own table. libvirt's internal snapshots are found there by their name."""

    id: str
    name: str
    date_s: int
    """When it was taken, in seconds since 1970."""
    vm_state_bytes: int
    """How much of the guest's memory is kept with it; 0 when only the disk was."""


@dataclass(frozen=True, slots=True)
class Qcow2Image:
    """What the header tells. Names of files are as the image has them, which may be relative or no file at all."""

    version: int
    virtual_size_bytes: int
    backing_file: str | None
    backing_format: str | None
    """None when the header does not say; QEMU then looks at the backing file itself."""
    data_file: str | None
    """Where the guest's data is if not in the image; such an image holds no snapshots."""
    tags: tuple[Tag, ...]


def read(path: str) -> Qcow2Image | None:
    """Read the header and the snapshot table of ``path``; None if it is no qcow2 image of version 2 or 3.

    Only a regular file or a block device is opened: of anything else opening may wait for ever or do something. Raises
    OSError when it cannot be read, DamagedImageError when it is qcow2 by its first bytes only.
    """
    with _opened(path) as descriptor:
        return None if descriptor is None else _settled(descriptor)


@contextmanager
def _opened(path: str) -> Iterator[int | None]:
    if not _holds_data(Path(path).stat()):
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        yield descriptor if _holds_data(os.fstat(descriptor)) else None
    finally:
        os.close(descriptor)


def _holds_data(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)


def _settled(descriptor: int) -> Qcow2Image | None:
    """Look until the header is after reading the table as it was before.

    QEMU writes a new table elsewhere, then the header, and then uses the old table's place again.
    """
    for _ in range(_LOOKS):
        before = _head(descriptor)
        damage: DamagedImageError | None = None
        image: Qcow2Image | None = None
        # A new buffer for each look: an old one would show again what was there before.
        with open(descriptor, "rb", buffering=_BUFFER_BYTES, closefd=False) as file:
            try:
                image = _Reading(file).image()
            except DamagedImageError as error:
                damage = error
        if _head(descriptor) == before:
            if damage is not None:
                raise damage
            return image
    raise DamagedImageError(f"the image was changed during each of {_LOOKS} looks at it")


def _head(descriptor: int) -> bytes:
    return os.pread(descriptor, _HEADER.size + _HEADER_V3.size, 0)


class _Reading:
    """One pass over an image. Every number in it is a stranger's until it was checked."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def image(self) -> Qcow2Image | None:
        self._file.seek(0)
        start = self._file.read(_HEADER.size) or b""
        if start[:8] not in {_MAGIC + version.to_bytes(4, "big") for version in _VERSIONS}:
            return None
        if len(start) < _HEADER.size:
            raise DamagedImageError("the image ends within its header")
        (_, version, backing_at, backing_length, cluster_bits, size, *_, count, table_at) = _HEADER.unpack(start)
        if cluster_bits not in _CLUSTER_BITS:
            raise DamagedImageError(f"clusters of 2^{cluster_bits} bytes")
        cluster = 1 << cluster_bits
        features, header_length = self._second_part(version, cluster)
        extensions = self._extensions(header_length, backing_at or cluster, cluster)
        return Qcow2Image(
            version=version,
            virtual_size_bytes=size,
            backing_file=self._backing_file(backing_at, backing_length, cluster),
            backing_format=_text(extensions[_BACKING_FORMAT]) if _BACKING_FORMAT in extensions else None,
            data_file=_path(extensions.get(_DATA_FILE, b"")) if features & _HAS_DATA_FILE else None,
            tags=tuple(self._tags(count, table_at, cluster)),
        )

    def _second_part(self, version: int, cluster: int) -> tuple[int, int]:
        """The incompatible features and the header's length, which version 2 does not have."""
        if version == _VERSIONS[0]:
            return 0, _HEADER.size
        features, _, _, _, length = _HEADER_V3.unpack(self._bytes(_HEADER_V3.size, "header"))
        if features & ~_KNOWN_FEATURES:
            raise DamagedImageError(f"features that are not known here ({features & ~_KNOWN_FEATURES:#x})")
        if not _HEADER.size + _HEADER_V3.size <= length <= cluster:
            raise DamagedImageError(f"a header of {length} bytes")
        return features, length

    def _extensions(self, start: int, end: int, cluster: int) -> dict[int, bytes]:
        """The header extensions by type; of one that is there twice, the last."""
        if end > cluster:
            raise DamagedImageError("the backing file's name is not in the first cluster")
        found = {}
        at = start
        while at + _EXTENSION.size <= end:
            self._file.seek(at)
            kind, length = _EXTENSION.unpack(self._bytes(_EXTENSION.size, "header extensions"))
            if kind == _END:
                break
            at += _EXTENSION.size
            if length > end - at:
                raise DamagedImageError(f"a header extension of {length} bytes")
            found[kind] = self._bytes(length, "header extensions")
            at += _padded(length)
        return found

    def _backing_file(self, at: int, length: int, cluster: int) -> str | None:
        if at == 0:
            return None
        if length > min(_MAX_BACKING_NAME, cluster - at):
            raise DamagedImageError(f"a backing file's name of {length} bytes")
        self._file.seek(at)
        return _path(self._bytes(length, "backing file's name"))

    def _tags(self, count: int, at: int, cluster: int) -> Iterator[Tag]:
        if count == 0:
            return
        if count > _MAX_SNAPSHOTS:
            raise DamagedImageError(f"a table of {count} snapshots")
        if at % cluster or at >= self._file.seek(0, os.SEEK_END):
            raise DamagedImageError(f"a snapshot table at byte {at}")
        self._file.seek(at)
        used = 0
        for _ in range(count):
            tag, length = self._tag()
            used += length
            if used > _MAX_TABLE_BYTES:
                raise DamagedImageError(f"a snapshot table of more than {_MAX_TABLE_BYTES} bytes")
            yield tag

    def _tag(self) -> tuple[Tag, int]:
        """The snapshot described where the file stands, and how many bytes that takes;
        the file stands behind it then.
        """
        fields = _SNAPSHOT.unpack(self._bytes(_SNAPSHOT.size, "snapshot table"))
        (_, _, id_length, name_length, date_s, _, _, vm_state_bytes, extra_length) = fields
        if extra_length > _MAX_EXTRA_BYTES:
            raise DamagedImageError(f"{extra_length} extra bytes about one snapshot")
        extra = self._bytes(extra_length, "snapshot table")
        if len(extra) >= _LONG.size:
            # The same number again, in 64 bits.
            (vm_state_bytes,) = _LONG.unpack_from(extra)
        id_, name = (self._bytes(length, "snapshot table") for length in (id_length, name_length))
        length = _SNAPSHOT.size + extra_length + id_length + name_length
        self._file.seek(_padded(length) - length, os.SEEK_CUR)
        return Tag(_text(id_), _text(name), date_s, vm_state_bytes), _padded(length)

    def _bytes(self, length: int, where: str) -> bytes:
        data = self._file.read(length) or b""  # None where a read would have to wait
        if len(data) < length:
            raise DamagedImageError(f"the image ends within its {where}")
        return data


def _padded(length: int) -> int:
    return -(-length // 8) * 8


def _text(raw: bytes) -> str:
    r"""A name as QEMU reads it, up to a NUL.

    Bytes that are no UTF-8 are shown as \xNN: what is read here is recorded.
    """
    return raw.partition(b"\0")[0].decode(errors="backslashreplace")


def _path(raw: bytes) -> str | None:
    """The name of a file, for the calls of the operating system; None for no name."""
    return os.fsdecode(raw.partition(b"\0")[0]) or None
