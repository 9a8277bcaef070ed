"""Reads what PostgreSQL's COPY BINARY writes, for tests that look into an archive or change one."""

import struct

from benchmarks._rows import COPY_HEADER

Row = list[bytes | None]
Rows = list[Row]


def rows_of(data: bytes) -> Rows:
    """The rows, each a list of its columns' bytes."""
    rows, at = [], len(COPY_HEADER)
    while (columns := struct.unpack_from(">h", data, at)[0]) >= 0:
        at += 2
        row: Row = []
        for _ in range(columns):
            (length,) = struct.unpack_from(">i", data, at)
            at += 4
            row.append(None if length < 0 else data[at : at + length])
            at += max(length, 0)
        rows.append(row)
    return rows
