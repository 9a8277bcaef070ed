"""``revisor status`` and what monitoring reads, of a Revisor that runs."""

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.faults import stopped
from tests.acceptance.product import ROOT_OF_HOUSE, Product
from tests.lab.awaiting import eventually


def test_a_revisor_that_is_ready_is_well_in_every_way_of_asking(product: Product) -> None:
    product.up("alpha", "beta")
    product.define((ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text(), "alpha")

    (item,) = product.items("status", "--check")
    head = product.log("web")[-1]["position"]
    assert (item["status"], item["problems"]) == ("ok", [])
    assert item["log"]["position"] >= head
    assert [(host["name"], host["queued"], host["started"]) for host in item["hosts"]] == [
        ("alpha", 0, 0),
        ("beta", 0, 0),
    ]
    assert all(host["worker"] is not None and host["epoch"] >= 1 for host in item["hosts"])
    assert product.ok("status").startswith("Status:         ok\n")

    assert product.client.get("/v1/health").body["status"] == "ok"
    found = figures(product)
    assert found["revisor_database_up", ""] == 1
    assert found["revisor_log_head_position", ""] >= head
    assert found["revisor_host_lease_held", "beta"] == 1


def figures(product: Product) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(product.client.get("/metrics").text)
    return {(s.name, "".join(s.labels.values())): s.value for family in families for s in family.samples}


def test_a_parked_read_model_is_named_until_it_is_rebuilt(product: Product) -> None:
    product.up("alpha")
    with psycopg.connect(product.dsn(), autocommit=True) as connection:
        connection.execute(
            "UPDATE views.projections SET parked_at = position + 1, error = 'ValueError: no' WHERE name = 'checkpoints'"
        )

    assert "Problem:        projection checkpoints is parked at " in product.ok("status")
    assert product.refused(9, "status", "--check").startswith(
        "error: operation failed: Revisor is degraded: projection"
    )
    assert figures(product)["revisor_projection_parked", "checkpoints"] == 1

    product.ok("projections", "rebuild", "checkpoints")
    product.ok("status", "--check")


def test_an_agent_that_was_killed_is_followed_by_another_in_the_next_epoch(product: Product) -> None:
    product.up("alpha")
    before = product.items("status")[0]["hosts"][0]

    product.kill([product.pid_of("worker", "--host", "alpha")])

    def led_again() -> bool:
        return bool(product.items("status")[0]["hosts"][0]["epoch"] > before["epoch"])

    eventually(led_again, what="another agent leads the host")
    after = product.items("status")[0]["hosts"][0]
    assert after["worker"] != before["worker"]


def test_a_scheduler_and_an_agent_that_hang_are_told_until_they_go_on(product: Product) -> None:
    product.up("alpha")
    product.ok("schedule", "add", "nightly", "--all", "--cron", "0 2 * * *")

    def problems() -> str:
        return " ".join(product.items("status")[0]["problems"])

    with stopped(product.pid_of("scheduler")), stopped(product.pid_of("worker", "--host", "alpha")):
        eventually(
            lambda: "nobody runs the schedules: " in problems() and "nobody leads host alpha: " in problems(),
            what="both are missed",
        )
        assert [host["state"] for host in product.items("host", "list")] == ["unattended"]
        found = figures(product)
        assert (found["revisor_scheduler_running", ""], found["revisor_host_led", "alpha"]) == (0, 0)
    eventually(lambda: not problems(), what="others are at it")
    assert [host["state"] for host in product.items("host", "list")] == ["connected"]


def test_behind_a_projector_that_hangs_a_domain_keeps_its_name_and_what_is_read_is_said_to_be_old(
    product: Product,
) -> None:
    product.up("alpha")
    product.define((ROOT_OF_HOUSE / "revisor" / "examples" / "web.xml").read_text(), "alpha")
    product.ok("start", "web")
    with stopped(product.pid_of("projector")):
        assert product.ok("suspend", "web") == "Domain 'web' suspended\n\n"
        old = "note: not all that is recorded is shown yet: what waits longest is "
        eventually(lambda: old in product.run("list").stderr, what="it is said that what is shown is old")
    eventually(lambda: product.run("list").stderr == "", what="all is shown again")


def test_a_revisor_that_does_not_run_cannot_be_reached(product: Product) -> None:
    assert product.run("status").returncode == 3
    assert product.run("status", "--check").returncode == 3
