"""The verbs that show one snapshot, and make one the current one, as virsh has them."""

from typing import Any

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act
from revisor.cli.documents import part_options, show
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.moment_trees import below
from revisor.cli.snapshot_words import (
    NO_SNAPSHOT,
    SNAPSHOT,
    SNAPSHOT_OR_CURRENT,
    current_option,
    held_of,
    is_missing,
    one_named,
    state_of,
)
from revisor.cli.verb import DOMAIN, Asked, exclusive, flag, verb
from revisor.client import Refusal, segment

Item = dict[str, Any]


@verb("snapshot-info", DOMAIN, SNAPSHOT_OR_CURRENT, fresh=True, options=[current_option()])
def snapshot_info(asked: Asked, *, domain: str, snapshotname: str | None, current: bool) -> int:
    """Show what a snapshot is."""
    door, reference = Door(asked), Reference.of(domain)
    name = one_named(door, reference, snapshotname, current=current)
    reply = door.read_of(reference, f"/snapshots/{segment(name)}")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    item = reply.body["items"][0]
    everything = door.read_of(reference, "/snapshots").body["items"]
    output.pairs(
        [
            ("Name", item["name"]),
            ("Domain", item.get("domain", reference.name)),
            ("Current", "yes" if item["current"] else "no"),
            ("State", state_of(item)),
            *([("Missing", item["why"])] if is_missing(item) and item.get("why") else []),
            *([("Data", "not verified")] if item["presence"] == "unverified" else []),
            ("Location", item["location"]),
            ("Parent", item["parent"]),
            ("Children", len(item["children"])),
            ("Descendants", len(below(item["name"], everything))),
            ("Metadata", "yes"),
            *([("Held", held_of(item))] if item.get("held") else []),
        ]
    )
    return Exit.DONE


@verb("snapshot-parent", DOMAIN, SNAPSHOT_OR_CURRENT, fresh=True, options=[current_option()])
def snapshot_parent(asked: Asked, *, domain: str, snapshotname: str | None, current: bool) -> int:
    """Show the name of a snapshot's parent."""
    door, reference = Door(asked), Reference.of(domain)
    name = one_named(door, reference, snapshotname, current=current)
    reply = door.read_of(reference, f"/snapshots/{segment(name)}")
    parent = reply.body["items"][0]["parent"]
    if parent is None:
        raise refusal(NO_SNAPSHOT, f"snapshot '{name}' has no parent", field="snapshotname", value=name)
    if door.as_json:
        output.json_text({**reply.body, "kind": "snapshot-parent"})
    else:
        output.say(output.printable(parent))
    return Exit.DONE


@verb(
    "snapshot-dumpxml",
    DOMAIN,
    SNAPSHOT,
    fresh=True,
    options=[
        flag("security-info", "Show passwords too; this goes on record."),
        *part_options(),
    ],
)
def snapshot_dumpxml(
    asked: Asked, *, domain: str, snapshotname: str, security_info: bool, xpath: str | None, wrap: bool
) -> int:
    """Show a snapshot's XML."""
    door, reference = Door(asked), Reference.of(domain)
    return _dump(door, reference, snapshotname, security_info=security_info, xpath=xpath, wrap=wrap)


def _dump(
    door: Door,
    reference: Reference,
    name: str,
    *,
    security_info: bool,
    xpath: str | None = None,
    wrap: bool = False,
) -> int:
    reply = door.xml_of(reference, f"/snapshots/{segment(name)}/xml", security_info=security_info)
    return show(door, reply, "snapshot-dumpxml", {"domain": reference.name, "name": name}, xpath, wrap=wrap)


@verb(
    "snapshot-current",
    DOMAIN,
    SNAPSHOT_OR_CURRENT,
    fresh=True,
    options=[
        flag("name", "Print its name, not its XML."),
        flag("security-info", "Show passwords too; this goes on record."),
    ],
)
def snapshot_current(asked: Asked, *, domain: str, snapshotname: str | None, **given: bool) -> int:
    """Show a domain's current snapshot, or make another one the current one."""
    exclusive({**given, "snapshotname": snapshotname}, ("name", "snapshotname"))
    reference = Reference.of(domain)
    if snapshotname is not None:
        ending = Ending(lambda _: output.say(f"Snapshot {output.printable(snapshotname)} set as current"))
        return act(asked, domain, "snapshot-current", {"name": snapshotname}, ending)
    door = Door(asked)
    try:
        reply = door.read_of(reference, "/snapshot-current")
    except Refusal as refused:
        first = f"domain '{reference.name}' has no current snapshot" if refused.code == NO_SNAPSHOT else None
        return fail(refused, as_json=door.as_json, first=first)
    found = reply.body["items"][0]["name"]
    if not given["name"]:
        return _dump(door, reference, found, security_info=given["security_info"])
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.say(output.printable(found))
    return Exit.DONE
