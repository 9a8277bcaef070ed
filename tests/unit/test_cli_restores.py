"""Restores of the log at both doors: acknowledging one, and which ones were."""

import json
import re

import pytest

from tests.unit.command_line import CommandLine
from tests.unit.fake_restores import ACKNOWLEDGED, FOUND


def test_the_restores_that_were_acknowledged_are_a_table(line: CommandLine) -> None:
    line.service.restores.known = [ACKNOWLEDGED]
    done = line.run("log", "--restores")
    assert (done.code, done.err, line.service.asked) == (0, "", [("acknowledged",)])
    heads, _, row = done.out.splitlines()[:3]
    assert re.split(" {2,}", heads.strip()) == [
        *("Position", "Time", "Actor", "Reason", "Taken in", "Changed", "Gone", "Unknown", "Why"),
    ]
    assert re.split(" {2,}", row.strip()) == [
        *("12", "2026-11-23 15:27:06 +0000", "uid:0(root)", "the disk died", "2", "1", "0", "0"),
        "the log was restored from '/backups/monday'",
    ]


def test_the_document_of_restores_has_them_domain_by_domain(line: CommandLine) -> None:
    line.service.restores.known = [ACKNOWLEDGED]
    document = json.loads(line.run("log", "--restores", "--output", "json").out)
    assert (document["kind"], document["items"]) == ("restores", [ACKNOWLEDGED])


def test_restores_are_not_limited(line: CommandLine) -> None:
    done = line.run("log", "--restores", "--limit", "1")
    assert (done.code, line.service.asked) == (2, [])
    assert done.err == "error: Options --restores and --limit are mutually exclusive [8]\n"


def test_a_restore_is_acknowledged_in_the_name_of_who_asks(line: CommandLine) -> None:
    done = line.run("acknowledge-restore", "--without", "gamma", "--reason", "the disk died", "--output", "json")
    assert json.loads(done.out)["items"] == [FOUND]
    assert line.service.asked == [("acknowledge", ["gamma"])]
    assert [context.reason for context in line.service.contexts] == ["the disk died"]


def test_what_was_found_is_told_in_order_and_in_all(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {"host": "beta", "name": "moved", "why": "it is elsewhere"}
    adopted = [{"domain": f"d-{name}", "host": "alpha", "name": name} for name in ("mail", "lost")]
    changed = [{**FOUND["changed"][0], "what": ["domain.started", "snapshot.created"]}]
    found = {**FOUND, "adopted": adopted, "changed": changed, "left": [moved], "unsettled": ["o-1"]}
    monkeypatch.setattr(line.service.restores, "acknowledge", lambda *_, **__: found)
    assert line.run("acknowledge-restore").out.splitlines() == [
        "Restore acknowledged: the log was restored from '/backups/monday'",
        "Compared: alpha",
        "Left out: gamma",
        "Operation o-1 has an unknown outcome",
        "Domain 'lost' on host 'alpha' was taken in",
        "Domain 'mail' on host 'alpha' was taken in",
        "Domain 'web' on host 'alpha' was otherwise than recorded: domain.started, snapshot.created",
        "Domain 'moved' on host 'beta' was left: it is elsewhere",
        "In all: 2 taken in, 1 otherwise than recorded, 0 gone, 1 left, 1 with an unknown outcome",
        "",
    ]
