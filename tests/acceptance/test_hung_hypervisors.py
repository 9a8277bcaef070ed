"""A hypervisor that hangs: its host is said not to answer and goes on by itself later; nobody else waits for it."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.counting import HOST, REAL, CountingGuest, LedHost
from tests.acceptance.faults import (
    QUICK,
    asked_and_started,
    check_agreement,
    ended,
    made,
    qemu_of,
    stopped,
)
from tests.acceptance.product import new_product
from tests.lab.awaiting import eventually
from tests.lab.guest import build_counter_image
from tests.lab.hosts import LibvirtHost

pytestmark = REAL

BESIDE = f"<domain type='qemu'><name>beside</name><uuid>{uuid4()}</uuid><memory>8192</memory><os><type>hvm</type></os></domain>"


@pytest.fixture(scope="module")
def hasty(system_host: LibvirtHost) -> Iterator[LedHost]:
    """A real host, and another one, led by a Revisor that is soon out of patience."""
    storage = system_host.root / "hasty"
    storage.mkdir(exist_ok=True)
    with new_product(**QUICK) as product:
        product.up("beside", **{HOST: system_host.uri})
        product.define(BESIDE, "beside")
        yield LedHost(product, system_host, build_counter_image(storage / "counter.qcow2"))


@pytest.fixture
def guest(hasty: LedHost) -> Iterator[CountingGuest]:
    with hasty.guest("hung") as guest:
        yield guest


def host(led: LedHost) -> dict[str, Any]:
    found: dict[str, Any] = led.product.client.get(f"/v1/hosts/{HOST}").body["items"][0]
    return found


@pytest.mark.parametrize("verb", ["snapshot-create", "suspend"])
def test_what_was_under_way_when_libvirtd_hung_is_told_when_it_goes_on_and_others_do_not_wait(
    hasty: LedHost, guest: CountingGuest, verb: str
) -> None:
    epoch = host(hasty)["epoch"]
    with stopped(hasty.host.libvirtd_pid()):
        # It may be under way in the very moment: that it started is seen a little later.
        operation = hasty.product.client.act(str(guest.uuid), verb, _arguments(verb), wait_s=0)
        eventually(lambda: host(hasty)["state"] == "unreachable", what="it is said not to answer", timeout_s=30)
        assert "did not answer" in host(hasty)["problem"]
        for verb_beside in ("start", "destroy"):
            hasty.product.act("beside", verb_beside)
        assert hasty.product.client.get(f"/v1/operations/{operation['id']}").body["state"] != "succeeded"
    outcome = hasty.product.client.ended(operation, timeout_s=60)
    assert outcome["state"] in ("succeeded", "failed"), hasty.product.last_words()
    eventually(lambda: host(hasty)["state"] == "connected", what="it answers again")
    assert host(hasty)["epoch"] == epoch, "it was led by the same agent all the time"
    check_agreement(guest)


@pytest.mark.parametrize("verb", ["snapshot-create", "suspend"])
def test_libvirtd_that_hangs_in_the_middle_of_an_act_does_it_once(
    hasty: LedHost, guest: CountingGuest, verb: str
) -> None:
    libvirtd = hasty.host.libvirtd_pid()
    with ExitStack() as hanging:
        # While QEMU stands still, libvirtd is in the middle of it for sure.
        with stopped(qemu_of(guest)):
            operation = asked_and_started(guest, verb, **_arguments(verb))
            eventually(
                lambda: guest.virsh("domcontrol").split()[0] != "ok", what="libvirtd waits for QEMU", timeout_s=20
            )
            hanging.enter_context(stopped(libvirtd))
        eventually(lambda: host(hasty)["state"] == "unreachable", what="it is said not to answer", timeout_s=30)
        assert hasty.product.client.get(f"/v1/operations/{operation['id']}").body["state"] == "started"
    assert ended(guest, operation)["state"] == "succeeded", hasty.product.last_words()
    check_agreement(guest)
    if verb == "snapshot-create":
        assert made(guest) == ["s"]
        assert guest.state[0] == "running"
    else:
        assert guest.state[0] == "paused"


def test_a_guest_whose_qemu_hangs_is_given_up_and_can_be_destroyed_while_the_others_go_on(
    hasty: LedHost, guest: CountingGuest
) -> None:
    with hasty.guest("well") as well, stopped(qemu_of(guest)):
        suspend = asked_and_started(guest, "suspend")
        well.take("meanwhile")
        outcome = ended(guest, suspend)
        assert outcome["state"] == "unknown", outcome
        well.do("suspend")
        guest.do("destroy")
        assert host(hasty)["state"] == "connected"
        check_agreement(well)
    check_agreement(guest)
    assert guest.state[0] == "shut off"


def _arguments(verb: str) -> dict[str, str]:
    return {"name": "s"} if verb == "snapshot-create" else {}
