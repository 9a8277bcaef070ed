"""``drift`` and ``adopt`` at the command line: what is shown, what is asked for, and how it ends."""

import inspect
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from revisor.adopting import Adopting
from revisor.drift import Drifts
from revisor.store.context import Context
from tests.unit.command_line import CommandLine
from tests.unit.fake_drift import FakeAdopting, FakeDrifts, Item, drifted, healed
from tests.unit.test_http_fake_service import snapshot

STATE = drifted("web", "state", "running", "shut off")
DEFINITION = drifted("web", "definition", "ab" * 32, None)
ADDED = drifted("web", "snapshot", None, "added", snapshot="theirs")
GONE = drifted("web", "snapshot", "there", "gone", snapshot="s1")
STRANGER = drifted("mail", "domain", None, "unrecorded", role=None, advice="'adopt --host alpha' takes it in")


@pytest.mark.parametrize(("real", "fake"), [(Drifts, FakeDrifts), (Adopting, FakeAdopting)])
def test_the_fakes_are_asked_like_the_real_ones(real: type, fake: type) -> None:
    for name in [name for name, _ in inspect.getmembers(fake, inspect.isfunction) if not name.startswith("_")]:
        theirs, ours = (inspect.signature(getattr(kind, name)) for kind in (real, fake))
        assert [(p.name, p.kind, p.default) for p in theirs.parameters.values()] == [
            (p.name, p.kind, p.default) for p in ours.parameters.values()
        ]


def asked(line: CommandLine, what: str) -> list[tuple[Any, ...]]:
    return [each[1:] for each in line.service.asked if each[0] == what]


def operation(line: CommandLine, verb: str) -> UUID:
    return line.service.act("web", None, verb, {}, Context("uid:0(root)")).operation


@pytest.mark.parametrize(
    ("code", "known", "note"),
    [
        (42, [DEFINITION], ["note: 'revisor drift alpha/web' tells what happened past Revisor"]),
        (42, [], []),
        (55, [DEFINITION], []),
    ],
)
def test_who_did_not_find_a_domain_is_told_what_tells_of_it_if_it_went_past_revisor(
    line: CommandLine, code: int, known: list[Item], note: list[str]
) -> None:
    line.service.drifts.known = known
    line.service.outcome = {"state": "failed", "error": {"code": code, "message": "no"}}
    done = line.run("start", "web")
    assert done.code == 1
    assert done.err.splitlines() == [*note, "error: Failed to start domain 'web'", f"error: no [{code}]"]
    assert line.run("start", "web", "--output", "json").err.splitlines()[0].startswith('{"error"')


def test_the_table_says_what_was_left_what_was_found_and_what_to_do_with_a_stranger(line: CommandLine) -> None:
    line.service.drifts.known = [
        STRANGER,
        DEFINITION,
        drifted("web", "autostart", recorded=False, observed=True),
        ADDED,
        STATE,
    ]
    done = line.run("drift")
    assert done.code == 0
    assert done.out.splitlines() == [
        " Domain   Host    What              Recorded       Observed     Since",
        "-" * 91,
        " mail     alpha   domain            -              unrecorded   2026-11-23 15:27:05 +0000",
        " web      alpha   definition        abababababab   undefined    2026-11-23 15:27:05 +0000",
        " web      alpha   autostart         no             yes          2026-11-23 15:27:05 +0000",
        " web      alpha   snapshot theirs   -              added        2026-11-23 15:27:05 +0000",
        " web      alpha   state             running        shut off     2026-11-23 15:27:05 +0000",
        "",
        "Domain 'mail' on host 'alpha': 'adopt --host alpha' takes it in",
    ]


