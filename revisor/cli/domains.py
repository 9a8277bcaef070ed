"""The verbs of domains, as virsh has them."""

from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act, request
from revisor.cli.failures import Exit
from revisor.cli.files import read_text
from revisor.cli.verb import DOMAIN, Asked, Verb, Word, flag, option, verb
from revisor.client import Operation

FILE = Word("file", "FILE")
_HOST = option("host", "NAME", "The host to define it on.", required=True)

Item = dict[str, Any]


@verb(
    "list",
    reads=True,
    options=[
        flag("all", "List inactive and active domains."),
        flag("inactive", "List inactive domains."),
        flag("name", "List names only."),
        flag("uuid", "List UUIDs only."),
        flag("id", "List ids only."),
        flag("persistent", "List persistent domains."),
        flag("transient", "List transient domains."),
        option("host", "NAME", "Only the domains on this host, as virsh there lists them."),
    ],
)
def list_domains(asked: Asked, *, host: str | None, **flags: bool) -> int:
    """List domains."""
    door = Door(asked)
    reply = door.read("/v1/domains", host=host, all=flags["all"] or flags["inactive"])
    items = [item for item in reply.body["items"] if _wanted(item, flags)]
    items.sort(key=_virsh_order)
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif flags["name"] or flags["uuid"] or flags["id"]:
        keys = [key for key in ("id", "uuid", "name") if flags[key]]
        lines = [" ".join(output.printable(_word(item[key])) for key in keys) for item in items]
        # A domain with replicas is one domain to a script that goes through the names.
        for line in dict.fromkeys(lines):
            output.say(line)
        output.say()
    else:
        _list_table(items, with_host=host is None)
    return Exit.DONE


def _list_table(items: list[Item], *, with_host: bool) -> None:
    header = ["Id", "Name", "State", *(["Host"] if with_host else [])]
    output.table(
        header,
        [[_word(item["id"]), item["name"], item["state"], *([item["host"]] if with_host else [])] for item in items],
    )


def _wanted(item: Item, flags: dict[str, bool]) -> bool:
    if flags["inactive"] and not flags["all"] and item["id"] is not None:
        return False
    if flags["persistent"] != flags["transient"]:
        return bool(item["persistent"]) is flags["persistent"]
    return True


def _virsh_order(item: Item) -> tuple[bool, int, str, str]:
    """Active ones by id, then inactive ones by name."""
    return item["id"] is None, item["id"] or 0, item["name"].casefold(), item["host"]


def _word(value: Any) -> str:
    return "-" if value is None else str(value)


@verb("dominfo", DOMAIN, reads=True)
def dominfo(asked: Asked, *, domain: str) -> int:
    """Show what a domain is."""
    door = Door(asked)
    reply = door.read_of(Reference.of(domain))
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    item = reply.body["items"][0]
    memory = {key: item.get(key) for key in ("max_memory_kib", "used_memory_kib")}
    lines = [
        ("Id", item["id"]),
        ("Name", item["name"]),
        ("UUID", item["uuid"]),
        ("OS Type", item.get("os_type")),
        ("State", item["state"]),
        ("CPU(s)", item.get("vcpus")),
        ("Max memory", _kib(memory["max_memory_kib"])),
        ("Used memory", _kib(memory["used_memory_kib"])),
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


@verb("domstate", DOMAIN, reads=True, options=[flag("reason", "Print why it is in this state, too.")])
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
    reads=True,
    options=[
        flag("inactive", "Show the persistent definition of a running domain."),
        flag("security-info", "Show passwords too; this goes on record."),
    ],
)
def dumpxml(asked: Asked, *, domain: str, inactive: bool, security_info: bool) -> int:
    """Show a domain's XML."""
    door = Door(asked)
    reply = door.xml_of(Reference.of(domain), "/xml", inactive=inactive, security_info=security_info)
    if door.as_json:
        output.document_of(reply, "dumpxml", [{"domain": domain, "xml": reply.text}])
    else:
        output.raw(reply.text)
    return Exit.DONE


@verb("define", FILE, options=[_HOST])
def define(asked: Asked, *, file: str, host: str) -> int:
    """Define a domain from an XML file, without starting it."""
    return _define(asked, file, host, transient=False)


@verb("create", FILE, options=[_HOST])
def create(asked: Asked, *, file: str, host: str) -> int:
    """Create a transient domain from an XML file: it runs, and is gone when it stops."""
    return _define(asked, file, host, transient=True)


def _define(asked: Asked, file: str, host: str, *, transient: bool) -> int:
    verb_name, word = ("create", "created") if transient else ("define", "defined")
    body = {"xml": read_text(file), "host": host, "transient": transient}

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' {word} from {file}")

    return request(asked, "/v1/domains", body, Ending(done, f"Failed to {verb_name} domain from {file}"))


def _plain(name: str, words: str, done: str, *flags: tuple[str, str]) -> Verb:
    """A verb that asks for one thing of one domain."""

    def function(asked: Asked, *, domain: str, **given: bool) -> int:
        def said(operation: Operation) -> None:
            output.message(f"Domain '{operation['domain']}' {done}")

        return act(asked, domain, name, given, Ending(said, f"Failed to {name} domain '{domain}'"))

    function.__doc__ = words
    return verb(name, DOMAIN, options=[flag(*each) for each in flags])(function)


undefine = _plain(
    "undefine",
    "Remove a domain's persistent definition; a running domain becomes transient.",
    "has been undefined",
    ("snapshots-metadata", "Remove the metadata of its snapshots as well."),
)
start = _plain(
    "start",
    "Start an inactive domain.",
    "started",
    ("paused", "Leave the guest paused after it is started."),
)
shutdown = _plain("shutdown", "Ask the guest to shut down.", "is being shutdown")
destroy = _plain("destroy", "Stop a domain at once, as if its plug was pulled.", "destroyed")
suspend = _plain("suspend", "Pause a running domain.", "suspended")
resume = _plain("resume", "Let a paused domain go on.", "resumed")
reboot = _plain("reboot", "Ask the guest to reboot.", "is being rebooted")
