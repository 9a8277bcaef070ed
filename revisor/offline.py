"""The database of a home for one piece of work, such as an import, whether or not Revisor runs there.

An external database is somebody's to run. The embedded one runs with ``revisor up``; without it, it is brought up here,
under the lock that ``up`` takes too, and stopped again.
"""

import contextlib
import signal
from collections.abc import Iterator

from domain_model.errors import InvalidArgument
from migrations.runner import migrate
from revisor.composition import dsn_of, owner_dsn_of
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.settings import Settings
from revisor.supervisor import alone, heeding, role_of, running_pid, serving


@contextlib.contextmanager
def database_at_hand(settings: Settings, *, make: bool) -> Iterator[None]:
    """The database can be connected to meanwhile, and the embedded one that was started for it is of this release.

    With ``make`` an embedded one that is not there is made. SIGTERM and a hangup end the work as Ctrl-C does
    (KeyboardInterrupt), so that whoever does it can clear up.
    Raises InvalidArgument (8) where there is none and none is to be made, OperationInvalid (55) when Revisor starts at
    the same moment, and OperationFailed (9) when the server cannot.
    """
    with _heeding_endings():
        if settings.dsn is not None or running_pid(settings) is not None:
            yield
            return
        postgres = EmbeddedPostgres(settings.home)
        if not make and not postgres.made():
            raise _nothing_there(settings)
        with alone(settings), serving(postgres):
            migrate(owner_dsn_of(settings), application_role=role_of(dsn_of(settings)))
            yield


def _heeding_endings() -> contextlib.AbstractContextManager[None]:
    """What somebody has ignored (``nohup`` does so with hangups) stays ignored."""
    endings = (signal.SIGTERM, signal.SIGHUP)
    heeded = [number for number in endings if signal.getsignal(number) is not signal.SIG_IGN]
    return heeding(signal.default_int_handler, heeded)


def _nothing_there(settings: Settings) -> InvalidArgument:
    return InvalidArgument(
        f"no Revisor has been in REVISOR_HOME, '{settings.home}'",
        field="REVISOR_HOME",
        value=str(settings.home),
        accepted="the home of one that was up, or REVISOR_DSN to name a database of your own",
    )
