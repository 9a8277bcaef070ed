"""Brings the database schema to what this release needs: ordered SQL files, applied once each, never edited.

Forward only. Each file's checksum is kept; a file that changed after it was applied is refused, since nobody could say
any more what the database is. Several processes may run this at once: a locked row lets one at a time through.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from psycopg import sql

_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS log;
CREATE SCHEMA IF NOT EXISTS work;
CREATE SCHEMA IF NOT EXISTS views;
CREATE TABLE IF NOT EXISTS log.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS log.migration_turn (one boolean PRIMARY KEY DEFAULT true CHECK (one));
INSERT INTO log.migration_turn VALUES (true) ON CONFLICT DO NOTHING;
"""


class MigrationRefused(Exception):
    """The database and this release do not fit together; the message says how."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped() -> list[Migration]:
    """All migrations of this release, in order."""
    found = []
    for file in files("migrations").joinpath("sql").iterdir():
        if file.name.endswith(".sql"):
            version, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(version), name, file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def migrate(owner_dsn: str, *, application_role: str) -> list[int]:
    """Apply what is missing, as the owner; returns the versions applied now.

    Afterwards ``application_role`` may read the log and append to it, change rows of ``work``, and make what it likes
    in ``views``. Raises MigrationRefused for a database of a newer release, with an edited migration, or in another
    encoding than UTF8.
    """
    with psycopg.connect(owner_dsn) as connection:
        _refuse_other_encodings(connection)
        _bootstrap(connection)
        connection.execute("SELECT FROM log.migration_turn FOR UPDATE")
        rows = connection.execute("SELECT version, checksum FROM log.migrations").fetchall()
        applied: dict[int, str] = dict(rows)
        missing = _missing(shipped(), applied)
        role = sql.Identifier(application_role)
        if missing:
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA log, work TO {}").format(role))
            connection.execute(sql.SQL("GRANT ALL ON SCHEMA views TO {}").format(role))
        for migration in missing:
            connection.execute(migration.text.replace("@application@", role.as_string(connection)).encode())
            connection.execute(
                "INSERT INTO log.migrations (version, name, checksum) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.checksum),
            )
        return [migration.version for migration in missing]


def _refuse_other_encodings(connection: psycopg.Connection) -> None:
    """Leaves are hashes of UTF-8, and names are in any language."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise MigrationRefused(
            f"the database's encoding is {encoding}, and Revisor needs one created with ENCODING 'UTF8'"
        )


def _bootstrap(connection: psycopg.Connection) -> None:
    """Make the runner's own tables; two processes may try at once, the loser's error means they are there."""
    try:
        connection.execute(_BOOTSTRAP.encode())
    except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateSchema):
        connection.rollback()
    else:
        connection.commit()


def _missing(known: list[Migration], applied: dict[int, str]) -> list[Migration]:
    newest = known[-1].version
    beyond = [version for version in applied if version > newest]
    if beyond:
        raise MigrationRefused(
            f"the database is at schema version {max(beyond)}, this release knows {newest}: run a newer Revisor"
        )
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.version:04}_{migration.name} was edited after it had been applied"
            )
    return [migration for migration in known if migration.version not in applied]
