"""The verbs that show a domain as it is on record: its state, its XML and what the XML says of disks and processors."""

from collections.abc import Callable, Mapping
from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door, Reference
from revisor.cli.documents import part_options, show
from revisor.cli.failures import Exit, refusal
from revisor.cli.verb import DOMAIN, Asked, Verb, exclusive, flag, not_offered, verb

Item = dict[str, Any]


@verb("dominfo", DOMAIN, fresh=True)
def dominfo(asked: Asked, *, domain: str) -> int:
    """Show what a domain is."""
    door = Door(asked)
    reply = door.read_of(Reference.of(domain))
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    item = reply.body["items"][0]
    lines = [
        ("Id", item["id"]),
        ("Name", item["name"]),
        ("UUID", item["uuid"]),
        ("OS Type", item.get("os_type")),
        ("State", item["state"]),
        ("CPU(s)", item.get("vcpus")),
        ("Max memory", _kib(item.get("max_memory_kib"))),
        ("Used memory", _kib(item.get("used_memory_kib"))),
        ("Persistent", _yes(item["persistent"])),
        ("Autostart", "enable" if item["autostart"] else "disable"),
        ("Managed save", _yes(item["managed_save"])),
        ("Host", item["host"]),
        ("Role", item["role"]),
    ]
    output.pairs(lines)
    return Exit.DONE


def _kib(size: int | None) -> str | None:
    return None if size is None else f"{size} KiB"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _of_one(name: str, words: str, shown: Callable[[Item], str]) -> Verb:
    """A verb that prints one word of what is known of a domain."""

    def function(asked: Asked, *, domain: str) -> int:
        door = Door(asked)
        reply = door.read_of(Reference.of(domain))
        if door.as_json:
            output.json_text({**reply.body, "kind": name})
        else:
            output.message(shown(reply.body["items"][0]))
        return Exit.DONE

    function.__doc__ = words
    return verb(name, DOMAIN, fresh=True)(function)


def _id(item: Item) -> str:
    return "-" if item["id"] is None else str(item["id"])


domid = _of_one("domid", "Show the id of a domain that runs; a dash for one that does not.", _id)
domname = _of_one("domname", "Show a domain's name.", lambda item: str(item["name"]))
domuuid = _of_one("domuuid", "Show a domain's UUID.", lambda item: str(item["uuid"]))


@verb("domstate", DOMAIN, fresh=True, options=[flag("reason", "Print why it is in this state, too.")])
def domstate(asked: Asked, *, domain: str, reason: bool) -> int:
    """Show a domain's state."""
    door = Door(asked)
    reply = door.read_of(Reference.of(domain))
    if door.as_json:
        output.json_text({**reply.body, "kind": "domstate"})
        return Exit.DONE
    item = reply.body["items"][0]
    output.message(f"{item['state']} ({item['reason']})" if reason else item["state"])
    return Exit.DONE


@verb(
    "dumpxml",
    DOMAIN,
    fresh=True,
    options=[
        flag("inactive", "Show the persistent definition of a running domain."),
        flag("security-info", "Show passwords too; this goes on record."),
        *part_options(),
        not_offered("update-cpu", "what is on record is the definition, not what the host's CPU makes of it"),
        not_offered("migratable", "Revisor takes machines to other hosts by replay"),
    ],
)
def dumpxml(asked: Asked, *, domain: str, inactive: bool, security_info: bool, xpath: str | None, wrap: bool) -> int:
    """Show a domain's XML."""
    door = Door(asked)
    reply = door.xml_of(Reference.of(domain), "/xml", inactive=inactive, security_info=security_info)
    return show(door, reply, "dumpxml", {"domain": domain}, xpath, wrap=wrap)


def _inactive() -> Any:
    return flag("inactive", "Of the persistent definition of a running domain.")


