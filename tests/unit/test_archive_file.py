"""The file of an archive without a database: how it comes to be there, and what is told of one that was damaged."""

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest

from domain_model.errors import InvalidArgument, Refused
from revisor.store.archive_file import MANIFEST, Head, new_archive, open_archive

HEAD = Head(UUID(int=7), 1, datetime(2026, 1, 2, tzinfo=UTC), b"leaf" * 8)
DIRECTORY = b"PK\x01\x02"
"""How each entry of a ZIP's directory begins, which stands behind the members."""


def write(path: Path, *, meanwhile: Callable[[], object] = lambda: None) -> None:
    with new_archive(path) as writer:
        with writer.member("events") as stream:
            stream.write(b"rows")
        meanwhile()
        writer.finish(HEAD, 18, {"events": 1})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "log.revisor"
    write(path)
    return path


def read(path: Path) -> bytes:
    with open_archive(path) as reader:
        return b"".join(block for name in reader.manifest.members for block in reader.blocks(name))


# It is there whole, or not at all.


def test_a_file_that_somebody_made_meanwhile_is_theirs(tmp_path: Path) -> None:
    path = tmp_path / "log.revisor"
    with pytest.raises(InvalidArgument, match=r"log\.revisor' is there already") as refused:
        write(path, meanwhile=lambda: path.write_bytes(b"theirs"))
    assert (refused.value.field, refused.value.value) == ("file", str(path))
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_where_there_are_no_links_the_file_gets_its_name_by_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "log.revisor")
    assert read(tmp_path / "log.revisor") == b"rows"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_somebody_made_meanwhile_is_theirs_where_there_are_no_links_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.revisor"

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(InvalidArgument, match="is there already"):
        write(path, meanwhile=lambda: path.write_bytes(b"theirs"))
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_what_cannot_be_brought_to_the_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_folder: bool
) -> None:
    sync = os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == is_folder:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Refused, match=r"cannot write '.*log\.revisor': Input/output error") as refused:
        write(tmp_path / "log.revisor")
    assert refused.value.number == 38
    assert list(tmp_path.iterdir()) == []


# What was done to it.


def damages(sound: bytes) -> Iterator[bytes]:
    """Each byte of the directory is another one, in two ways."""
    for place in range(sound.index(DIRECTORY), len(sound)):
        for other in (sound[place] ^ 1, sound[place] ^ 0xFF):
            yield sound[:place] + bytes([other]) + sound[place + 1 :]


def test_a_damaged_directory_is_refused_or_did_not_matter(archive: Path) -> None:
    said = set()
    for damaged in damages(archive.read_bytes()):
        archive.write_bytes(damaged)
        try:
            assert read(archive) == b"rows"
        except InvalidArgument as error:
            said.add((error.field, error.message.rpartition(": ")[2]))
    assert ("file", "its directory is damaged") in said
    assert {field for field, _ in said} == {"file"}


@pytest.mark.parametrize(
    "said",
    [
        "[" * 100_000,
        '{"format": "revisor-log", "number": 1, "log": 5}',
        json.dumps({"format": "revisor-log", "number": 1, "log": str(UUID(int=7)), "position": float("inf")}),
    ],
    ids=["without an end", "with a number for an id", "with an endless position"],
)
def test_a_manifest_that_is_none_is_refused(archive: Path, said: str) -> None:
    with ZipFile(archive, "w") as file:
        file.writestr(MANIFEST, said)
    with pytest.raises(InvalidArgument, match=r"its manifest\.json is not one: "):
        read(archive)


def test_a_backup_is_told_the_way_back(archive: Path) -> None:
    with open_archive(archive) as reader, pytest.raises(InvalidArgument) as refused:
        reader.check_members([])
    assert "it holds 'events' as well" in refused.value.message
    assert "'revisor restore' and its folder" in (refused.value.accepted or "")
