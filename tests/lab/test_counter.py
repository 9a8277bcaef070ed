"""Reading a counter's log, without a hypervisor."""

from pathlib import Path

import pytest

from tests.lab.awaiting import NeverHappenedError
from tests.lab.guest import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path / "serial.log")


def write(counter: Counter, *values: int, tail: str = "") -> None:
    with counter.serial_log.open("a") as log:
        log.write("".join(f"{value:08x}\n" for value in values) + tail)


def test_a_guest_that_wrote_nothing_has_no_value(counter: Counter) -> None:
    assert counter.latest() is None
    assert counter.position() == 0


def test_the_latest_value_is_the_last_whole_line(counter: Counter) -> None:
    write(counter, 9, 10, tail="0000")

    assert counter.latest() == 10


def test_a_line_two_guests_wrote_to_is_skipped(counter: Counter) -> None:
    write(counter, 1, 2, tail="0000")
    write(counter, 2, 3)

    assert counter.values() == [1, 2, 3]


def test_a_restart_is_seen_while_the_guest_goes_on_running(counter: Counter) -> None:
    write(counter, 100, 101)
    since = counter.position()
    write(counter, 102, 103, 51, 52)

    assert counter.wait_until_restarts(50, 52, since=since) == 51


def test_a_restart_at_a_later_value_is_seen(counter: Counter) -> None:
    write(counter, 20)
    since = counter.position()
    write(counter, 21, 300)

    assert counter.wait_until_restarts(299, 300, since=since) == 300


def test_a_guest_that_booted_instead_is_told_from_one_that_was_reverted(counter: Counter) -> None:
    write(counter, 100)
    since = counter.position()
    write(counter, 1, 2)

    with pytest.raises(AssertionError, match="went on from 1, the snapshot was taken between 50 and 52"):
        counter.wait_until_restarts(50, 52, since=since)


def test_counting_on_is_no_restart(counter: Counter) -> None:
    write(counter, 50)
    since = counter.position()
    write(counter, 51, 53, 54)

    with pytest.raises(NeverHappenedError, match="restarts from 49 to 50"):
        counter.wait_until_restarts(49, 50, since=since, timeout_s=0)


def test_a_stopped_guest_does_not_advance(counter: Counter) -> None:
    write(counter, 50, 51, 52, 53)

    with pytest.raises(NeverHappenedError, match="advances by 3"):
        counter.wait_until_advances(3, timeout_s=0)


def test_a_guest_goes_on_where_it_was_stopped(counter: Counter) -> None:
    write(counter, 50, 51)
    since = counter.position()
    write(counter, 52, tail="0000")
    write(counter, 53, 54, 55)

    assert counter.wait_until_goes_on(since=since) == 55


def test_a_guest_with_another_memory_does_not_go_on(counter: Counter) -> None:
    write(counter, 50, 51)
    since = counter.position()
    write(counter, 52, 53, 1, 2)

    with pytest.raises(AssertionError, match="went on from 1 instead of"):
        counter.wait_until_goes_on(since=since)


def test_a_guest_that_writes_nothing_does_not_go_on(counter: Counter) -> None:
    write(counter, 50, 51)

    with pytest.raises(NeverHappenedError, match="goes on"):
        counter.wait_until_goes_on(since=counter.position(), timeout_s=0)