def test_below_the_table_it_says_in_what_texts_differ(line: CommandLine) -> None:
    diff = "--- recorded\n+++ observed\n@@ -1 +1 @@\n-<a/>\n+<b>\x1b</b>"
    line.service.drifts.known = [
        drifted("web", "definition", "ab" * 32, "cd" * 32, diff=diff),
        drifted("web", "snapshot", "there", "changed", snapshot="first", diff=""),
        STATE,
    ]
    assert line.run("drift", "web").out.splitlines()[6:] == [
        "Domain 'web' on host 'alpha', definition:",
        *("--- recorded", "+++ observed", "@@ -1 +1 @@", "-<a/>", r"+<b>\x1b</b>", ""),
        "Domain 'web' on host 'alpha', snapshot first: only secrets differ, which are not shown",
        "",
    ]


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        ("drift", (None, None)),
        ("drift web", ("web", None)),
        ("drift alpha/web", ("web", "alpha")),
        ("drift --host alpha", (None, "alpha")),
    ],
)
def test_drift_is_of_all_of_a_domain_or_of_a_host(line: CommandLine, words: str, whose: tuple[Any, ...]) -> None:
    assert line.run(*words.split()).code == 0
    assert asked(line, "drift") == [whose]


def test_check_ends_with_1_if_there_is_any(line: CommandLine) -> None:
    assert line.run("drift", "--check").code == 0
    line.service.drifts.known = [STATE]
    assert line.run("drift").code == 0
    done = line.run("drift", "--check")
    assert (done.code, done.last) == (1, "error: operation failed: 1 thing is not as it was left [9]")


def test_as_json_it_is_the_document(line: CommandLine) -> None:
    line.service.drifts.known = [STATE]
    document = json.loads(line.run("drift", "--output", "json").out)
    assert (document["kind"], document["items"]) == ("drift", [STATE])


@pytest.mark.parametrize(
    "words",
    [
        "drift --heal",
        "drift --accept",
        "drift --heal --host alpha",
        "drift --heal --all",
        "drift web --heal --all --host alpha",
        "drift web --heal --accept",
        "drift web --plan",
        "drift web --destroy",
        "drift --all --host alpha",
        "drift web --check --heal",
    ],
)
def test_what_is_not_said_clearly_is_refused_before_anything_is_asked(line: CommandLine, words: str) -> None:
    assert line.run(*words.split()).code == 2
    assert line.service.asked == []


def test_a_plan_shows_operations_and_asks_for_none(line: CommandLine) -> None:
    line.service.drifts.rounds = [[healed(DEFINITION, "define"), healed(STATE, "start", waits=True)]]
    done = line.run("drift", "web", "--heal", "--plan")
    assert (done.code, asked(line, "heal")) == (0, [("web", None, False, True, False)])
    assert "define" in done.out
    assert "when what it waits for is done" in done.out


def test_a_plan_says_what_does_not_come_back(line: CommandLine) -> None:
    line.service.drifts.rounds = [[healed(GONE, "snapshot-undelete", note="only metadata", waits=True)]]
    done = line.run("drift", "web", "--heal", "--plan")
    assert "when what it waits for is done; only metadata" in done.out


@pytest.mark.parametrize(
    ("presence", "why", "outcome"),
    [
        ("present", None, "succeeded"),
        ("missing", "no 's1' in /a.qcow2", "succeeded, but its data is missing: no 's1' in /a.qcow2"),
        ("unverified", None, "succeeded, but whether its data is there is not known"),
    ],
)
def test_of_a_snapshot_that_came_back_it_is_told_whether_its_data_did(
    line: CommandLine, presence: str, why: str | None, outcome: str
) -> None:
    line.service.known_snapshots = [snapshot("s1", presence=presence, why=why)]

    def heal(*more: str) -> Any:
        asked = operation(line, "snapshot-undelete")
        line.service.drifts.rounds = [[healed(GONE, "snapshot-undelete", operation=asked, note="only metadata")]]
        return line.run("drift", "web", "--heal", *more)

    done = heal()
    assert (done.code, done.out.splitlines()[2].partition("snapshot-undelete")[2].strip()) == (0, outcome)
    assert json.loads(heal("--output", "json").out)["items"][0]["presence"] == presence
    line.service.known_snapshots = []
    assert "succeeded, but only metadata" in heal().out, "it went meanwhile"


