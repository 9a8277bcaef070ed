"""The database of a home in which Revisor does not run: there for one piece of work, and nobody beside it."""

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from domain_model.errors import InvalidArgument, OperationInvalid
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
    with database_at_hand(settings, make=True):
        assert scalar(server.dsn("revisor"), "SELECT position FROM log.head") == 0
        assert running_pid(settings) == os.getpid()
        with pytest.raises(OperationInvalid, match="already running"), alone(settings):
            pass
    assert not server.running()
    assert running_pid(settings) is None


def test_where_revisor_runs_its_own_is_taken(settings: Settings) -> None:
    with database_at_hand(settings, make=True), database_at_hand(settings, make=True):
        server = EmbeddedPostgres(settings.home)
    assert not server.running()


def test_an_external_one_is_somebody_elses_to_run(settings: Settings) -> None:
    with database_at_hand(Settings(home=settings.home, dsn="host=/nowhere"), make=False):
        assert not settings.home.exists()


def test_where_none_has_ever_been_none_is_made_to_read_from(settings: Settings) -> None:
    with (
        pytest.raises(InvalidArgument, match=f"no Revisor has been in REVISOR_HOME, '{settings.home}'") as refused,
        database_at_hand(settings, make=False),
    ):
        pass
    assert (refused.value.field, refused.value.value) == ("REVISOR_HOME", str(settings.home))
    assert not settings.home.exists()
    with database_at_hand(settings, make=True):
        pass
    with database_at_hand(settings, make=False):
        assert EmbeddedPostgres(settings.home).running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_work_on_an_external_one_too(settings: Settings, number: signal.Signals) -> None:
    external = Settings(home=settings.home, dsn="host=/nowhere")
    with pytest.raises(KeyboardInterrupt), database_at_hand(external, make=False):
        os.kill(os.getpid(), number)


def test_a_hangup_that_is_ignored_stays_so(settings: Settings) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with database_at_hand(Settings(home=settings.home, dsn="host=/nowhere"), make=False):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_ends_the_work_and_the_server(settings: Settings) -> None:
    with contextlib.suppress(KeyboardInterrupt), database_at_hand(settings, make=True):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the work went on")
    assert not EmbeddedPostgres(settings.home).running()
    assert running_pid(settings) is None
