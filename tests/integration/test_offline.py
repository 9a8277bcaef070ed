"""The database of a home in which Revisor does not run: there for one piece of work, and nobody beside it."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from domain_model.errors import OperationInvalid
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.offline import database_at_hand
from revisor.settings import Settings
from revisor.supervisor import alone, running_pid
from tests.integration.postgres_probe import closed_folder, scalar


@pytest.fixture
def settings() -> Iterator[Settings]:
    with closed_folder() as folder:
        yield Settings(home=folder / "h")


def test_it_is_there_and_of_this_release_and_then_stopped(settings: Settings) -> None:
    server = EmbeddedPostgres(settings.home)
    with database_at_hand(settings):
        assert scalar(server.dsn("revisor"), "SELECT position FROM log.head") == 0
        assert running_pid(settings) == os.getpid()
        with pytest.raises(OperationInvalid, match="already running"), alone(settings):
            pass
    assert not server.running()
    assert running_pid(settings) is None


def test_where_revisor_runs_its_own_is_taken(settings: Settings) -> None:
    with database_at_hand(settings), database_at_hand(settings):
        server = EmbeddedPostgres(settings.home)
    assert not server.running()


def test_an_external_one_is_somebody_elses_to_run(settings: Settings) -> None:
    with database_at_hand(Settings(home=settings.home, dsn="host=/nowhere")):
        assert not settings.home.exists()


def test_sigterm_ends_the_work_and_the_server(settings: Settings) -> None:
    with contextlib.suppress(KeyboardInterrupt), database_at_hand(settings):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the work went on")
    assert not EmbeddedPostgres(settings.home).running()
    assert running_pid(settings) is None