def test_what_waits_is_asked_for_when_what_it_waits_for_is_done(line: CommandLine) -> None:
    line.service.drifts.rounds = [
        [healed(DEFINITION, "define", operation=operation(line, "define")), healed(STATE, "start", waits=True)],
        [healed(STATE, "start", operation=operation(line, "start"))],
    ]
    done = line.run("drift", "web", "--heal", "--reason", "night shift")
    assert done.code == 0
    assert asked(line, "heal") == [("web", None, False, False, False)] * 2
    assert line.service.contexts[-1].reason == "night shift"
    rows = [row.split() for row in done.out.splitlines()[2:4]]
    assert rows == [
        ["web", "alpha", "definition", "define", "succeeded"],
        ["web", "alpha", "state", "start", "succeeded"],
    ]


@pytest.mark.parametrize(
    ("outcome", "code", "error"),
    [
        (
            {"state": "failed", "error": {"code": 55, "message": "no"}},
            1,
            "operation failed: 1 of 1 drifts were not healed [9]",
        ),
        ({"state": "unknown", "error": None}, 4, "1 of 1 operations have an unknown outcome [68]"),
        ({"state": "started"}, 5, "1 of 1 operations still run [68]"),
    ],
)
def test_healing_ends_as_its_operations_do(line: CommandLine, outcome: Item, code: int, error: str) -> None:
    line.service.settle(**outcome)
    line.service.drifts.rounds = [[healed(STATE, "start", operation=operation(line, "start"))]]
    done = line.run("drift", "web", "--heal", "--wait", "0")
    assert (done.code, done.last) == (code, f"error: {error}")


def test_who_does_not_wait_is_told_the_ids(line: CommandLine) -> None:
    line.service.settle(state="queued")
    asked = operation(line, "start")
    line.service.drifts.rounds = [[healed(STATE, "start", operation=asked)]]
    done = line.run("drift", "web", "--heal", "--no-wait")
    assert done.code == 0
    assert f"queued ({asked})" in done.out


def test_who_wants_a_fresh_look_before_healing_has_one(line: CommandLine) -> None:
    line.service.drifts.rounds = [[]]
    assert line.run("drift", "alpha/web", "--heal", "--fresh").code == 0
    assert [each[0] for each in line.service.asked][:3] == ["observe_closely", "drift", "heal"]


def test_a_fresh_look_for_drift_is_a_close_one_at_all_there_are(line: CommandLine) -> None:
    assert line.run("drift", "--fresh", "--host", "alpha").code == 0
    assert line.service.asked[0] == ("observe_all_closely", "alpha", 30.0)


def test_one_domain_that_fails_does_not_keep_what_waits_on_another(line: CommandLine) -> None:
    good, bad = operation(line, "define"), operation(line, "start")
    line.service.known_operations[bad] |= {"state": "failed", "error": {"code": 55, "message": "no"}}
    other = {**STATE, "domain": "mail", "uuid": str(uuid4())}
    failed = healed(other, "start", operation=bad)
    line.service.drifts.rounds = [
        [failed, healed(DEFINITION, "define", operation=good), healed(STATE, "start", waits=True)],
        [failed, healed(STATE, "start", operation=operation(line, "start"))],
    ]
    done = line.run("drift", "--heal", "--all", "--host", "alpha")
    assert (done.code, done.last) == (1, "error: operation failed: 1 of 3 drifts were not healed [9]")
    assert [row.split()[:5] for row in done.out.splitlines()[2:5]] == [
        ["mail", "alpha", "state", "start", "failed:"],
        ["web", "alpha", "definition", "define", "succeeded"],
        ["web", "alpha", "state", "start", "succeeded"],
    ]


