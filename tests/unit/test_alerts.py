"""Alerts: a problem that lasts is told once, its end once, and what did not arrive again until it does."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_model.errors import OperationFailed
from revisor.alerting import OVER, RAISED, message_of, send_test
from revisor.settings import ALERT_KINDS, AlertSettings
from workers.alerts import Alert, AlertBook

AT = "2026-01-02T03:04:05Z"
PARKED = {"projection/domains": "projection domains is parked at 7: ValueError: no"}


def told(book: AlertBook, now_s: float) -> list[tuple[str, bool]]:
    """Deliver what is due; returns it as (key, whether it is over)."""
    due = [(alert.key, alert.over) for alert in book.due(now_s)]
    for alert in book.due(now_s):
        book.reached(alert)
    return due


def test_a_problem_that_lasts_is_told_once_and_its_end_once() -> None:
    book = AlertBook(after_s=10)
    book.see(PARKED, AT, 0)
    assert told(book, 9.9) == []
    book.see(PARKED, AT, 10)
    assert told(book, 10) == [("projection/domains", False)]
    book.see(PARKED, AT, 20)
    assert told(book, 20) == []
    book.see({}, AT, 30)
    assert told(book, 30) == [("projection/domains", True)]
    assert book.open() == []


def test_a_problem_that_goes_soon_is_not_told() -> None:
    book = AlertBook(after_s=10)
    book.see(PARKED, AT, 0)
    book.see({}, AT, 5)
    assert (told(book, 50), book.open()) == ([], [])


def test_its_words_may_change_while_it_lasts_but_not_since_when() -> None:
    book = AlertBook(after_s=0)
    book.see({"projection/domains": "5 events behind"}, AT, 0)
    book.see({"projection/domains": "9 events behind"}, "2026-01-02T03:05:05Z", 60)
    assert [(alert.problem, alert.since) for alert in book.open()] == [("9 events behind", AT)]


def test_what_did_not_arrive_is_told_again_after_longer_and_longer_pauses() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    tried = []
    for now_s in range(1000):
        for alert in book.due(now_s):
            tried.append(now_s)
            book.failed(alert, "503 Service Unavailable", now_s)
    assert tried[:6] == [0, 1, 3, 7, 15, 31]
    assert all(later - sooner <= 300 for sooner, later in pairwise(tried))
    assert (book.open()[0].failures, book.open()[0].error) == (len(tried), "503 Service Unavailable")


def test_one_that_comes_back_before_its_end_was_told_goes_on() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    told(book, 0)
    book.see({}, AT, 1)
    book.see(PARKED, AT, 2)
    assert told(book, 500) == []
    assert book.open() == [Alert("projection/domains", PARKED["projection/domains"], AT, told=True)]


def test_one_that_comes_back_after_its_end_may_have_arrived_is_told_again() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    told(book, 0)
    book.see({}, AT, 1)
    book.failed(book.open()[0], "no answer", 1)
    book.see(PARKED, AT, 2)
    assert told(book, 500) == [("projection/domains", False)]


def test_of_one_that_came_and_went_unheard_the_end_tells_the_whole() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    book.failed(book.open()[0], "no answer", 0)
    book.see({}, "2026-01-02T04:05:06Z", 1)
    [alert] = book.due(500)
    message = message_of(OVER, alert)
    assert (message["state"], message["since"], message["until"]) == ("over", AT, "2026-01-02T04:05:06Z")
    assert message["problem"] == (
        "from 2026-01-02 03:04:05 +0000 to 2026-01-02 04:05:06 +0000, while nobody could be told:"
        " projection domains is parked at 7: ValueError: no"
    )


def test_of_one_that_was_told_the_end_has_the_same_words_and_one_that_comes_back_has_no_end() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    told(book, 0)
    assert "until" not in message_of(RAISED, book.open()[0])
    book.see({}, "2026-01-02T04:05:06Z", 1)
    message = message_of(OVER, book.open()[0])
    assert (message["problem"], message["until"]) == (PARKED["projection/domains"], "2026-01-02T04:05:06Z")
    book.see(PARKED, AT, 2)
    assert "until" not in message_of(RAISED, book.open()[0])


def test_the_end_of_one_that_may_have_arrived_is_told() -> None:
    book = AlertBook(after_s=0)
    book.see(PARKED, AT, 0)
    book.failed(book.open()[0], "no answer", 0)
    book.see({}, AT, 1)
    assert told(book, 500) == [("projection/domains", True)]


def test_a_process_that_was_started_again_knows_what_was_told() -> None:
    book = AlertBook(after_s=0)
    book.see({**PARKED, "host/alpha": "nobody leads host alpha"}, AT, 0)
    for alert in book.due(0):
        if alert.key == "host/alpha":
            book.reached(alert)
    again = AlertBook.of_json(json.loads(json.dumps(book.as_json())), after_s=0)
    again.see(PARKED, AT, 5)
    assert told(again, 5) == [("host/alpha", True), ("projection/domains", False)]


_SOME = st.sets(st.sampled_from("abc"))


@given(st.lists(st.tuples(_SOME, _SOME, _SOME, st.booleans()), max_size=30))
def test_in_the_end_they_know_what_is_so(rounds: list[tuple[set[str], set[str], set[str], bool]]) -> None:
    """Whatever came and went, whatever was lost on the way, and whichever answers were."""
    book, known = AlertBook(after_s=0), set[str]()
    for now_s, (problems, lost, unanswered, restarted) in enumerate(rounds):
        book.see(dict.fromkeys(problems, "wrong"), AT, now_s * 1000)
        _deliver(book, known, lost, unanswered, now_s * 1000)
        if restarted:
            book = AlertBook.of_json(book.as_json(), after_s=0)
    problems = rounds[-1][0] if rounds else set()
    _deliver(book, known, set(), set(), 10**9)
    assert known == problems


def _deliver(book: AlertBook, known: set[str], lost: set[str], unanswered: set[str], now_s: float) -> None:
    for alert in book.due(now_s):
        if alert.key not in lost:
            assert alert.tried or (alert.key in known) is alert.over, "nothing is told twice for no reason"
            (known.discard if alert.over else known.add)(alert.key)
        if alert.key in lost | unanswered:
            book.failed(alert, "no answer", now_s)
        else:
            book.reached(alert)


@pytest.mark.parametrize(
    ("command", "named"),
    [(("/nonexistent/tell", "--token", "s3cret"), "/nonexistent/tell"), (("TOKEN=s3cret", "curl"), "TOKEN")],
)
def test_a_command_that_cannot_be_run_is_named_and_nothing_that_may_be_secret(
    command: tuple[str, ...], named: str
) -> None:
    with pytest.raises(OperationFailed) as failed:
        send_test(AlertSettings(None, command, 10.0, ALERT_KINDS))
    assert failed.value.message.endswith(f"the command '{named}' cannot be run: No such file or directory")
    assert "s3cret" not in failed.value.message
