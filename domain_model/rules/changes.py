"""Rules about changing what a domain is made of (libvirt-semantics 1.7 and 2.3)."""

from typing import Any

from domain_model.errors import MalformedXml, OperationInvalid
from domain_model.limits import check_domain_name
from domain_model.rules.situation import Situation, must_be_affected, must_be_persistent


def autostart(now: Situation, _: dict[str, Any]) -> None:
    must_be_persistent(now, "cannot set autostart for transient domain")


def rename(now: Situation, arguments: dict[str, Any]) -> None:
    """1.7. A name with a slash could not be the name of the domain's file."""
    name = arguments["name"]
    if "/" in name:
        raise MalformedXml(f"name {name} cannot contain '/'", field="name", value=name, accepted="a name without '/'")
    check_domain_name(name)
    if now.active:
        raise OperationInvalid("cannot rename active domain", field="state", value=now.state.words, accepted="shut off")
    must_be_persistent(now, "cannot rename a transient domain")
    if now.managed_save:
        raise OperationInvalid("domain with a managed saved state can't be renamed", field="managed_save", value="yes")
    if name == now.name:
        raise OperationInvalid("Can't rename domain to itself", field="name", value=name, accepted="another name")


def change(now: Situation, arguments: dict[str, Any]) -> None:
    must_be_affected(now, arguments)


def maximum(now: Situation, arguments: dict[str, Any]) -> None:
    """The most memory there may be is fixed while a domain runs; without a flag a running one is meant."""
    must_be_affected(now, arguments)
    if now.active and not arguments["flags"] & 2:
        raise OperationInvalid(
            "cannot resize the maximum memory on an active domain", field="live", accepted="--config, or shut off"
        )
