"""The tables of a simulated host's file, and how a file of an earlier Revisor comes to have them.

Columns are added and never taken away or given another meaning, so bringing a file up to date is adding what it lacks.
"""

import sqlite3

VERSION = 2

_TABLES = (
    """
    CREATE TABLE host (
        only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
        uuid TEXT NOT NULL,
        last_id INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE domain (
        uuid TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        definition TEXT,            -- the persistent one; a transient domain has none
        live TEXT,                  -- what it was started with; an inactive domain has none
        hypervisor_id INTEGER,
        state INTEGER NOT NULL,
        reason INTEGER NOT NULL,
        autostart INTEGER NOT NULL DEFAULT 0,
        managed_save INTEGER,       -- the state it will go on in
        current TEXT,
        CHECK (definition IS NOT NULL OR live IS NOT NULL),
        CHECK ((live IS NULL) = (hypervisor_id IS NULL))
    ) STRICT
    """,
    """
    CREATE TABLE snapshot (
        domain_uuid TEXT NOT NULL REFERENCES domain (uuid) ON DELETE CASCADE,
        name TEXT NOT NULL,
        description TEXT,
        state TEXT NOT NULL,
        parent TEXT,
        creation_time INTEGER NOT NULL,
        memory TEXT NOT NULL,
        memory_file TEXT,
        external INTEGER NOT NULL,
        disks TEXT,                 -- this and the following: elements as they stand in the dump
        domain TEXT NOT NULL,
        inactive_domain TEXT,
        cookie TEXT,
        PRIMARY KEY (domain_uuid, name)
    ) STRICT
    """,
)

# From version 1 to 2: what verbs other than those of the lifecycle and of snapshots leave behind.
_SINCE_1 = (
    "ALTER TABLE domain ADD COLUMN managed_live TEXT",  # the definition kept with the managed save
    "ALTER TABLE domain ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0",  # file systems, by the guest agent
    "ALTER TABLE domain ADD COLUMN clock_offset_ns INTEGER NOT NULL DEFAULT 0",  # of the guest's clock from the host's
    "ALTER TABLE domain ADD COLUMN booted_vcpus INTEGER NOT NULL DEFAULT 0",  # with which its process began
    "ALTER TABLE domain ADD COLUMN written_out TEXT",  # images that a paused guest let go of with its memory
    """
    CREATE TABLE file (
        path TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        made INTEGER NOT NULL,      -- whether by the host itself, which then knows all that is in it
        gone INTEGER NOT NULL,      -- whether the host removed it
        backing TEXT,               -- of an image: the one below, as far as the host knows
        state INTEGER,              -- of a saved guest: the state it will go on in
        definition TEXT             -- of a saved guest
    ) STRICT
    """,
    """
    CREATE TABLE inside (           -- snapshots inside images, where the host knows
        path TEXT NOT NULL,
        tag TEXT NOT NULL,
        there INTEGER NOT NULL,
        PRIMARY KEY (path, tag)
    ) STRICT
    """,
    """
    CREATE TABLE checkpoint (
        domain_uuid TEXT NOT NULL REFERENCES domain (uuid) ON DELETE CASCADE,
        name TEXT NOT NULL,
        description TEXT,
        parent TEXT,
        creation_time INTEGER NOT NULL,
        current INTEGER NOT NULL,
        disks TEXT,                 -- this and the following: elements as they stand in the dump
        domain TEXT,
        PRIMARY KEY (domain_uuid, name)
    ) STRICT
    """,
)


def make(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file."""
    for statement in (*_TABLES, *_SINCE_1):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Add what an earlier Revisor's file lacks.

    Raises NotSupportedError for a file of a later one: it is not touched.
    """
    if version_of(connection) == 1:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version_of(connection) == 1:  # Somebody else may have done it while we waited.
                for statement in _SINCE_1:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    found = version_of(connection)
    if found != VERSION:
        raise sqlite3.NotSupportedError(f"its format is {found}, this Revisor reads {VERSION}")


def version_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
