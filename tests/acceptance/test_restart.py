"""Revisor is started twice, killed in whole and in parts, and goes on."""

from contextlib import closing
from pathlib import Path

from lxml import etree

from drivers.simulator import SimulatorDriver
from tests.acceptance.product import Product
from tests.acceptance.test_killed_replay import asked
from tests.acceptance.trees import Tree, golden_domain, new_dice
from tests.lab.awaiting import eventually

ENOUGH_TO_INTERRUPT = 150


def test_up_a_second_time_changes_nothing(product: Product) -> None:
    product.up("alpha", "beta")
    before = set(product.processes(postgres=False)), product.items("host", "list")

    product.up("alpha", "beta")

    after = set(product.processes(postgres=False)), product.items("host", "list")
    assert after[0] == before[0]
    assert [item["id"] for item in after[1]] == [item["id"] for item in before[1]]
    assert {item["state"] for item in after[1]} == {"connected"}


def test_down_ends_every_process_and_a_second_time_is_harmless(product: Product) -> None:
    product.up("alpha")

    product.down()

    assert product.processes() == {}
    product.down()
    assert product.run("list").returncode == 3


def test_what_was_before_the_whole_tree_was_killed_is_there_afterwards(product: Product, tmp_path: Path) -> None:
    product.up("alpha", "beta")
    name = a_domain_with_a_snapshot(product, tmp_path)
    shown = [("list", "--all"), ("snapshot-list", name), ("log", name), ("operations",)]
    before = [product.items(*words) for words in shown]

    product.kill_everything(include_postgres=True)
    assert product.run("list").returncode == 3
    product.up()

    assert [product.items(*words) for words in shown] == before
    product.ok("snapshot-create-as", name, "after the crash")
    assert [item["name"] for item in product.items("snapshot-list", name)] == ["after the crash", "first"]


def a_domain_with_a_snapshot(product: Product, folder: Path) -> str:
    file = folder / "domain.xml"
    file.write_text(golden_domain(), encoding="utf-8")
    product.ok("define", str(file), "--host", "alpha")
    name = str(etree.fromstring(golden_domain()).findtext("name"))
    product.ok("start", name)
    product.ok("snapshot-create-as", name, "first")
    return name


def test_a_killed_api_a_killed_projector_and_a_killed_database_are_started_again(
    product: Product, tmp_path: Path
) -> None:
    product.up("alpha")
    name = a_domain_with_a_snapshot(product, tmp_path)
    supervisor = next(pid for pid, command in product.processes().items() if " up" in command)

    for number, process in enumerate(("serve", "projector")):
        killed = product.pid_of(process)
        product.kill([killed])
        assert product.pid_of(process) != killed
        answers(product)
        product.ok("snapshot-create-as", name, f"after {number}")
    product.kill(pid for pid, said in product.processes().items() if said == "postgres")
    answers(product)
    product.ok("snapshot-create-as", name, "after the database")

    assert supervisor in product.processes(postgres=False)
    assert len(product.items("snapshot-list", name)) == 4


def answers(product: Product) -> None:
    eventually(lambda: product.run("list", "--all").returncode == 0, what="Revisor answers again")


def test_an_agent_killed_in_the_middle_of_a_replay_is_followed_by_one_that_ends_it(product: Product) -> None:
    product.up("alpha", "beta")
    tree = Tree(product, "alpha", new_dice("killed agent"))
    tree.grow(until=ENOUGH_TO_INTERRUPT)
    path = product.home / "simulators" / "beta.sqlite"

    with asked(product, "replay", tree.name, "--to", "beta") as replay:
        with closing(SimulatorDriver(path, "beta")) as beta:

            def some_redefined() -> bool:
                assert replay.poll() is None, "the command ended before it could be interrupted"
                found = beta.domain(tree.uuid)
                return found is not None and len(found.snapshots) > 0

            eventually(some_redefined, what="the first snapshot is redefined", every_s=0.001)
            product.kill([product.pid_of("worker", "--host", "beta")])
            found = beta.domain(tree.uuid)
        assert found is not None
        print(f"killed when {len(found.snapshots)} were redefined")
        # The command knows nothing of it: it has waited, and its answer comes later.
        assert replay.wait() == 0

    replays = [item for item in product.items("operations", tree.name) if item["verb"] == "replay"]
    assert [(item["state"], item["result"]["identical"]) for item in replays] == [("succeeded", ENOUGH_TO_INTERRUPT)]
    started = [entry for entry in product.log(tree.uuid) if entry["operation"] == replays[0]["id"]]
    assert [entry["topic"] for entry in started].count("operation.started") == 1
