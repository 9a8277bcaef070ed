"""The schema: made once by whoever comes first, whole or not at all, and the same by whichever way one came to it."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from migrations import runner
from migrations.runner import Migration, MigrationRefused, migrate, shipped
from revisor.embedded_postgres.cluster import APPLICATION
from tests.lab.databases import Server

_SCHEMA = """
SELECT 'column', c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnum || ' ' || a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON (adrelid, adnum) = (a.attrelid, attnum)
WHERE c.relnamespace IN ('log'::regnamespace, 'work'::regnamespace, 'views'::regnamespace) AND a.attnum > 0
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
FROM pg_constraint WHERE connamespace IN ('log'::regnamespace, 'work'::regnamespace)
UNION ALL SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), '', '', ''
FROM pg_index JOIN pg_class ON oid = indrelid WHERE relnamespace IN ('log'::regnamespace, 'work'::regnamespace)
UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid), proacl::text, proowner::regrole::text, ''
FROM pg_proc WHERE pronamespace IN ('log'::regnamespace, 'work'::regnamespace)
UNION ALL SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled::text, '', ''
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'privileges', oid::regclass::text, relacl::text, relowner::regrole::text, '', ''
FROM pg_class WHERE relnamespace IN ('log'::regnamespace, 'work'::regnamespace)
UNION ALL SELECT 'schema', nspname, nspacl::text, nspowner::regrole::text, '', ''
FROM pg_namespace WHERE nspname IN ('log', 'work', 'views')
UNION ALL SELECT 'migration', version::text, name, checksum, '', '' FROM log.migrations
"""


def schema_of(dsn: str) -> list[tuple[Any, ...]]:
    """All that makes a schema what it is, in comparable form."""
    with psycopg.connect(dsn) as connection:
        return sorted(connection.execute(_SCHEMA.encode()).fetchall(), key=repr)


def applied(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [version for (version,) in connection.execute("SELECT version FROM log.migrations ORDER BY version")]


def test_the_shipped_migrations_are_numbered_without_a_hole() -> None:
    assert [migration.version for migration in shipped()] == list(range(1, len(shipped()) + 1))


def test_twice_is_once(empty_dsn: str) -> None:
    assert migrate(empty_dsn, application_role=APPLICATION) == [migration.version for migration in shipped()]
    before = schema_of(empty_dsn)
    assert migrate(empty_dsn, application_role=APPLICATION) == []
    assert schema_of(empty_dsn) == before


def test_a_migrated_schema_equals_a_fresh_one(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty_dsn, application_role=APPLICATION)
    fresh = schema_of(empty_dsn)
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("DROP SCHEMA views, work, log CASCADE")
    all_of_them = shipped()
    for number in range(1, len(all_of_them) + 1):
        monkeypatch.setattr(runner, "shipped", lambda until=number: all_of_them[:until])
        assert migrate(empty_dsn, application_role=APPLICATION) == [number]
    assert schema_of(empty_dsn) == fresh


def test_an_edited_migration_is_refused(owner_dsn: str) -> None:
    before = schema_of(owner_dsn)
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("UPDATE log.migrations SET checksum = 'another' WHERE version = 2")
    with pytest.raises(MigrationRefused, match="0002_work was edited after it had been applied"):
        migrate(owner_dsn, application_role=APPLICATION)
    assert [row for row in schema_of(owner_dsn) if row[0] != "migration"] == [r for r in before if r[0] != "migration"]


def test_the_database_of_a_newer_release_is_refused(owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("INSERT INTO log.migrations VALUES (99, 'later', 'x')")
    with pytest.raises(MigrationRefused, match=rf"version 99, this release knows {len(shipped())}"):
        migrate(owner_dsn, application_role=APPLICATION)


def test_several_at_once_apply_each_once(empty_dsn: str) -> None:
    done: list[int] = []
    failed: list[BaseException] = []
    barrier = threading.Barrier(6)

    def run() -> None:
        barrier.wait()
        try:
            done.extend(migrate(empty_dsn, application_role=APPLICATION))
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert done == applied(empty_dsn) == [migration.version for migration in shipped()]


def test_a_migration_that_fails_leaves_the_schema_as_it_was(owner_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema_of(owner_dsn)
    good = Migration(98, "good", "CREATE TABLE work.good (a int);")
    bad = Migration(99, "bad", "CREATE TABLE work.bad (a int); SELECT 1 / 0;")
    known = [*shipped(), good, bad]
    monkeypatch.setattr(runner, "shipped", lambda: known)
    with pytest.raises(errors.DivisionByZero):
        migrate(owner_dsn, application_role=APPLICATION)
    assert schema_of(owner_dsn) == before
    known.remove(bad)
    assert migrate(owner_dsn, application_role=APPLICATION) == [98]


@pytest.fixture
def odd_role(postgres: Server) -> Iterator[str]:
    """A role whose name must be quoted."""
    name = 'Odd "role'
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute('CREATE ROLE "Odd ""role"')
        yield name
        connection.execute('DROP OWNED BY "Odd ""role"; DROP ROLE "Odd ""role"')


def test_the_applications_role_may_have_any_name(empty_dsn: str, odd_role: str) -> None:
    migrate(empty_dsn, application_role=odd_role)
    with psycopg.connect(empty_dsn) as connection:
        row = connection.execute(
            "SELECT has_table_privilege(%(role)s, 'log.events', 'SELECT'),"
            " has_table_privilege(%(role)s, 'log.events', 'INSERT'),"
            " has_schema_privilege(%(role)s, 'views', 'CREATE'),"
            " has_function_privilege(%(role)s, 'log.leaf(uuid,bigint,uuid,bigint,text,timestamptz,bytea,bytea,bytea)',"
            " 'EXECUTE')",
            {"role": odd_role},
        ).fetchone()
    assert row == (True, False, True, True)
