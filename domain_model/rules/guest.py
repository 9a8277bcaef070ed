"""Rules about signals to a guest and questions to its agent (libvirt-semantics 2.3).

Whether an agent is configured (74) and answers (86) is the hypervisor's to say.
"""

from typing import Any

from domain_model.errors import ArgumentUnsupported, InvalidFlags, OperationUnsupported
from domain_model.flags import SetTime
from domain_model.libvirt import MOST_KEYS
from domain_model.rules.situation import Situation, must_be_active, must_be_running


def send_key(now: Situation, arguments: dict[str, Any]) -> None:
    keys = len(arguments["keycodes"])
    if keys == 0:
        raise InvalidFlags(
            "nkeycodes in virDomainSendKey must be greater than zero", field="keycodes", accepted="at least one"
        )
    if keys > MOST_KEYS:
        raise InvalidFlags(
            f"nkeycodes must be <= {MOST_KEYS}", field="keycodes", value=str(keys), accepted=f"up to {MOST_KEYS}"
        )
    must_be_active(now, arguments)


def sleep(now: Situation, arguments: dict[str, Any]) -> None:
    """It is the agent that puts a guest to sleep, and it cannot be told to wake it."""
    if arguments.get("duration_s"):
        raise ArgumentUnsupported(
            "Duration not supported. Use 0 for now",
            field="duration_s",
            value=str(arguments["duration_s"]),
            accepted="0",
        )
    must_be_running(now, arguments)


def time(now: Situation, arguments: dict[str, Any]) -> None:
    """Setting the clock is refused in another way: QEMU has no such command while it does not run."""
    setting = arguments["flags"] & SetTime.SYNC or "seconds" in arguments
    if setting and not now.active:
        raise OperationUnsupported(
            "cannot set time: qemu doesn't support rtc-reset-reinjection command",
            field="state",
            value=now.state.words,
            accepted="running",
        )
    must_be_running(now, arguments)
