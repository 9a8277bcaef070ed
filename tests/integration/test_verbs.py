"""Each verb once through the service, an agent and a driver, until the read models show what became of it.

On the simulator, and on libvirt's test driver for what that knows. Renames have tests of their own.
"""

import pytest

from domain_model.errors import InvalidFlags, NoDomain, OperationInvalid, Refused
from tests.integration.hosted import STICK, TEST, Hosted, hosted, only_simulated
from tests.integration.product import ALICE

__all__ = ["hosted"]  # pytest finds fixtures by name


# Changing what a domain is.


def test_autostart_is_shown(hosted: Hosted) -> None:
    hosted.define()

    hosted.does("autostart")
    hosted.shows(autostart=True)
    hosted.does("autostart", disable=True)
    hosted.shows(autostart=False)


def test_memory_and_processors_are_shown_where_they_changed(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("setmem", size_kib=16384, config=True)
    hosted.does("setmaxmem", size_kib=131072, config=True)
    hosted.does("setvcpus", count=2, live=True)
    hosted.does("setvcpus", count=6, config=True, maximum=True)

    live, config = hosted.live(), hosted.config()
    assert (live.memory_kib, live.current_vcpus, live.vcpus) == (65536, 2, 4)
    assert (config.memory_kib, config.current_memory_kib, config.vcpus) == (131072, 16384, 6)
    assert hosted.topics().count("domain.live_changed") == 1


def test_words_are_shown_where_they_changed(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("desc", text="what it is for", live=True)
    hosted.does("desc", text="a title", title=True, config=True)
    hosted.does("metadata", uri="http://example.org/x", key="x", xml="<rack row='3'/>", live=True, config=True)

    live, config = hosted.live(), hosted.config()
    assert (live.description, live.title) == ("what it is for", None)
    assert (config.description, config.title) == (None, "a title")
    for inactive in (False, True):
        assert '<x:rack xmlns:x="http://example.org/x" row="3"/>' in hosted.text(inactive=inactive)
    hosted.does("desc", text="", live=True)
    hosted.does("metadata", uri="http://example.org/x", live=True)
    assert hosted.live().description is None
    assert "rack" not in hosted.text(inactive=False)


def test_a_definition_that_is_pending_differs_from_the_running_one_until_the_next_start(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")
    pending = hosted.text(inactive=True).replace("<memory", "<title>next</title><memory", 1)

    assert hosted.product.define(xml=pending)["state"] == "succeeded"

    assert (hosted.live().title, hosted.config().title) == (None, "next")
    hosted.does("destroy")
    hosted.does("start")
    assert hosted.live().title == "next"


@only_simulated
def test_devices_are_shown_where_they_changed(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("attach-device", xml=STICK, live=True, config=True)
    hosted.does("detach-device", xml=STICK, live=True)
    card = "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
    hosted.does("attach-device", xml=card, config=True)
    hosted.does("update-device", xml=card.replace("/></", "/><link state='down'/></"), config=True)
    hosted.does("blockresize", disk="vda", size_bytes=2**20)

    assert [disk.target for disk in hosted.live().disks] == ["vda"]
    assert [disk.target for disk in hosted.config().disks] == ["vda", "sdb"]
    assert "<link state='down'/>" in hosted.text(inactive=True)


# Saving.


def test_a_saved_domain_goes_on_from_its_file(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")
    file = str(hosted.folder / "saved")

    hosted.does("save", file=file)
    hosted.shows(state="shut off", reason="saved", managed_save=False)

    accepted = hosted.product.service.restore("alpha", {"file": file}, ALICE)
    assert hosted.product.settle(accepted)["state"] == "succeeded"
    hosted.shows(state="running", reason="restored")


def test_a_transient_domain_that_is_gone_is_restored_under_its_name_and_stream(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")
    hosted.does("undefine")
    [before] = [d for d in hosted.product.service.domains(all_domains=True, host=None) if d["name"] == "web"]
    stream = hosted.product.service.domain("web", None)["stream"]
    file = str(hosted.folder / "saved")
    hosted.does("save", file=file)
    with pytest.raises(NoDomain):
        hosted.product.service.domain("web", None)
    [stopped] = [entry for entry in hosted.product.service.log("web", None, 100) if entry["topic"] == "domain.stopped"]
    assert stopped["data"]["reason"] == 5, "saved, though nobody is there any more to say so"

    accepted = hosted.product.service.restore("alpha", {"file": file}, ALICE)
    assert hosted.product.settle(accepted)["state"] == "succeeded"

    hosted.shows(state="running", reason="restored", persistent=False, uuid=before["uuid"])
    assert hosted.product.service.domain("web", None)["stream"] == stream
    with pytest.raises(NoDomain, match="no domain was saved in"):
        hosted.product.service.restore("alpha", {"file": "/nowhere"}, ALICE)


def test_a_name_that_was_taken_meanwhile_keeps_a_saved_domain_away(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")
    hosted.does("undefine")
    file = str(hosted.folder / "saved")
    hosted.does("save", file=file)
    hosted.define()

    with pytest.raises(Refused) as refusal:
        hosted.product.service.restore("alpha", {"file": file}, ALICE)

    assert refusal.value.number == 9


def test_a_managed_save_is_shown_until_it_is_used_or_thrown_away(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("managedsave")
    hosted.shows(state="shut off", reason="saved", managed_save=True)
    hosted.does("start")
    hosted.shows(state="running", managed_save=False)
    hosted.does("managedsave")
    hosted.does("managedsave-remove")
    hosted.shows(state="shut off", managed_save=False)


def test_a_dump_may_crash_a_domain_or_leave_it_running(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("dump", file=str(hosted.folder / "core"))
    hosted.shows(state="running")
    hosted.does("dump", file=str(hosted.folder / "core"), crash=True)
    hosted.shows(state="shut off", reason="crashed")


# Guests.


def test_signals_to_a_guest_are_on_record(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("reset")
    hosted.does("inject-nmi")
    hosted.does("send-key", keycodes=[28], holdtime_ms=10)

    assert hosted.topics().count("domain.reset") == 1
    verbs = [operation["verb"] for operation in hosted.product.service.operations("web", None, 100)]
    assert verbs[-3:] == ["reset", "inject-nmi", "send-key"] or verbs[:3] == ["send-key", "inject-nmi", "reset"]


def test_what_an_agent_answers_is_the_result(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    frozen = hosted.does("domfsfreeze")["result"]["filesystems"]
    assert hosted.does("domfsthaw")["result"]["filesystems"] == frozen
    hosted.does("domtime", seconds=1_000_000_000)
    shown = hosted.does("domtime")["result"]
    assert 1_000_000_000 <= shown["seconds"] < 1_000_000_060
    hosted.does("domtime", sync=True)


@only_simulated
def test_sleeping_and_waking_are_shown(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("dompmsuspend", target="mem")
    hosted.shows(state="pmsuspended")
    hosted.refuses(55, "suspend")
    hosted.does("dompmwakeup")
    hosted.shows(state="running", reason="event wakeup")


@only_simulated
def test_a_job_that_is_not_there_cannot_be_aborted(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    operation = hosted.product.act("domjobabort")

    assert (operation["state"], operation["error"]["code"]) == ("failed", 55)
    entry = hosted.product.service.log("web", None, 1)[0]
    assert (entry["topic"], entry["summary"].split(":")[0]) == ("operation.failed", operation["verb"])


def test_what_a_hypervisor_has_not_is_refused_by_it_with_its_number(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    if hosted.kind == TEST:
        operation = hosted.product.act("attach-device", xml=STICK, live=True)
        assert (operation["state"], operation["error"]["code"]) == ("failed", 3)


# States.


def test_a_guest_is_suspended_resumed_rebooted_and_shut_down(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")

    hosted.does("suspend")
    hosted.shows(state="paused", reason="user")
    hosted.does("resume")
    hosted.shows(state="running", reason="unpaused")
    hosted.does("reboot")
    assert hosted.topics().count("domain.rebooted") == 1
    hosted.does("shutdown")
    hosted.shows(state="shut off", reason="shutdown")
    hosted.refuses(55, "shutdown")


def test_a_guest_that_is_paused_cannot_hear_its_power_button(hosted: Hosted) -> None:
    hosted.define()
    hosted.does("start")
    hosted.does("suspend")

    hosted.refuses(55, "shutdown")
    hosted.does("destroy", graceful=True)
    hosted.shows(state="shut off", reason="destroyed")


# Flags.


def test_a_start_and_a_create_may_leave_the_guest_waiting(hosted: Hosted) -> None:
    hosted.define()

    operation = hosted.product.act("start", paused=True)

    if hosted.kind == TEST:
        assert operation["error"]["code"] == 8
    else:
        hosted.shows(state="paused", reason="user")
    with pytest.raises(InvalidFlags):
        hosted.product.service.act("web", None, "save", {"file": "/f", "running": True, "paused": True}, ALICE)
    with pytest.raises(OperationInvalid):
        hosted.product.service.act("web", None, "undefine", {"nvram": True, "keep_nvram": True}, ALICE)
