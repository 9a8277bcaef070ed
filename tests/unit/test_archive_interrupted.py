"""A file that is being made, and is not going to be: what ended it is what is told, and nothing is left."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import pytest

from revisor.store.archive_file import new_archive


def cut_off(path: Path, members: list[AbstractContextManager[IO[bytes]]]) -> None:
    """The signal comes when a member is open and before anybody could close it."""
    with new_archive(path) as archive:
        members.append(archive.member("events"))
        members[0].__enter__()
        raise KeyboardInterrupt


def test_what_cuts_a_member_off_is_told_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cut_off(tmp_path / "log", [])
    assert list(tmp_path.iterdir()) == []
