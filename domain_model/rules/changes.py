"""Rules about changing what a domain is made of (libvirt-semantics 1.7 and 2.3).

What the public API itself refuses, without asking a driver, comes first and bears no prefix.
"""

from typing import Any

from domain_model.errors import InvalidFlags, MalformedXml, OperationInvalid, OperationUnsupported
from domain_model.flags import Memory, Vcpu
from domain_model.limits import check_domain_name
from domain_model.rules.situation import Situation, must_be_affected, must_be_persistent, must_be_running


def autostart(now: Situation, _: dict[str, Any]) -> None:
    must_be_persistent(now, "cannot set autostart for transient domain")


def rename(now: Situation, arguments: dict[str, Any]) -> None:
    """1.7. A name with a slash could not be the name of the domain's file.

    That the name is somebody else's is refused where names are claimed.
    """
    name = arguments["name"]
    if now.active:
        raise OperationInvalid("cannot rename active domain", field="state", value=now.state.words, accepted="shut off")
    must_be_persistent(now, "cannot rename a transient domain")
    if now.managed_save:
        raise OperationInvalid("domain with a managed saved state can't be renamed", field="managed_save", value="yes")
    if name == now.name:
        raise OperationInvalid("Can't rename domain to itself", field="name", value=name, accepted="another name")
    if "/" in name:
        raise MalformedXml(f"name {name} cannot contain '/'", field="name", value=name, accepted="a name without '/'")
    check_domain_name(name)


def describe(now: Situation, arguments: dict[str, Any]) -> None:
    if arguments.get("title") and "\n" in arguments["text"]:
        raise InvalidFlags("metadata title can't contain newlines", field="text", accepted="one line")
    must_be_affected(now, arguments)


def metadata(now: Situation, arguments: dict[str, Any]) -> None:
    if "xml" in arguments and "key" not in arguments:
        raise InvalidFlags("key in virDomainSetMetadata must not be NULL", field="key", accepted="a prefix")
    must_be_affected(now, arguments)


def memory(now: Situation, arguments: dict[str, Any]) -> None:
    _must_not_be_zero(arguments, "size_kib", "memory in virDomainSetMemoryFlags")
    must_be_affected(now, arguments)


def maximum_memory(now: Situation, arguments: dict[str, Any]) -> None:
    """The most memory there may be is fixed while a domain runs; without a flag a running one is meant."""
    memory(now, arguments)
    flags = Memory(arguments["flags"])
    if now.active and (flags & Memory.LIVE or not flags & Memory.CONFIG):
        raise OperationInvalid(
            "cannot resize the maximum memory on an active domain", field="live", accepted="--config, or shut off"
        )


def vcpus(now: Situation, arguments: dict[str, Any]) -> None:
    """As above for the most processors; a guest's own view of them needs its agent."""
    _must_not_be_zero(arguments, "count", "nvcpus in virDomainSetVcpusFlags")
    must_be_affected(now, arguments)
    flags = Vcpu(arguments["flags"])
    if flags & Vcpu.GUEST:
        must_be_running(now, arguments)
    if flags & Vcpu.MAXIMUM and flags & Vcpu.LIVE:
        raise OperationUnsupported(
            "maximum vcpu count of a live domain can't be modified", field="live", accepted="--config alone"
        )


def _must_not_be_zero(arguments: dict[str, Any], field: str, what: str) -> None:
    if arguments[field] == 0:
        raise InvalidFlags(f"{what} must not be zero", field=field, value="0", accepted="a number from 1")