@verb("domblklist", DOMAIN, fresh=True, options=[_inactive(), flag("details", "With columns for what they are.")])
def domblklist(asked: Asked, *, domain: str, inactive: bool, details: bool) -> int:
    """List a domain's disks."""
    from revisor.cli.definitions import disks

    door = Door(asked)
    reply = door.read_of(Reference.of(domain), "/xml", inactive=inactive)
    items = [
        {"type": disk.type, "device": disk.device, "target": disk.target, "source": disk.source}
        for disk in disks(reply.text)
    ]
    if door.as_json:
        output.document_of(reply, "domblklist", items)
    else:
        keys = ["type", "device", "target", "source"] if details else ["target", "source"]
        output.table([key.capitalize() for key in keys], [[item[key] for key in keys] for item in items])
    return Exit.DONE


@verb("domiflist", DOMAIN, fresh=True, options=[_inactive()])
def domiflist(asked: Asked, *, domain: str, inactive: bool) -> int:
    """List a domain's network interfaces."""
    from revisor.cli.definitions import interfaces

    door = Door(asked)
    reply = door.read_of(Reference.of(domain), "/xml", inactive=inactive)
    found = interfaces(reply.text)
    if door.as_json:
        output.document_of(
            reply,
            "domiflist",
            [
                {"interface": it.target, "type": it.type, "source": it.source, "model": it.model, "mac": it.mac}
                for it in found
            ],
        )
    else:
        header = ["Interface", "Type", "Source", "Model", "MAC"]
        output.table(header, [[it.target, it.type, it.source, it.model, it.mac] for it in found])
    return Exit.DONE


@verb(
    "vcpucount",
    DOMAIN,
    fresh=True,
    options=[
        flag("maximum", "The most it may have."),
        flag("active", "Those it has."),
        flag("live", "Of the running domain."),
        flag("config", "Of its persistent definition."),
        flag("current", "Of what the domain is now."),
        not_offered("guest", "it would be the guest's agent that counts, and what it says is not on record"),
    ],
)
def vcpucount(asked: Asked, *, domain: str, **given: bool) -> int:
    """Show the numbers of virtual CPUs."""
    exclusive(given, ("live", "config"), ("current", "config"), ("active", "maximum"))
    door, reference = Door(asked), Reference.of(domain)
    item = door.one(reference)
    items = [entry for kind in ("config", "live") if _has(item, kind) for entry in _counts(door, reference, kind)]
    items.sort(key=lambda entry: entry["count"] != "maximum")
    wanted = [entry for entry in items if _asked_for(entry, item, given)]
    if door.as_json:
        output.document_of(door.read_of(reference), "vcpucount", wanted)
    elif any(given.values()):
        output.message(str(wanted[0]["vcpus"]))
    else:
        for entry in items:
            output.say(f"{entry['count']:<12} {entry['of']:<12} {entry['vcpus']:>3}")
        output.say()
    return Exit.DONE


def _has(item: Item, kind: str) -> bool:
    return bool(item["persistent"]) if kind == "config" else item["id"] is not None


def _counts(door: Door, reference: Reference, kind: str) -> list[Item]:
    from domain_model import domain_xml

    said = domain_xml.read(door.read_of(reference, "/xml", inactive=kind == "config").text)
    counts = {"maximum": said.vcpus, "current": said.current_vcpus}
    return [{"count": count, "of": kind, "vcpus": number} for count, number in counts.items()]


def _asked_for(entry: Item, item: Item, given: Mapping[str, bool]) -> bool:
    """Whether a count is asked for. Raises Refusal (55) for one of a definition there is not, as libvirt does."""
    if not any(given.values()):
        return True
    kind = "config" if given["config"] else "live" if given["live"] or item["id"] is not None else "config"
    if not _has(item, kind):
        live = "domain is not running"
        sentence = live if kind == "live" else "transient domains do not have any persistent config"
        raise refusal(55, f"Requested operation is not valid: {sentence}", field=kind)
    return (entry["of"], entry["count"]) == (kind, "maximum" if given["maximum"] else "current")
