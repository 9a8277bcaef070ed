"""Nobody changes what is recorded: tried as the application's role, as the owner, and as the superuser."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from revisor.embedded_postgres.server import Role
from revisor.store.database import Database
from revisor.store.reading import LogReader
from tests.lab.databases import Server
from tests.lab.store import Recording
from tests.unit.test_projection_histories import every_topic

RECORDED = {
    "events": "originator_id",
    "appends": "append_id",
    "documents": "digest",
    "requests": "request_id",
}
FIRST_COLUMN = RECORDED | {"head": "one", "migrations": "version", "migration_turn": "one"}
"""The tables of the log, each with a column to speak of."""


@pytest.fixture
def connection(application_dsn: str, recording: Recording) -> Iterator[psycopg.Connection[Any]]:
    """The application's role, on a log in which something is recorded."""
    recording.append(every_topic()[:10])
    with psycopg.connect(application_dsn, autocommit=True) as connection:
        yield connection


def refused(connection: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def contents(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: connection.execute(f"SELECT * FROM log.{table} ORDER BY 1".encode()).fetchall()  # noqa: S608
        for table in FIRST_COLUMN
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.{0} SET {1} = {1}",
        "DELETE FROM log.{0}",
        "DELETE FROM log.{0} WHERE false",
        "TRUNCATE log.{0}",
        "TRUNCATE log.{0} CASCADE",
        "DROP TABLE log.{0}",
        "DROP TABLE log.{0} CASCADE",
        "INSERT INTO log.{0} SELECT * FROM log.{0}",
        "INSERT INTO log.{0} SELECT * FROM log.{0} ON CONFLICT DO NOTHING",
        "MERGE INTO log.{0} t USING log.{0} s ON t.{1} = s.{1} WHEN MATCHED THEN DELETE",
        "COPY log.{0} FROM STDIN",
        "ALTER TABLE log.{0} ADD COLUMN more text",
        "ALTER TABLE log.{0} DISABLE TRIGGER ALL",
        "ALTER TABLE log.{0} OWNER TO revisor",
        "ALTER TABLE log.{0} RENAME TO other",
        "ALTER TABLE log.{0} SET SCHEMA views",
        "ALTER TABLE log.{0} ENABLE ROW LEVEL SECURITY",
        "CREATE TRIGGER mine BEFORE INSERT ON log.{0} EXECUTE FUNCTION log.refuse_change()",
        "CREATE RULE mine AS ON INSERT TO log.{0} DO INSTEAD NOTHING",
        "CREATE INDEX ON log.{0} ({1})",
        "LOCK TABLE log.{0} IN ACCESS EXCLUSIVE MODE",
        "SELECT * FROM log.{0} FOR UPDATE",
        "COMMENT ON TABLE log.{0} IS 'mine'",
    ],
)
def test_the_application_can_only_read_the_tables_of_the_log(
    connection: psycopg.Connection[Any], statement: str
) -> None:
    before = contents(connection)
    for table, column in FIRST_COLUMN.items():
        with connection.transaction(force_rollback=True):  # LOCK TABLE wants a transaction
            refused(connection, statement.format(table, column))
    assert contents(connection) == before


def test_the_application_cannot_grant_itself_more(connection: psycopg.Connection[Any]) -> None:
    for table in FIRST_COLUMN:
        # PostgreSQL only warns when a role with some rights grants none.
        connection.execute(f"GRANT ALL ON log.{table} TO revisor".encode())
        held = connection.execute(_HELD, [f"log.{table}"]).fetchall()
        assert held == [("SELECT",)]


