"""The logs that benchmarks make are such as the product writes: the same leaves and events, and the same each time."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks._logs import write_log
from benchmarks._rows import context_of, leaf
from revisor.store.archive import LOG
from revisor.store.archive_file import open_archive
from revisor.store.mapper import topics
from tests.architecture.copied_house import ROOT
from tests.unit.pgcopy import Rows, rows_of

ENVELOPE = Path(ROOT, "docs/reference/envelope.md")
VECTORS = json.loads(ENVELOPE.read_text(encoding="utf-8").partition("```json")[2].partition("```")[0])
CONTEXT = ("actor", "reason", "ticket", "request_id", "correlation", "causation")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """The rows of a log, by member."""
    return written(tmp_path_factory.mktemp("log") / "log", seed=1)


def written(path: Path, seed: int) -> dict[str, Rows]:
    write_log(path, events=600, domains=60, seed=seed)
    with open_archive(path) as archive:
        return {member.name: rows_of(b"".join(archive.blocks(member.name))) for member in LOG}


@pytest.mark.parametrize("said", VECTORS, ids=lambda said: said["says"])
def test_leaves_are_those_of_the_envelope(said: dict[str, Any]) -> None:
    assert (
        leaf(
            said["log"].encode(),
            said["position"],
            said["stream"].encode(),
            said["version"],
            said["topic"].encode(),
            said["recorded_at_us"],
            context_of(*(said[name] for name in CONTEXT)),
            bytes.fromhex(said["salt"]),
            bytes.fromhex(said["state"]),
        ).hex()
        == said["leaf"]
    )


def test_events_have_the_fields_of_their_topics(log: dict[str, Rows]) -> None:
    seen = {}
    for row in log["events"]:
        assert row[2] is not None
        assert row[3] is not None
        seen[row[2].decode()] = json.loads(row[3])
    assert {"host.added", "domain.defined", "domain.started", "domain.stopped", "snapshot.created"} <= seen.keys()
    assert {"operation.requested", "operation.started", "operation.succeeded"} <= seen.keys()
    for topic, state in seen.items():
        kind = topics()[topic]
        assert is_dataclass(kind)
        wanted = {field.name for field in fields(kind)} - {"originator_id", "originator_version"}
        assert state.keys() == wanted, topic


def test_the_same_arguments_give_the_same_rows(log: dict[str, Rows], tmp_path: Path) -> None:
    assert written(tmp_path / "again", seed=1) == log
    assert written(tmp_path / "another", seed=2) != log
