"""qcow2 images written byte by byte, from QEMU's docs/interop/qcow2.txt: so that no code of ours checks itself."""

from dataclasses import dataclass, field

CLUSTER_BITS = 9
BACKING_FORMAT, DATA_FILE, BITMAPS, UNKNOWN = 0xE2792ACA, 0x44415441, 0x23852875, 0x12345678


@dataclass
class WrittenTag:
    """An entry of the snapshot table."""

    name: bytes
    id: bytes = b"1"
    date_s: int = 1_300_000_000
    vm_state_bytes: int = 0
    vm_state_bytes_64: int | None = None
    extra: bytes = bytes(8)
    """What follows the 64-bit size of the memory, which is there only if that is given: here the disk's size."""

    def written(self) -> bytes:
        extra = b"" if self.vm_state_bytes_64 is None else number(self.vm_state_bytes_64, 8) + self.extra
        fixed = number(0x10000, 8) + number(1, 4) + number(len(self.id), 2) + number(len(self.name), 2)
        fixed += number(self.date_s, 4) + number(999, 4) + number(123_456_789, 8)
        fixed += number(self.vm_state_bytes, 4) + number(len(extra), 4)
        return padded(fixed + extra + self.id + self.name)


@dataclass
class WrittenImage:
    """An image: the header in the first cluster of 512 bytes, the snapshot table from the second one on."""

    version: int = 3
    size: int = 1024 * 1024
    backing: bytes = b""
    extensions: list[tuple[int, bytes]] = field(default_factory=list)
    features: int = 0
    tags: list[WrittenTag] = field(default_factory=list)
    header_length: int = 112
    magic: bytes = b"QFI\xfb"
    cluster_bits: int = CLUSTER_BITS
    count: int | None = None
    table_at: int = 512
    backing_at: int | None = None

    def written(self) -> bytes:
        extensions = b"".join(
            number(kind, 4) + number(len(data), 4) + padded(data) for kind, data in self.extensions
        ) + bytes(8)
        length = 72 if self.version == 2 else self.header_length
        backing_at = (length + len(extensions) if self.backing else 0) if self.backing_at is None else self.backing_at
        header = self.magic + number(self.version, 4) + number(backing_at, 8) + number(len(self.backing), 4)
        header += number(self.cluster_bits, 4) + number(self.size, 8) + number(0, 4)
        header += number(1, 4) + number(0x400, 8) + number(0x600, 8) + number(1, 4)
        header += number(len(self.tags) if self.count is None else self.count, 4) + number(self.table_at, 8)
        if self.version != 2:
            header += number(self.features, 8) + bytes(16) + number(4, 4) + number(self.header_length, 4)
            header = header.ljust(self.header_length, b"\0")
        header += extensions + self.backing
        cluster = 1 << CLUSTER_BITS if self.cluster_bits not in range(9, 22) else 1 << self.cluster_bits
        assert len(header) <= cluster, "what stands in the header has to fit into the first cluster"
        return header.ljust(self.table_at if self.tags else cluster, b"\0") + b"".join(
            tag.written() for tag in self.tags
        )


def number(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
