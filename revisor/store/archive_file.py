"""The file of an archive: a ZIP that holds a manifest and, for each table, its rows as PostgreSQL's COPY writes them.

Laid down in docs/reference/archive.md. Here is the file alone: that it comes to be whole or not at all, what its
manifest says, and what is wrong with one that cannot be read. Which rows belong in it is ``revisor.store.archive``'s
business.
"""

import contextlib
import errno
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from uuid import UUID
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from domain_model.errors import InvalidArgument, Refused

FORMAT, NUMBER = "revisor-log", 1
MANIFEST = "manifest.json"

_LEVEL = 1
"""Of deflate: a third of the bytes, and an import is not slower for it; see benchmarks/README.md."""
_BLOCK_BYTES = 1 << 18
_MANIFEST_BYTES = 1 << 20
_DAMAGED = (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)
"""What zipfile raises of bytes that are not what they were; the last two of methods and keys that we never use."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What linking fails with where there are no links, as on a FAT stick or some shares: there a file is renamed."""
_NO_MANIFEST = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class Damaged(InvalidArgument):
    """A file that is not what it should be; ``what`` is wrong with it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"'{path}' is not the file of a whole log: {what}",
            field="file",
            value=str(path),
            accepted="a file as 'revisor export --raw' wrote it; a backup goes back with 'revisor restore' and its folder",
        )
        self.what = what


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position of a log, and its event's time and leaf; None where nothing is recorded (position 0)."""

    log: UUID
    position: int
    recorded_at: datetime | None
    leaf: bytes | None


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says it is. ``members`` has the size of each, by name."""

    head: Head
    postgresql: int
    """The major version the rows come from."""
    members: Mapping[str, Size]

    def to_json(self) -> bytes:
        head = self.head
        said = {
            "format": FORMAT,
            "number": NUMBER,
            "revisor": version("revisor"),
            "postgresql": self.postgresql,
            "log": str(head.log),
            "position": head.position,
            "recorded_at": None if head.recorded_at is None else head.recorded_at.isoformat(),
            "leaf": None if head.leaf is None else head.leaf.hex(),
            "members": {name: {"rows": size.rows, "bytes": size.bytes} for name, size in self.members.items()},
        }
        return json.dumps(said, indent=2).encode() + b"\n"

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Manifest":
        """Raises one of ``_NO_MANIFEST`` for what is none."""
        head = Head(
            log=UUID(said["log"]),
            position=int(said["position"]),
            recorded_at=None if said["recorded_at"] is None else datetime.fromisoformat(said["recorded_at"]),
            leaf=None if said["leaf"] is None else bytes.fromhex(said["leaf"]),
        )
        sizes = {name: Size(int(size["rows"]), int(size["bytes"])) for name, size in said["members"].items()}
        return cls(head, int(said["postgresql"]), sizes)


class ArchiveWriter:
    """A file that is being made: each ``member`` in turn, then ``finish``."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """What is written to the stream becomes the member; how long it will be need not be known."""
        stream = self._archive.open(_entry(name), "w", force_zip64=True)
        yield stream
        stream.close()  # Only a whole one: of what is cut off nothing is kept.

    def finish(self, head: Head, postgresql: int, rows: Mapping[str, int]) -> Manifest:
        """Write the manifest; ``rows`` says how many each member has."""
        sizes = {name: Size(count, self._archive.getinfo(_entry(name)).file_size) for name, count in rows.items()}
        manifest = Manifest(head, postgresql, sizes)
        self._archive.writestr(MANIFEST, manifest.to_json())
        return manifest


class ArchiveReader:
    """A file that says it is an archive. Whatever is wrong with it is an InvalidArgument (8)."""

    def __init__(self, path: Path, archive: ZipFile) -> None:
        self.path = path
        self._archive = archive
        self.manifest = self._manifest()

    def check_members(self, known: Iterable[str]) -> None:
        """Refuse a file that lacks one of these members, or holds one that nobody here would take."""
        has, wanted = set(self.manifest.members), set(known)
        for name in sorted(wanted - has):
            raise damaged(self.path, f"member '{name}' is not there")
        for name in sorted(has - wanted):
            raise damaged(self.path, f"it holds '{name}' as well, which belongs to something else")

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member; its checksum and its length are checked with the last of them."""
        read = 0
        with self._reading(name), self._archive.open(_entry(name)) as stream:
            while block := stream.read(_BLOCK_BYTES):
                read += len(block)
                yield block
        if read != self.manifest.members[name].bytes:
            raise damaged(self.path, f"member '{name}' has {read} bytes, not those that the manifest says")

    def _manifest(self) -> Manifest:
        with self._reading(MANIFEST), self._archive.open(MANIFEST) as stream:
            text = stream.read(_MANIFEST_BYTES)
        try:
            said = json.loads(text)
            kind, number = said["format"], said["number"]
            if kind == FORMAT and number == NUMBER:
                return Manifest.of(said)
        except _NO_MANIFEST as error:
            raise damaged(self.path, f"its {MANIFEST} is not one: {type(error).__name__}: {error}") from error
        if kind == FORMAT and isinstance(number, int) and number > NUMBER:
            raise damaged(self.path, f"it is of format {number}, and this release knows {NUMBER}: use a newer Revisor")
        raise damaged(self.path, f"it is of another format: {kind} {number}")

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except KeyError:
            raise damaged(self.path, f"member '{name}' is not there") from None
        except _DAMAGED as error:
            raise damaged(self.path, f"member '{name}' is damaged: {error}") from error
        except OSError as error:
            raise _unreadable(self.path, error) from error


