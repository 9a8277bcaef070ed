"""Each connection of a whole Revisor is ended, one after the other:
nothing stalls, and nothing is lost or done twice.
"""

import psycopg

from revisor.store.database import Database
from tests.acceptance.product import Product
from tests.integration.faults.commands import WEB, Commands
from tests.integration.faults.conftest import ROUNDS
from tests.integration.faults.invariants import check
from tests.lab.awaiting import eventually
from tests.lab.databases import Server

_OURS = "FROM pg_stat_activity WHERE usename = 'revisor' AND pid <> pg_backend_pid()"


def test_every_connection_may_end_and_is_made_again(revisor: Product, database: Database, postgres: Server) -> None:
    revisor.up("alpha")
    revisor.define(WEB, "alpha")
    commands = Commands(revisor)
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as superuser, commands.all_the_time():

        def listening() -> int:
            found = superuser.execute(f"SELECT pid {_OURS} AND query LIKE 'LISTEN%'".encode())
            return len(found.fetchall())

        commands.go_on()
        before, ended = listening(), 0
        assert before >= 3
        for _ in range(ROUNDS):
            for pid, query in superuser.execute(f"SELECT pid, query {_OURS}".encode()).fetchall():
                (gone,) = superuser.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchall()
                ended += gone[0]
                commands.go_on(2)
                print(f"ended {pid}, which last said {query[:40]!r}")
        assert ended >= 10
        eventually(lambda: listening() == before, what="all who listened listen again")
    commands.check()
    check(database)