def test_all_rounds_of_healing_are_one_request(line: CommandLine) -> None:
    line.service.drifts.rounds = [
        [healed(DEFINITION, "define", operation=operation(line, "define")), healed(STATE, "start", waits=True)],
        [healed(STATE, "start", operation=operation(line, "start"))],
    ] * 2
    given = str(uuid4())
    for words in ([], ["--request-id", given]):
        line.service.contexts.clear()
        assert line.run("drift", "web", "--heal", *words).code == 0
        [id] = {context.request_id for context in line.service.contexts[-1:] + line.service.contexts[:1]}
        assert id is not None
        assert not words or str(id) == given


def test_operations_that_run_are_waited_for_together_and_no_longer_than_was_said(line: CommandLine) -> None:
    line.service.settle(state="started")
    asked = [operation(line, "start") for _ in range(3)]
    line.service.drifts.rounds = [
        [healed({**STATE, "uuid": str(uuid4())}, "start", operation=each) for each in asked],
    ]
    waited: list[float] = []
    wait = line.service.wait

    def noted(operation: UUID, timeout_s: float, accepted_at: int = 0) -> Item:
        waited.append(timeout_s)
        return wait(operation, timeout_s, accepted_at)

    line.service.wait = noted  # type: ignore[method-assign]
    done = line.run("drift", "--heal", "--all", "--host", "alpha", "--wait", "0.3")
    assert (done.code, done.last) == (5, "error: 3 of 3 operations still run [68]")
    assert sum(waited) <= 0.3
    assert all(str(each) in done.out for each in asked)


def test_what_goes_with_a_fresh_look_or_another_remedy_needs_no_operation(line: CommandLine) -> None:
    saved = drifted("web", "managed save", recorded=False, observed=True)
    line.service.drifts.rounds = [
        [
            healed(saved, None, why="it goes when the domain starts"),
            healed(STATE, "start", operation=operation(line, "start")),
        ],
    ]
    done = line.run("drift", "web", "--heal", "--fresh")
    assert (done.code, done.err) == (0, "")
    asked = [each[0] for each in line.service.asked if each[0] in ("observe_closely", "heal")]
    assert asked == ["observe_closely", "heal", "observe_closely"]
    assert "it goes when the domain starts" in done.out


def test_what_cannot_be_healed_is_said_and_ends_with_1(line: CommandLine) -> None:
    line.service.drifts.known = [ADDED]
    line.service.drifts.rounds = [[healed(ADDED, None, why="it holds data")]]
    done = line.run("drift", "--heal", "--all", "--host", "alpha", "--destroy")
    assert (done.code, asked(line, "heal")) == (1, [(None, "alpha", True, False, True)])
    assert "it holds data" in done.out


def test_accepting_says_what_was_accepted(line: CommandLine) -> None:
    line.service.drifts.known = [STATE]
    done = line.run("drift", "web", "--accept", "--ticket", "OPS-7")
    assert (done.code, asked(line, "accept")) == (0, [("web", None, False)])
    assert line.service.contexts[-1].ticket == "OPS-7"
    assert done.out.endswith("In all: 1 accepted\n\n")


def test_adopting_says_of_each_what_became_of_it(line: CommandLine) -> None:
    line.service.adopting.fates = [
        {"domain": "mail", "uuid": str(uuid4()), "host": "alpha", "adopted": True, "why": None},
        {"domain": "web", "uuid": str(uuid4()), "host": "alpha", "adopted": False, "why": "it is elsewhere"},
    ]
    done = line.run("adopt", "--host", "alpha", "--name", "*")
    assert (done.code, asked(line, "adopt")) == (0, [("alpha", "*")])
    assert done.out.splitlines()[:3] == [
        "Domain 'mail' on host 'alpha' was taken in",
        "Domain 'web' on host 'alpha' was left: it is elsewhere",
        "In all: 1 taken in, 1 left",
    ]
