"""Which files an image consists of: itself, and what each qcow2 header names as the file below.

What is said here decides whether a snapshot is called missing and a base image safe to touch, so three answers are kept
apart: there, gone, and not to be told from here. A file is called gone only if the folder it would be in can be seen.
A folder that cannot be is another machine's, or another container's, and says nothing of what is there.

A format is taken as declared and never guessed, as QEMU and libvirt do: a guest may write a header that names any file
of the host into its raw disk. Only a backing file whose image does not declare its format is looked at, by QEMU as
here.
"""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drivers import qcow2
from drivers.qcow2 import DamagedImageError, Qcow2Image

QCOW2 = "qcow2"
RAW = "raw"

MAX_DEPTH = 200
"""Of a chain, as in libvirt."""

# QEMU: a protocol is whatever stands before a colon in front of the first slash.
_PROTOCOL = re.compile(r"([^/:]*):(.*)", re.DOTALL)
_LOCAL_PROTOCOLS = ("file", "host_device")
_JSON = "json:"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a look at files came to an end before they did."""

    why: str
    """A sentence that names the file."""
    gone: bool = False
    """Whether the file is known not to be there; if not, it cannot be told."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A file that is there."""

    path: str
    """With all links resolved, so that a file is known by one name."""
    image: Qcow2Image | None = None
    """Its header, if it was asked for and there is one."""
    data: str | None = None
    """The file that holds the guest's data for it, links resolved, if another does."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What is there of a chain, from the image that was asked for downwards."""

    images: tuple[Sight, ...]
    cut: Cut | None = None
    """Why the chain is longer than that; None when it is whole."""

    @property
    def files(self) -> tuple[str, ...]:
        """All files of it, each by its one name."""
        return tuple(file for sight in self.images for file in (sight.path, sight.data) if file is not None)

    @property
    def below(self) -> "Chain":
        """The chain its first image stands on."""
        return Chain(self.images[1:], self.cut)


@dataclass(frozen=True, slots=True)
class _Link:
    """The next file of a chain, as a definition or a header names it."""

    path: str
    format: str | None


class ImageFiles:
    """One look at some files: each is opened once, however many chains lead through it."""

    def __init__(self) -> None:
        self._seen: dict[str, Sight | Cut] = {}
        self.names: dict[str, str] = {}
        """The other names by which files of chains were opened, with a link in them; each with the file's one name."""

    def see(self, path: str) -> Sight | Cut:
        """What is at ``path``, an absolute one, with its header if it is qcow2."""
        if path not in self._seen:
            self._seen[path] = _look(path, read=True)
        return self._seen[path]

    def chain(self, path: str, declared: str | None) -> Chain:
        """The files that the image ``path`` consists of, its format being ``declared``; None if nobody says."""
        images: list[Sight] = []
        step: _Link | Cut | None = _Link(path, declared)
        while isinstance(step, _Link):
            step = self._follow(step, images)
        return Chain(tuple(images), step)

    def _follow(self, link: _Link, images: list[Sight]) -> _Link | Cut | None:
        """Add one image to the chain; return what is below it."""
        sight = self.see(link.path) if link.format in (QCOW2, None) else look(link.path)
        if isinstance(sight, Cut):
            return sight
        if sight.path != link.path:
            self.names[link.path] = sight.path
        if len(images) >= MAX_DEPTH or any(sight.path == above.path for above in images):
            return Cut(f"the chain comes to {shown(link.path)} and does not end")
        data = None if sight.image is None or sight.image.data_file is None else look(sight.image.data_file)
        images.append(replace(sight, data=data.path) if isinstance(data, Sight) else sight)
        if isinstance(data, Cut):
            return data
        if link.format not in (QCOW2, RAW, None):
            return Cut(f"{shown(link.path)} is of format '{shown(link.format or '')}', which is not read here")
        if sight.image is None:
            return Cut(f"{shown(link.path)} is not a qcow2 image") if link.format == QCOW2 else None
        return _below(link.path, sight.image)


def look(path: str) -> Sight | Cut:
    """Whether there is a file at ``path``, unread."""
    return _look(path, read=False)


def shown(path: str) -> str:
    """A path fit for a sentence that is recorded: whatever cannot be printed is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


def _look(path: str, *, read: bool) -> Sight | Cut:
    if not Path(path).is_absolute():
        # libvirt writes none, and QEMU opens a data file from wherever it was started.
        return Cut(f"'{shown(path)}' is not an absolute path")
    resolved = os.path.realpath(path)
    try:
        Path(path).stat()
        return Sight(resolved, qcow2.read(path) if read else None)
    except (FileNotFoundError, NotADirectoryError):
        return _absent(path, resolved)
    except OSError as error:
        return Cut(f"{shown(path)} cannot be read: {error.strerror}")
    except DamagedImageError as error:
        return Cut(f"{shown(path)} is a damaged image: {error}")


def _absent(path: str, resolved: str) -> Cut:
    if Path(resolved).parent.is_dir():
        return Cut(f"{shown(path)} does not exist", gone=True)
    return Cut(f"the folder of {shown(path)} cannot be seen from here")


def _below(path: str, image: Qcow2Image) -> _Link | Cut | None:
    """What an image stands on: a file, nothing, or why it cannot be told.

    A relative name begins at the folder of the image as it was named, not where a link leads (QEMU 7.2).
    """
    name, form = image.backing_file, image.backing_format
    if name is None:
        return None
    untold = Cut(f"{shown(path)} stands on '{shown(name)}', which names no file of this machine")
    if name.startswith(_JSON):
        return _from_json(name.removeprefix(_JSON), form) or untold
    match = _PROTOCOL.match(name)
    if match is None:
        return _Link(str(Path(path).parent / name), form) if _names_a_file(name) else untold
    protocol, rest = match.groups()
    # With a protocol, a relative name begins wherever QEMU was started.
    return (
        _Link(rest, form) if protocol in _LOCAL_PROTOCOLS and rest.startswith("/") and _names_a_file(rest) else untold
    )


def _from_json(text: str, form: str | None) -> _Link | None:
    """QEMU's pseudo-protocol ``json:``, as far as it names a file of this machine."""
    try:
        options: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(options, dict):
        return None
    inner = options.get("file")
    if isinstance(inner, dict):
        protocol, name, form = inner.get("driver"), inner.get("filename"), options.get("driver", form)
    elif "file.filename" in options:
        protocol, name = options.get("file.driver"), options["file.filename"]
        form = options.get("driver", form)
    else:
        protocol, name = options.get("driver"), options.get("filename")
    if protocol not in (None, *_LOCAL_PROTOCOLS) or not isinstance(name, str) or not isinstance(form, str | None):
        return None
    return _Link(name, form) if name.startswith("/") and _names_a_file(name) else None


def _names_a_file(name: str) -> bool:
    """Whether a name could be that of a file, and is UTF-8: others could not be recorded as they are."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name)