@contextlib.contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """A new file at ``path``, for its owner alone, that is there when the block ends: whole, and on the disk.

    Nothing is there if the block raises. Raises InvalidArgument (8) for a path that is taken, also if somebody took it
    meanwhile, and Refused (38) where nothing can be written.
    """
    partial = partial_of(path)
    if os.path.lexists(path):
        raise _taken(path)
    if os.path.lexists(partial):
        raise _left_behind(partial)
    try:
        # Before all else: once the file has its name, it must not fail that the folder cannot be opened.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable("make", partial, error) from error
    try:
        with _written(partial) as archive:
            yield archive
        _publish(partial, path, folder)
    except OSError as error:
        raise _unusable("write", path, error) from error
    finally:
        os.close(folder)


@contextlib.contextmanager
def _written(partial: Path) -> Iterator[ArchiveWriter]:
    """A new file that is on the disk when the block ends, and not there if it raises."""
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable("make", partial, error) from error
    try:
        with os.fdopen(descriptor, "w+b") as file:
            archive = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
            try:
                yield ArchiveWriter(archive)
                archive.close()
            except BaseException:
                archive.fp = None  # Closed, it would complain of a member that is cut off, instead of what cut it off.
                raise
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _publish(partial: Path, path: Path, folder: int) -> None:
    """Give a finished file its name, on the disk too, and leave none behind otherwise."""
    try:
        _name(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    try:
        os.fsync(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _name(partial: Path, path: Path) -> None:
    try:
        # Unlike a renaming, a link takes no name that somebody else took.
        path.hardlink_to(partial)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Nothing better is to be had there: between the look and the renaming somebody may still come.
        if os.path.lexists(path):
            raise _taken(path) from None
        partial.rename(path)


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """The archive at ``path``, of a format that this release knows.

    Raises InvalidArgument (8) for a file that is none, and Refused (38) for one that cannot be read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unusable("open", path, error) from error
    with file:
        begins_as_zip = file.read(4) == b"PK\x03\x04"
        try:
            archive = ZipFile(file)
        except _DAMAGED as error:
            what = "it is cut short" if begins_as_zip else "it is no archive (not a ZIP file)"
            raise damaged(path, what) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        with archive:
            yield ArchiveReader(path, archive)


def partial_of(path: Path) -> Path:
    """What the file of an archive is called until it is whole."""
    return path.with_name(f"{path.name}.partial")


def damaged(path: Path, what: str) -> Damaged:
    """The refusal of a file that is not what it should be."""
    return Damaged(path, what)


def _taken(path: Path) -> InvalidArgument:
    return InvalidArgument(
        f"'{path}' is there already", field="file", value=str(path), accepted="a name that is not taken"
    )


def _left_behind(partial: Path) -> InvalidArgument:
    return InvalidArgument(
        f"'{partial}' is there already: a run that was killed left it, if none is under way",
        field="file",
        value=str(partial),
        accepted="another name, or this one once that file was deleted",
    )


def _entry(name: str) -> str:
    return f"{name}.pgcopy"


def _unusable(act: str, path: Path, error: OSError) -> Refused:
    return Refused(f"cannot {act} '{path}': {error.strerror or error}", field="file", value=str(path), number=38)


def _unreadable(path: Path, error: OSError) -> Refused:
    if error.errno == errno.EINVAL:  # A place before the file's begin, as only a damaged directory of it names.
        return damaged(path, "its directory is damaged")
    return _unusable("read", path, error)