# Whatever this release of PostgreSQL calls a right: each has more of them than the one before.
_HELD = """
SELECT DISTINCT privilege_type FROM pg_class, aclexplode(relacl)
WHERE oid = %s::regclass AND grantee IN (0, 'revisor'::regrole)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE revisor_owner",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION revisor_owner",
        "SET session_replication_role = replica",
        "GRANT revisor_owner TO revisor",
        "ALTER ROLE revisor SUPERUSER",
        "CREATE ROLE another SUPERUSER",
        "REASSIGN OWNED BY revisor_owner TO revisor",
        "DROP OWNED BY revisor_owner",
        "DROP SCHEMA log CASCADE",
        "ALTER SCHEMA log OWNER TO revisor",
        "ALTER SCHEMA log RENAME TO other",
        "CREATE TABLE log.more (a int)",
        "CREATE FUNCTION log.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION log.field(value text) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea'",
        "DROP FUNCTION log.append CASCADE",
        "DROP FUNCTION log.refuse_change() CASCADE",
        "ALTER FUNCTION log.append SECURITY INVOKER",
        "ALTER FUNCTION log.append OWNER TO revisor",
        "DROP TRIGGER append_only ON log.events",
        "DROP DATABASE revisor",
        "ALTER DATABASE revisor OWNER TO revisor",
        "ALTER SYSTEM SET fsync = off",
        "CREATE TABLE public.more (a int)",
        "CREATE SCHEMA more",
        "CREATE TEMP TABLE more (a int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/more'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "DROP TABLE work.operation_queue",
        "ALTER TABLE work.leases ADD COLUMN more text",
        "TRUNCATE work.leases",
    ],
)
def test_the_application_gets_no_further_by_other_ways(connection: psycopg.Connection[Any], statement: str) -> None:
    refused(connection, statement)


def test_what_the_application_makes_cannot_mislead_the_append(database: Database) -> None:
    """log.append runs as the owner: it must not run the application's functions."""
    with database.connection() as connection:
        connection.execute(
            "CREATE FUNCTION views.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\\x00'::bytea $$;"
            " CREATE FUNCTION views.length(bytea) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;"
            " CREATE TABLE views.head (log uuid, position bigint, recorded_at timestamptz);"
        )
    database.execute("ALTER ROLE revisor SET search_path = views, pg_catalog")
    try:
        misled = Database(database.dsn, max_connections=1)
        misled.open()
        Recording(misled).append(every_topic()[:3])
        misled.close()
    finally:
        database.execute("ALTER ROLE revisor RESET search_path")
    leaves = [bytes(row["leaf"]) for row in database.fetch("SELECT leaf FROM log.events")]
    computed = database.fetch(
        "SELECT log.leaf((SELECT log FROM log.head), notification_id, originator_id, originator_version, topic,"
        " recorded_at, log.field(actor) || log.field(reason) || log.field(ticket) || log.field(request_id::text)"
        " || log.field(correlation::text) || log.field(causation::text), salt, state) AS leaf"
        " FROM log.events JOIN log.appends USING (append_id)"
    )
    assert leaves
    assert leaves == [bytes(row["leaf"]) for row in computed]
    assert LogReader(database).head() == 3


@pytest.mark.parametrize("role", ["revisor_owner", "postgres"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.{0} SET {1} = {1}",
        "DELETE FROM log.{0}",
        "DELETE FROM log.{0} WHERE false",
        "TRUNCATE log.{0}",
        "TRUNCATE log.{0} CASCADE",
    ],
)
def test_not_even_the_owner_changes_what_is_recorded(
    postgres: Server, database: Database, recording: Recording, role: Role, statement: str
) -> None:
    recording.append(every_topic()[:3])
    with psycopg.connect(postgres.dsn(role)) as connection:
        for table, column in RECORDED.items():
            with pytest.raises(errors.InsufficientPrivilege, match=f"append-only: [A-Z]+ on log.{table} is refused"):
                connection.execute(statement.format(table, column).encode())
            connection.rollback()
    assert LogReader(database).head() == len(LogReader(database).read(0, 100)) == 3


@pytest.mark.parametrize("statement", ["DELETE FROM log.head", "TRUNCATE log.head"])
def test_the_head_of_the_log_is_never_lost(owner_dsn: str, statement: str) -> None:
    with psycopg.connect(owner_dsn) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_log_has_one_head(owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as connection, pytest.raises(errors.UniqueViolation):
        connection.execute("INSERT INTO log.head (log, position, recorded_at) VALUES (gen_random_uuid(), 0, now())")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT FROM log.events",
        "SELECT FROM log.documents",
        "SELECT FROM work.vault_secrets",
        "SELECT FROM views.projections",
        "SELECT log.append(" + ", ".join(["NULL"] * 18) + ")",
    ],
)
def test_another_role_sees_nothing(postgres: Server, owner_dsn: str, statement: str) -> None:
    assert owner_dsn
    with psycopg.connect(postgres.dsn("postgres")) as connection:
        connection.execute("CREATE ROLE stranger")
        if "log.append" in statement:
            # Even one who may look into the schema: functions are everybody's unless somebody says otherwise.
            connection.execute("GRANT USAGE ON SCHEMA log TO stranger")
        connection.execute("SET ROLE stranger")
        with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
            connection.execute(statement.encode())
        connection.rollback()


def test_the_application_does_its_work(database: Database, recording: Recording) -> None:
    assert recording.append(every_topic()[:3]) == 3
    with database.connection() as connection:
        assert contents(connection)["events"]
    database.execute("INSERT INTO work.leases VALUES ('a', NULL, 1, 0)")
    database.execute("UPDATE work.leases SET beat = 1")
    database.execute("DELETE FROM work.leases")
    database.execute("CREATE TABLE views.mine (a int)")
    database.execute("DROP TABLE views.mine")
