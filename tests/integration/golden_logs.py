"""Golden logs: what a release wrote, kept for ever, and what it made of it.

``tests/golden/logs/RELEASE.jsonl`` has an event a line; ``RELEASE.json`` what that release folded them to. A later one
must come to the same. ``python -m tests.integration.golden_logs RELEASE`` writes both for the release at hand; what is
there is never written again.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from psycopg import sql
from psycopg.rows import scalar_row

from domain_model.domain import Domain
from migrations.runner import migrate
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from revisor.embedded_postgres.cluster import APPLICATION
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.store.context import Context
from revisor.store.database import Database
from revisor.store.log import EventLog
from revisor.store.mapper import EventMapper
from revisor.store.reading import LogReader
from revisor.store.recorder import LogDatastore, LogRecorder, Save
from tests.integration.postgres_probe import closed_folder
from tests.unit.test_projection_histories import every_topic, named, random_events

FOLDER = Path(__file__).parents[1] / "golden" / "logs"
RELEASES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
_CONTEXT = Context("uid:1000(alice)", reason="because", request_id=named("request"), correlation=named("correlation"))


def read_log(release: str) -> list[StoredEvent]:
    """The events of a golden log, in order."""
    lines = Path(FOLDER, f"{release}.jsonl").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    return [StoredEvent(UUID(e["stream"]), e["version"], e["topic"], e["state"].encode()) for e in told]


def expected_of(release: str) -> dict[str, Any]:
    """What that release made of its log."""
    found: dict[str, Any] = json.loads(Path(FOLDER, f"{release}.json").read_text(encoding="utf-8"))
    return found


def outcome_of(database: Database, events: Sequence[StoredEvent]) -> dict[str, Any]:
    """Append the events to an empty log; what the release at hand makes of them."""
    recorder = LogRecorder(LogDatastore(database))
    for event in events:
        recorder.insert_events([event], save=Save(_CONTEXT))
    loop = ProjectionLoop(database.pool, LogReader(database), all_projections())
    loop.prepare()
    while loop.run_once():
        pass
    log = EventLog(database)
    introduced = (UUID(str(event.originator_id)) for event in events if event.topic == "domain.introduced")
    domains = {str(stream): log.load(Domain, stream) for stream in introduced}
    tables = [table.name for projection in all_projections() for table in projection.tables]
    return {
        "domains": {stream: _told(domain) for stream, domain in domains.items() if domain is not None},
        "views": {table: _rows(database, table) for table in tables},
    }


def _told(domain: Domain) -> dict[str, Any]:
    return {
        "name": domain.name,
        "version": domain.version,
        "content": domain.content,
        "placements": {host: [str(p.role), p.name, int(p.state)] for host, p in sorted(domain.placements.items())},
        "operations": {operation.id: operation.arguments for operation in domain.operations.values()},
        "snapshots": {record.name: record.parent for record in domain.forest},
        "buried": [buried.record.name for buried in domain.forest.grave],
        "checkpoints": {record.name: record.parent for record in domain.checkpoints},
    }


def _rows(database: Database, table: str) -> list[dict[str, Any]]:
    """All rows but for the moment of their recording, in the order of their text."""
    with database.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        query = sql.SQL("SELECT to_jsonb(t) - 'recorded_at' FROM {} t ORDER BY to_jsonb(t)::text")
        return cursor.execute(query.format(sql.Identifier("views", table))).fetchall()


def _line(event: StoredEvent) -> str:
    told = {"topic": event.topic, "stream": str(event.originator_id), "version": event.originator_version}
    return json.dumps({**told, "state": event.state.decode()}, ensure_ascii=False)


def write(release: str) -> None:
    """Write the golden log of the release at hand."""
    mapper = EventMapper()
    lines = [_line(mapper.to_stored_event(event)) for event in (*every_topic(), *random_events(2026, 300))]
    with Path(FOLDER, f"{release}.jsonl").open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    with closed_folder() as folder, EmbeddedPostgres(folder / "h") as server:
        migrate(server.dsn("revisor_owner"), application_role=APPLICATION)
        database = Database(server.dsn("revisor"))
        database.open()
        outcome = outcome_of(database, read_log(release))
        database.close()
    with Path(FOLDER, f"{release}.json").open("x", encoding="utf-8") as file:
        json.dump(outcome, file, indent=1, sort_keys=True)


if __name__ == "__main__":
    write(sys.argv[1])
