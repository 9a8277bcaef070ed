"""A scheduler that is killed in the middle of a run, and its successor too:
each domain gets one snapshot of each time.
"""

from collections import Counter

import psycopg

from tests.acceptance.product import Item, Product
from tests.integration.product import WEB
from tests.lab.awaiting import eventually

_ASKED = """
SELECT count(*) FROM log.events JOIN log.appends USING (append_id)
WHERE topic = 'operation.requested' AND actor = 'schedule:minutely'
"""
_RAN = "SELECT count(*) FROM log.events WHERE topic = 'schedule.ran'"
_WAITING = "SELECT count(*) FROM work.operation_queue"
_DOMAINS = [f"vm{number}" for number in range(20)]
_UNTIL_ITS_TIME_S = 120.0


def test_schedulers_killed_in_the_middle_of_a_run_come_to_one_snapshot_of_each_domain(product: Product) -> None:
    product.up("alpha")
    for name in _DOMAINS:
        product.define(WEB.replace("<name>web</name>", f"<name>{name}</name>").replace("web.q", f"{name}.q"), "alpha")
    first = product.pid_of("scheduler")
    product.ok("schedule", "add", "minutely", "--all", "--cron", "* * * * *")
    with psycopg.connect(product.dsn(), autocommit=True) as log:

        def count(of: str) -> int:
            [found] = log.execute(of.encode()).fetchone() or (0,)
            return int(found)

        eventually(lambda: count(_ASKED) > 0, what="a run begins", timeout_s=_UNTIL_ITS_TIME_S, every_s=0)
        product.kill([first])
        asked, second = count(_ASKED), product.pid_of("scheduler")
        eventually(lambda: count(_ASKED) > asked or count(_RAN) > 0, what="the run goes on", every_s=0)
        product.kill([second])
        eventually(lambda: count(_RAN) > 0, what="the run is recorded")
        product.ok("schedule", "disable", "minutely")
        eventually(lambda: count(_WAITING) == 0, what="all of it has ended")

    times = product.items("schedule", "info", "minutely")[0]["last_times"]
    runs = [time for time in times if time["outcome"] == "ran"]
    assert [(run["requested"], run["refused"]) for run in runs] == [(len(_DOMAINS), 0)] * len(runs)
    assert len({run["planned_at"] for run in runs}) == len(runs)
    for name in _DOMAINS:
        entries = product.log(name)
        requested = Counter(taken(entry) for entry in entries if entry["topic"] == "operation.requested")
        made = Counter(entry["data"]["name"] for entry in entries if entry["topic"] == "snapshot.created")
        del requested[None]
        assert requested == made
        assert [*made.values()] == [1] * len(runs)


def taken(request: Item) -> str | None:
    """The name of the snapshot that a request is for."""
    asked: Item = request["data"]
    return asked["arguments"]["name"] if asked["verb"] == "snapshot-create" else None
