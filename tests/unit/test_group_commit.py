"""Saves that come together are flushed together; nobody waits for nothing, and everybody learns what became of their own."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

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


def test_a_lone_caller_flushes_alone_and_at_once(disk: Disk) -> None:
    commit = GroupCommit(disk.flush)
    assert [commit.submit(2), commit.submit(4)] == ["saved 2", "saved 4"]
    assert disk.groups == [[2], [4]]


def test_who_comes_while_somebody_flushes_is_flushed_with_the_others_and_only_the_refused_are_refused(
    disk: Disk,
) -> None:
    commit = GroupCommit(disk.flush)
    disk.free.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commit.submit, 0)
        eventually(lambda: disk.groups, what="the first flushes")
        others = {number: pool.submit(commit.submit, number) for number in range(2, 8)}
        eventually(lambda: waiting(commit) == 6, what="the others wait")
        disk.free.set()
        assert first.result(10) == "saved 0"
        for number, future in others.items():
            if number % 2:
                with pytest.raises(ValueError, match=str(number)):
                    future.result(10)
            else:
                assert future.result(10) == f"saved {number}"
    assert [sorted(group) for group in disk.groups] == [[0], [2, 3, 4, 5, 6, 7]]


def test_a_group_has_an_end_and_the_next_begins_another(disk: Disk) -> None:
    commit = GroupCommit(disk.flush, most=2)
    disk.free.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commit.submit, 0)
        eventually(lambda: disk.groups, what="the first flushes")
        others = [pool.submit(commit.submit, number) for number in (2, 4, 6)]
        eventually(lambda: waiting(commit) == 3, what="the others wait")
        disk.free.set()
        assert [future.result(10) for future in (first, *others)] == ["saved 0", "saved 2", "saved 4", "saved 6"]
    assert [len(group) for group in disk.groups] == [1, 2, 1]


@pytest.mark.parametrize(("trouble", "theirs"), [(OSError("no disk"), OSError), (KeyboardInterrupt(), BrokenOff)])
def test_a_flush_that_fails_fails_for_all_that_wait_and_the_next_goes_on(
    disk: Disk, trouble: BaseException, theirs: type[Exception]
) -> None:
    commit = GroupCommit(disk.flush, most=2)
    disk.free.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commit.submit, 0)
        eventually(lambda: disk.groups, what="the first flushes")
        others = [pool.submit(commit.submit, number) for number in (2, 4, 6)]
        eventually(lambda: waiting(commit) == 3, what="the others wait")
        disk.trouble = trouble
        disk.free.set()
        assert type(first.exception(10)) is type(trouble)
        assert [type(future.exception(10)) for future in others] == [theirs] * 3
    disk.trouble = None
    assert commit.submit(6) == "saved 6"


def test_who_is_interrupted_while_waiting_keeps_nobody_else_from_being_saved(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = GroupCommit(disk.flush)
    disk.free.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(commit.submit, 0)
        eventually(lambda: disk.groups, what="the first flushes")
        with monkeypatch.context() as patched:
            patched.setattr(threading.Event, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                commit.submit(2)
        last = pool.submit(commit.submit, 4)
        eventually(lambda: waiting(commit) == 1, what="the last one waits")
        disk.free.set()
        assert [first.result(10), last.result(10)] == ["saved 0", "saved 4"]
    assert disk.groups == [[0], [4]]


def interrupted(*_: object) -> bool:
    raise KeyboardInterrupt
