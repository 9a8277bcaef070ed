"""The database of a home for one piece of work, such as an import, whether or not Revisor runs there.

An external database is somebody's to run. The embedded one runs with ``revisor up``; without it, it is brought up here,
under the lock that ``up`` takes too, and stopped again.
"""

import contextlib
from collections.abc import Iterator

from migrations.runner import migrate
from revisor.composition import dsn_of, owner_dsn_of
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.settings import Settings
from revisor.supervisor import alone, role_of, running_pid, serving


@contextlib.contextmanager
def database_at_hand(settings: Settings) -> Iterator[None]:
    """The database can be connected to meanwhile, and the embedded one that was started for it is of this release.

    Raises OperationInvalid (55) when Revisor starts at the same moment, and OperationFailed (9) when the server cannot.
    """
    if settings.dsn is not None or running_pid(settings) is not None:
        yield
        return
    with alone(settings), serving(EmbeddedPostgres(settings.home)):
        migrate(owner_dsn_of(settings), application_role=role_of(dsn_of(settings)))
        yield
