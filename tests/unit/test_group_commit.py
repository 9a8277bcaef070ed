"""Saves that come together are flushed together;
nobody waits for nothing, and everybody learns what became of their own.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from revisor.store.group_commit import BrokenOff, GroupCommit
from tests.lab.awaiting import eventually


class Disk:
    """A flush that takes as long as the test wants, and refuses odd numbers if it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.free = threading.Event()
        self.free.set()
        self.trouble: BaseException | None = None

    def flush(self, group: Sequence[int]) -> list[str | Exception]:
        self.groups.append(list(group))
        assert self.free.wait(10)
        if self.trouble is not None:
            raise self.trouble
        return [ValueError(str(number)) if number % 2 else f"saved {number}" for number in group]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def waiting(commit: GroupCommit[int, str]) -> int:
    return len(commit._waiting)


@contextmanager
def behind_a_flush(disk: Disk, commit: GroupCommit[int, str], *numbers: int) -> Iterator[list[Future[str]]]:
    """One that saves 0 and is held up, and those that wait behind it with these numbers; at the end they go on."""
    disk.free.clear()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(commit.submit, 0)]
        eventually(lambda: disk.groups, what="the first flushes")
        futures += [pool.submit(commit.submit, number) for number in numbers]
        eventually(lambda: waiting(commit) == len(numbers), what="the others wait")
        yield futures
        disk.free.set()


def test_a_lone_caller_flushes_alone_and_at_once(disk: Disk) -> None:
    commit = GroupCommit(disk.flush)
    assert [commit.submit(2), commit.submit(4)] == ["saved 2", "saved 4"]
    assert disk.groups == [[2], [4]]


def test_who_comes_while_somebody_flushes_is_flushed_with_the_others_and_only_the_refused_are_refused(
    disk: Disk,
) -> None:
    commit = GroupCommit(disk.flush)
    with behind_a_flush(disk, commit, 2, 3, 4, 5, 6, 7) as futures:
        pass
    assert [str(future.exception() or future.result()) for future in futures] == [
        *("saved 0", "saved 2", "3", "saved 4", "5", "saved 6", "7")
    ]
    assert [type(futures[place].exception()) for place in (2, 4, 6)] == [ValueError] * 3
    assert [sorted(group) for group in disk.groups] == [[0], [2, 3, 4, 5, 6, 7]]


def test_a_group_has_an_end_and_the_next_begins_another(disk: Disk) -> None:
    commit = GroupCommit(disk.flush, most=2)
    with behind_a_flush(disk, commit, 2, 4, 6) as futures:
        pass
    assert [future.result() for future in futures] == ["saved 0", "saved 2", "saved 4", "saved 6"]
    assert [len(group) for group in disk.groups] == [1, 2, 1]


@pytest.mark.parametrize(("trouble", "theirs"), [(OSError("no disk"), OSError), (KeyboardInterrupt(), BrokenOff)])
def test_a_flush_that_fails_fails_for_all_that_wait_and_the_next_goes_on(
    disk: Disk, trouble: BaseException, theirs: type[Exception]
) -> None:
    commit = GroupCommit(disk.flush, most=2)
    with behind_a_flush(disk, commit, 2, 4, 6) as futures:
        disk.trouble = trouble
    assert [type(future.exception()) for future in futures] == [type(trouble), theirs, theirs, theirs]
    disk.trouble = None
    assert commit.submit(6) == "saved 6"


def test_who_is_interrupted_while_waiting_keeps_nobody_else_from_being_saved(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = GroupCommit(disk.flush)
    with ThreadPoolExecutor(1) as pool, behind_a_flush(disk, commit) as futures:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Event, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                commit.submit(2)
        futures.append(pool.submit(commit.submit, 4))
        eventually(lambda: waiting(commit) == 1, what="the last one waits")
    assert [future.result(10) for future in futures] == ["saved 0", "saved 4"]
    assert disk.groups == [[0], [4]]


def interrupted(*_: object) -> bool:
    raise KeyboardInterrupt
