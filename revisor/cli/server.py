"""``up`` and ``down``, and the processes that ``up`` runs."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from domain_model.errors import InvalidArgument, OperationFailed, Refused
from revisor.cli.failures import WOULD_BE_ACCEPTED
from revisor.client import Client, ClientError
from revisor.settings import Settings, read_settings

_READY_S = 120.0
_NOT_RUNNING = "Revisor is not running"
_EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "web.xml"


@click.command("up")
@click.option("--host", "hosts", multiple=True, metavar="NAME=URI", help="Add this host; may be given several times.")
@click.option("--detach", is_flag=True, help="Return once Revisor is ready; 'revisor down' stops it.")
def up(hosts: tuple[str, ...], *, detach: bool) -> None:
    """Run Revisor: the database, the API, the read models, the schedules, and an agent for each host."""
    settings = read_settings()
    wanted = [_host(text) for text in hosts]
    if (pid := _running(settings)) is not None:
        click.echo(f"Revisor runs already (process {pid}), with the settings it was started with")
        _make_ready(settings, wanted)
    elif detach:
        child = _detach(settings, hosts)
        _make_ready(settings, wanted, lambda: _refuse_ended(settings, child))
    else:
        _stay(settings, wanted)


@click.command("down")
def down() -> None:
    """Stop the Revisor of this $REVISOR_HOME. The guests go on; so does nothing else of it."""
    import select
    import signal

    settings = read_settings()
    pid = _running(settings)
    if pid is None:
        click.echo("Revisor was not running, but its database was: stopped" if _end_left(settings) else _NOT_RUNNING)
        return
    process = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    _await(lambda: _running(settings) is None, 60.0, "Revisor did not stop in time; its log says why")
    # It lets go of its home a moment before it is gone.
    select.select([process], [], [], 10.0)
    os.close(process)
    click.echo("Revisor stopped")


def _end_left(settings: Settings) -> bool:
    """End the database server that a Revisor which was killed left running; whether there was one."""
    if settings.dsn is not None:
        return False
    from revisor.embedded_postgres.server import EmbeddedPostgres
    from revisor.supervisor import alone

    server = EmbeddedPostgres(settings.home)
    if not server.running():
        return False
    with alone(settings):
        server.stop()
    return True


@click.command("serve")
@click.option("--supervised", is_flag=True, hidden=True)
def serve(*, supervised: bool) -> None:
    """Run the HTTP API alone."""
    from revisor.processes import run_api

    run_api(_logged("api", supervised=supervised), supervised=supervised)


@click.command("worker")
@click.option("--host", "name", required=True, metavar="NAME", help="The host to lead.")
@click.option("--supervised", is_flag=True, hidden=True)
def worker(name: str, *, supervised: bool) -> None:
    """Run the agent of one host alone; REVISOR_DSN says where the database is."""
    from revisor.processes import run_worker

    run_worker(_logged(f"agent-{name}", supervised=supervised), name, supervised=supervised)


@click.command("projector")
@click.option("--supervised", is_flag=True, hidden=True)
def projector(*, supervised: bool) -> None:
    """Run the projector alone."""
    from revisor.processes import run_projector

    run_projector(_logged("projector", supervised=supervised), supervised=supervised)


@click.command("alerter")
@click.option("--test", is_flag=True, help="Send one test message, say whether it arrived, and end.")
@click.option("--supervised", is_flag=True, hidden=True)
def alerter(*, test: bool, supervised: bool) -> None:
    """Tell whom REVISOR_ALERT_WEBHOOK or REVISOR_ALERT_COMMAND names of problems, alone."""
    from revisor.processes import run_alerter
    from revisor.settings import read_settings

    if test:
        from revisor.alerting import send_test

        send_test(read_settings().alerts)
        click.echo("the test message arrived")
        return
    run_alerter(_logged("alerter", supervised=supervised), supervised=supervised)


@click.command("scheduler")
@click.option("--supervised", is_flag=True, hidden=True)
def scheduler(*, supervised: bool) -> None:
    """Run the scheduler alone, which has snapshots taken by the clock."""
    from revisor.processes import run_scheduler

    run_scheduler(_logged("scheduler", supervised=supervised), supervised=supervised)


def _stay(settings: Settings, hosts: list[tuple[str, str]]) -> None:
    from revisor.logs import log_to
    from revisor.supervisor import Supervisor

    log_to(settings.logs, "up")
    supervisor = Supervisor(settings)
    trouble: list[Exception] = []

    def become_ready() -> None:
        try:
            _make_ready(settings, hosts)
        except (Refused, ClientError) as error:
            trouble.append(error)
            supervisor.stop()

    threading.Thread(target=become_ready, name="ready", daemon=True).start()
    supervisor.run()
    if trouble:
        raise trouble[0]


def _detach(settings: Settings, hosts: tuple[str, ...]) -> subprocess.Popen[bytes]:
    # As the supervisor makes them: others may pass the home, to the socket, and look into nothing of it.
    settings.home.mkdir(mode=0o711, parents=True, exist_ok=True)
    settings.logs.mkdir(mode=0o700, exist_ok=True)
    arguments = [argument for host in hosts for argument in ("--host", host)]
    with Path(settings.logs, "up.out").open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "revisor", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _await(lambda: _running(settings) is not None or child.poll() is not None, 30.0, "Revisor did not start")
    return child


def _refuse_ended(settings: Settings, child: subprocess.Popen[bytes]) -> None:
    """Raises OperationFailed (9) with the last words of what was to run and does not."""
    if child.poll() is None:
        return
    output = settings.logs / "up.out"
    *_, before, last = ["", "", *output.read_text(errors="replace").splitlines()]
    accepted = before.removeprefix(WOULD_BE_ACCEPTED)
    raise OperationFailed(
        f"Revisor ended at its start: {last.removeprefix('error: ')} ({output} has it all)",
        accepted=accepted if accepted != before else None,
    )


def _make_ready(settings: Settings, hosts: list[tuple[str, str]], check: Callable[[], None] = lambda: None) -> None:
    """Wait for the API, add the hosts, wait until each was looked at; then say so.

    ``check`` raises what tells that there is nothing to wait for any more.
    """
    client = Client(settings.socket)

    def answers() -> bool:
        check()
        return _healthy(client)

    _await(answers, _READY_S, f"the API did not answer; {settings.logs} says why")
    for name, uri in hosts:
        client.request("POST", "/v1/hosts", body={"name": name, "uri": uri})
    names = {name for name, _ in hosts}
    waiting = _Waiting(client, names)
    _await(waiting.is_over, _READY_S, lambda: f"no answer from {waiting}; Revisor runs and goes on trying")
    click.echo(f"ready {settings.socket}")
    program, first = _near(Path(sys.executable).with_name("revisor")), next(iter(sorted(names)), "HOST")
    restored = client.get("/v1/status").body["items"][0]["restore"]
    if restored is not None:
        click.echo(f"  nothing new is begun: {restored}")
        click.echo(f"  {program} acknowledge-restore")
        return
    click.echo(f"  {program} host list")
    click.echo(f"  {program} define {_near(_EXAMPLE)} --host {first}")
    click.echo(f"  {program} list --all")


def _near(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _healthy(client: Client) -> bool:
    try:
        client.get("/v1/health")
    except ClientError:
        return False
    return True


class _Waiting:
    """For hosts to be looked at: says why, once a host and reason."""

    def __init__(self, client: Client, names: set[str]) -> None:
        self._client = client
        self._missing: dict[str, str | None] = dict.fromkeys(sorted(names))
        self._told: set[tuple[str, str]] = set()

    def __str__(self) -> str:
        return ", ".join(f"host '{name}'" + (f" ({why})" if why else "") for name, why in self._missing.items())

    def is_over(self) -> bool:
        hosts = {item["name"]: item for item in self._client.get("/v1/hosts").body["items"]}
        left = [name for name in self._missing if hosts.get(name, {}).get("state") != "connected"]
        self._missing = {name: hosts.get(name, {}).get("problem") for name in left}
        for name, why in self._missing.items():
            if why is not None and (name, why) not in self._told:
                click.echo(f"waiting for host '{name}': {why}", err=True)
                self._told.add((name, why))
        return not self._missing


def _await(condition: Callable[[], bool], timeout_s: float, otherwise: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise OperationFailed(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(0.05)


def _running(settings: Settings) -> int | None:
    from revisor.supervisor import running_pid

    return running_pid(settings)


def _host(text: str) -> tuple[str, str]:
    name, sign, uri = text.partition("=")
    if not sign or not name or not uri:
        raise InvalidArgument(f"'{text}' in --host", field="host", value=text, accepted="NAME=URI")
    return name, uri


def _logged(process: str, *, supervised: bool) -> Settings:
    """Under the supervisor a process logs to its file only: the terminal belongs to the person."""
    from revisor.logs import log_to

    settings = read_settings()
    log_to(settings.logs, process, to_stderr=not supervised)
    return settings
