"""What ``revisor up`` waits for before it starts anything, and that a signal ends it whatever it waits for."""

import fcntl
import json

from tests.acceptance.product import Product
from tests.acceptance.test_killed_replay import asked
from tests.integration.faults.commands import log_of
from tests.lab.awaiting import eventually

NOTHING_BEFORE = "nothing is started before"


def test_nothing_is_started_before_the_log_was_compared_with_what_is_remembered_of_it(product: Product) -> None:
    """Whoever put an older backup in its place must not find agents at work on it."""
    witness = product.home / "witness.json"
    witness.mkdir(parents=True)  # It cannot be read, not even by root.
    with asked(product, "up") as up:
        try:
            eventually(lambda: NOTHING_BEFORE in log_of(product.home, "up"), what="it is said why nothing is started")
            assert [command.split()[-1] for command in product.processes(postgres=False).values()] == ["up"]
            witness.rmdir()
            product.up("alpha")
        finally:
            up.terminate()
    assert log_of(product.home, "up").count(NOTHING_BEFORE) == 1


def test_the_first_start_warns_of_nothing(product: Product) -> None:
    product.up("alpha")
    said = [json.loads(line) for line in log_of(product.home, "up").splitlines()]
    assert [line for line in said if line["level"] != "info"] == []


def test_a_signal_ends_it_also_while_it_waits_for_its_database_to_start_again(product: Product) -> None:
    product.up("alpha")
    with (product.home / "postgres" / "lock").open() as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)  # As another process does that is just starting the server.
        product.kill(pid for pid, said in product.processes().items() if said == "postgres")
        eventually(lambda: "is started again" in log_of(product.home, "up"), what="the server is started again")
        product.down()
    assert product.processes() == {}


def test_down_ends_the_database_that_a_killed_revisor_left_running(product: Product) -> None:
    product.up("alpha")
    product.kill_everything(include_postgres=False)
    assert set(product.processes().values()) == {"postgres"}

    assert product.ok("down") == "Revisor was not running, but its database was: stopped\n"

    assert product.processes() == {}
    assert product.ok("down") == "Revisor is not running\n"


def test_up_says_that_it_runs_already_with_what_it_was_started_with(product: Product) -> None:
    product.up("alpha")
    (pid,) = [pid for pid, said in product.processes(postgres=False).items() if not said.endswith("--supervised")]

    said = product.ok("up", "--host", "beta=simulator:///beta")

    assert said.startswith(f"Revisor runs already (process {pid}), with the settings it was started with\nready ")
    assert "beta" in product.ok("host", "list")
