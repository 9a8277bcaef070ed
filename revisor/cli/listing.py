"""``list``: which domains there are, with virsh's filters and columns, and one more column for the host.

Where one is a replica, a column says which is what: there it may not run, whatever virsh on that host shows.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from revisor.cli import output
from revisor.cli.as_of import as_of_option, moment_asked, note_moment
from revisor.cli.asking import Door
from revisor.cli.failures import Exit
from revisor.cli.verb import Asked, exclusive, flag, option, verb

Item = dict[str, Any]

_REPLICA = "replica"

_STATES = {"running": "running", "paused": "paused", "shut off": "shutoff"}
"""The states there is a filter for; all others are ``other``."""
_PAIRS = (
    ("persistent", "transient", "persistent"),
    ("autostart", "no_autostart", "autostart"),
    ("with_snapshot", "without_snapshot", "has_snapshots"),
    ("with_checkpoint", "without_checkpoint", "has_checkpoints"),
    ("with_managed_save", "without_managed_save", "managed_save"),
)
"""Groups of two filters, and what the first one of each looks for. Both together are no filter, as in libvirt."""


@verb(
    "list",
    fresh=True,
    options=[
        flag("all", "List inactive and active domains."),
        flag("inactive", "List inactive domains."),
        flag("persistent", "List persistent domains."),
        flag("transient", "List transient domains."),
        flag("with-snapshot", "List domains with a snapshot."),
        flag("without-snapshot", "List domains without a snapshot."),
        flag("with-checkpoint", "List domains with a checkpoint."),
        flag("without-checkpoint", "List domains without a checkpoint."),
        flag("state-running", "List domains that run."),
        flag("state-paused", "List domains that are paused."),
        flag("state-shutoff", "List domains that are off."),
        flag("state-other", "List domains in any other state."),
        flag("autostart", "List domains that start with their host."),
        flag("no-autostart", "List domains that do not start with their host."),
        flag("with-managed-save", "List domains that were saved by managedsave."),
        flag("without-managed-save", "List domains that were not saved by managedsave."),
        flag("uuid", "List UUIDs only."),
        flag("name", "List names only."),
        flag("id", "List ids only."),
        flag("table", "List a table; so it is without an option."),
        flag("managed-save", "Show the state of domains that were saved by managedsave as saved."),
        flag("title", "With a column for the title."),
        option("host", "NAME", "Only the domains on this host, as virsh there lists them."),
        as_of_option(),
    ],
)
def list_domains(asked: Asked, *, host: str | None, as_of: str | None, **flags: bool) -> int:
    """List domains."""
    exclusive(flags, ("table", "name"), ("table", "id"), ("table", "uuid"))
    at = moment_asked(asked, as_of)
    door = Door(asked)
    # Which names are ambiguous, those tell too that are not wanted.
    by_name = flags["name"] and host is None and not door.as_json
    reply = door.read("/v1/domains", host=host, all=by_name or _with_inactive(flags), titles=flags["title"], as_of=at)
    note_moment(asked, reply, at)
    items = [item for item in reply.body["items"] if _wanted(item, flags)]
    items.sort(key=_virsh_order)
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif flags["name"] or flags["uuid"] or flags["id"]:
        _lines(items, flags, _reference_in(reply.body["items"]) if by_name else _name)
    else:
        _table(items, flags, with_host=host is None)
    return Exit.DONE


def _lines(items: list[Item], flags: Mapping[str, bool], named: Callable[[Item], str]) -> None:
    keys = [key for key in ("uuid", "id", "name") if flags[key]]
    words = ([named(item) if key == "name" else _word(item[key]) for key in keys] for item in items)
    # A domain with replicas is one domain to a script that goes through the names.
    for line in dict.fromkeys(" ".join(map(output.printable, each)) for each in words):
        output.say(line)
    output.say()


def _name(item: Item) -> str:
    return str(item["name"])


def _reference_in(everything: list[Item]) -> Callable[[Item], str]:
    """How each is named as a DOMAIN, a replica as its owner: HOST/NAME where several own a domain of that name."""
    owners = [item for item in everything if item["role"] != _REPLICA]
    borne = Counter(map(_name, owners))
    owned_on = {item["uuid"]: item["host"] for item in owners}

    def reference(item: Item) -> str:
        name = _name(item)
        return f"{owned_on.get(item['uuid'], item['host'])}/{name}" if borne[name] > 1 else name

    return reference


def _table(items: list[Item], flags: Mapping[str, bool], *, with_host: bool) -> None:
    with_role = any(item["role"] == _REPLICA for item in items)
    given = {"Title": flags["title"], "Role": with_role, "Host": with_host}
    output.table(
        ["Id", "Name", "State", *(name for name, wanted in given.items() if wanted)],
        [
            [
                _word(item["id"]),
                item["name"],
                "saved" if flags["managed_save"] and _is_saved(item) else item["state"],
                *([_one_line(item["title"])] if flags["title"] else []),
                *([item["role"]] if with_role else []),
                *([item["host"]] if with_host else []),
            ]
            for item in items
        ],
    )


def _with_inactive(flags: Mapping[str, bool]) -> bool:
    return flags["all"] or flags["inactive"] or flags["state_shutoff"]


def _wanted(item: Item, flags: Mapping[str, bool]) -> bool:
    if item["id"] is None and not _with_inactive(flags):
        return False
    only_inactive = (flags["inactive"] or flags["state_shutoff"]) and not flags["all"]
    if only_inactive and item["id"] is not None:
        return False
    states = [state for state in ("running", "paused", "shutoff", "other") if flags[f"state_{state}"]]
    if states and _STATES.get(item["state"], "other") not in states:
        return False
    return all(flags[one] == flags[other] or bool(item[key]) is flags[one] for one, other, key in _PAIRS)


def _is_saved(item: Item) -> bool:
    return bool(item["managed_save"]) and item["id"] is None


def _virsh_order(item: Item) -> tuple[bool, int, str, str]:
    """Active ones by id, then inactive ones by name."""
    return item["id"] is None, item["id"] or 0, item["name"].casefold(), item["host"]


def _one_line(title: str | None) -> str:
    return (title or "").partition("\n")[0]


def _word(value: Any) -> str:
    return "-" if value is None else str(value)
