"""The bodies of Revisor's processes: what ``revisor worker``, ``projector``, ``scheduler``,
``alerter`` and ``serve`` run.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn
from uuid import uuid4

from domain_model.errors import InvalidArgument
from projections.catalogue import all_projections
from projections.loop import ProjectionLoop
from revisor.alerting import Alerter, whom
from revisor.application import Application
from revisor.composition import application_of, driver_for, dsn_of
from revisor.fail_points import reached
from revisor.http.server import HttpServer
from revisor.queries import Queries
from revisor.records import AgentIdentities, AgentRecords
from revisor.schedule_records import ScheduleRecords
from revisor.service import Service
from revisor.settings import Settings
from revisor.sightings import Sightings
from revisor.status import StatusReader
from revisor.store.database import Database, Row
from revisor.store.master_key import read_master_key
from revisor.store.reading import LogReader
from revisor.store.repository import Repository
from revisor.store.vault import Vault
from revisor.wakeup import Wakeup
from workers.agent import HostAgent, keep_renewing, watch_lease
from workers.alarm import Alarm
from workers.leases import SCHEDULER, Lease, LeaseTimes, lease_of
from workers.ports import Lead, LeadLost
from workers.scheduler import Scheduler
from workers.snapshotter import AggregateSnapshotter

_log = logging.getLogger(__name__)

_TAKEN_OVER = 75
"""EX_TEMPFAIL: the supervisor starts the worker again, and it waits for its turn."""


def run_worker(settings: Settings, host_name: str, *, supervised: bool = False) -> None:
    """Lead one host until SIGTERM, or until the supervisor is gone. Raises InvalidArgument (8) for an unknown host."""
    with _stop_on_signals(supervised=supervised) as stop, _open(settings, max_connections=10) as (database, wakeup):
        application = application_of(settings, database)
        host = _host(database, host_name)
        with _holding(lease_of(host["id"]), settings, database, stop) as lease:
            if lease is None:
                return
            assert lease.epoch is not None
            lead = Lead(lease.name, host["id"], host_name, lease.worker, lease.epoch, lambda: not lease.expired())
            _log.info("leads host %s in epoch %s", host_name, lead.epoch)
            under_way = _lead(settings, application, lead, host["uri"], stop, wakeup)
        if under_way:  # the lease is free by now, and only the end of the process ends its threads
            os._exit(os.EX_OK)


def run_scheduler(settings: Settings, *, supervised: bool = False) -> None:
    """Keep the times of all schedules until SIGTERM, or until the supervisor is gone."""
    with _stop_on_signals(supervised=supervised) as stop, _open(settings, max_connections=4) as (database, wakeup):
        application, queries = application_of(settings, database), Queries(database)
        with _holding(SCHEDULER, settings, database, stop) as lease:
            if lease is None:
                return
            assert lease.epoch is not None
            _log.info("keeps the schedules in epoch %s", lease.epoch)
            records = ScheduleRecords(application, queries, Service(application, queries, wakeup), lease.epoch)
            alarm = Alarm()
            try:
                Scheduler(records).run(stop, alarm.wait)
            finally:
                alarm.close()


def run_projector(settings: Settings, *, supervised: bool = False) -> None:
    """Keep what is derived from the log in step with it until SIGTERM, or until the supervisor is gone."""
    with _stop_on_signals(supervised=supervised) as stop, _connected(settings, max_connections=4) as database:
        snapshotter = AggregateSnapshotter(Repository(database))
        threading.Thread(target=snapshotter.run, args=(stop,), name="snapshotter", daemon=True).start()
        ProjectionLoop(database.pool, LogReader(database), all_projections()).run(stop)


def run_api(settings: Settings, *, supervised: bool = False) -> None:
    """Answer the HTTP API on the unix socket until SIGTERM, or until the supervisor is gone."""
    with _stop_on_signals(supervised=supervised) as stop, _open(settings, max_connections=20) as (database, wakeup):
        application = application_of(settings, database)
        service = Service(application, Queries(database), wakeup)
        reader = StatusReader(database, lambda: application.vault.trouble_with(settings.master_key))
        server = HttpServer(service, reader, settings.socket)
        threading.Thread(target=_stop_server, args=(server, stop), name="stop", daemon=True).start()
        server.run()


def run_alerter(settings: Settings, *, supervised: bool = False) -> None:
    """Tell somebody of problems until SIGTERM, or until the supervisor is gone.

    Raises OperationInvalid (55) for nobody.
    """
    wanted = whom(settings.alerts)
    with _stop_on_signals(supervised=supervised) as stop:
        # Each look connects by itself: that the database does not answer is what it is to tell, too.
        database = Database(dsn_of(settings))
        vault = Vault(database, read_master_key(settings.master_key) or b"")
        reader = StatusReader(database, lambda: vault.trouble_with(settings.master_key))
        Alerter(wanted, settings.alert_file, reader.read).run(stop)


def _stop_server(server: HttpServer, stop: threading.Event) -> None:
    stop.wait()
    server.stop()


def _lead(
    settings: Settings, application: Application, lead: Lead, uri: str, stop: threading.Event, wakeup: Wakeup
) -> bool:
    """Returns whether something is under way still, which is left to whoever leads the host next."""
    identities = AgentIdentities(application)
    driver = driver_for(uri, settings)
    try:
        identities.led(lead)
        records, sightings = AgentRecords(application), Sightings(application.database)
        steps = reached(settings.fail_points, lead.host_name)
        deadline_s = settings.deadline_s
        agent = HostAgent(driver, records, identities, sightings, lead, deadline_s=deadline_s, reached=steps)
        left = agent.run(stop, _hints(wakeup))
    except LeadLost as lost:
        _leave(str(lost))
    finally:
        driver.close()
    for queued in left:
        ids = {"operation": str(queued.id)}
        _log.warning("host %s: %s is left under way to whoever leads it next", lead.host_name, queued.verb, extra=ids)
    return bool(left)


def _hints(wakeup: Wakeup) -> Callable[[float], None]:
    """Waits for the next hint since the last wait, so that none is missed that came while the agent was at work."""
    seen = wakeup.count()

    def wait(timeout_s: float) -> None:
        nonlocal seen
        wakeup.wait(timeout_s, since=seen)
        seen = wakeup.count()

    return wait


@contextmanager
def _holding(name: str, settings: Settings, database: Database, stop: threading.Event) -> Iterator[Lease | None]:
    """A lease that is ours meanwhile: the process ends in the moment it is not. None when we were stopped before.

    It is renewed to the end, also while what is under way after ``stop`` comes to its own.
    """
    lease = Lease(database.pool, name, uuid4(), LeaseTimes(settings.lease_s, settings.grace_s))
    if not _acquired(lease, stop):
        yield None
        return
    released = threading.Event()
    for watch in (keep_renewing, watch_lease):
        threading.Thread(target=watch, args=(lease, released, _leave), name=watch.__name__, daemon=True).start()
    try:
        yield lease
    finally:
        released.set()  # no more renewals: they would take the release for a loss
        lease.release()


def _acquired(lease: Lease, stop: threading.Event) -> bool:
    """Wait until it is ours; False when we were stopped before."""
    said = False
    while not stop.is_set():
        if lease.try_acquire() is not None:
            return True
        if not said:
            _log.info("waits for %s: another worker holds it, or did until it died", lease.name)
            said = True
        stop.wait(min(0.5, lease.times.renew_s / 2))
    return False


def _leave(why: str) -> NoReturn:
    """Stop at once, in the middle of whatever it is: somebody else may lead the host by now."""
    _log.error("%s", why)
    logging.shutdown()
    os._exit(_TAKEN_OVER)


def _host(database: Database, name: str) -> Row:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        row = database.fetch_one("SELECT id, uri FROM views.hosts WHERE name = %s AND removed_at IS NULL", name)
        if row is not None:
            return row
        time.sleep(0.1)
    raise InvalidArgument(f"no host with name '{name}'", field="host", value=name)


@contextmanager
def _open(settings: Settings, *, max_connections: int) -> Iterator[tuple[Database, Wakeup]]:
    with _connected(settings, max_connections=max_connections) as database:
        wakeup = Wakeup(database.dsn)
        wakeup.start()
        try:
            yield database, wakeup
        finally:
            wakeup.stop()


@contextmanager
def _connected(settings: Settings, *, max_connections: int) -> Iterator[Database]:
    database = Database(dsn_of(settings), max_connections=max_connections)
    database.open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _stop_on_signals(*, supervised: bool) -> Iterator[threading.Event]:
    """An event that is set by SIGTERM and Ctrl-C and, under a supervisor, by the end of our stdin."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if supervised:
        threading.Thread(target=_stop_at_end_of_input, args=(stop,), name="supervised", daemon=True).start()
    yield stop


def _stop_at_end_of_input(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()
