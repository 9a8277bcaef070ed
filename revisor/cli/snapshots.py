"""The verbs of snapshots, as virsh has them."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.files import read_text
from revisor.cli.verb import DOMAIN, Asked, Word, flag, verb
from revisor.client import Operation, Refusal, segment

SNAPSHOT = Word("snapshotname", "SNAPSHOT")
_SNAPSHOT_OR_CURRENT = Word("snapshotname", "SNAPSHOT", required=False)
_CURRENT = flag("current", "The current snapshot, instead of a named one.")
_NO_SNAPSHOT = 72

Item = dict[str, Any]


def _named_snapshot(operation: Operation) -> str:
    return str((operation.get("result") or {}).get("snapshot") or (operation.get("arguments") or {}).get("name"))


@verb(
    "snapshot-create",
    DOMAIN,
    Word("xmlfile", "FILE", required=False),
    options=[
        flag("redefine", "Re-create the metadata of a snapshot from its XML, touching no disk."),
        flag("current", "With --redefine: make it the current one."),
        flag("no-metadata", "Take the snapshot and remember nothing of it."),
    ],
)
def snapshot_create(asked: Asked, *, domain: str, xmlfile: str | None, **flags: bool) -> int:
    """Create a snapshot, or with --redefine its metadata, from XML."""
    source = "" if xmlfile is None else f" from '{xmlfile}'"

    def done(operation: Operation) -> None:
        output.say(f"Domain snapshot {output.printable(_named_snapshot(operation))} created{output.printable(source)}")

    arguments = {"xml": None if xmlfile is None else read_text(xmlfile), **flags}
    return act(asked, domain, "snapshot-create", arguments, Ending(done))


@verb(
    "snapshot-create-as",
    DOMAIN,
    Word("name", "NAME", required=False),
    Word("description", "DESCRIPTION", required=False),
    options=[flag("no-metadata", "Take the snapshot and remember nothing of it.")],
)
def snapshot_create_as(
    asked: Asked, *, domain: str, name: str | None, description: str | None, no_metadata: bool
) -> int:
    """Create a snapshot with a name and a description."""

    def done(operation: Operation) -> None:
        output.say(f"Domain snapshot {output.printable(_named_snapshot(operation))} created")

    arguments = {"name": name, "description": description, "no_metadata": no_metadata}
    return act(asked, domain, "snapshot-create", arguments, Ending(done))


@verb(
    "snapshot-list",
    DOMAIN,
    reads=True,
    options=[
        flag("tree", "As a tree."),
        flag("name", "Names only."),
        flag("parent", "With a column for the parent."),
        flag("roots", "Only those without a parent."),
        flag("leaves", "Only those without children."),
        flag("topological", "Parents before their children, instead of by name."),
    ],
)
def snapshot_list(asked: Asked, *, domain: str, **flags: bool) -> int:
    """List a domain's snapshots."""
    _refuse_together(flags)
    door = Door(asked)
    reply = door.read_of(Reference.of(domain), "/snapshots")
    items = sorted(reply.body["items"], key=lambda item: (item["name"].casefold(), item["name"]))
    if flags["topological"]:
        items = _parents_first(items)
    if flags["roots"]:
        items = [item for item in items if item["parent"] is None]
    if flags["leaves"]:
        items = [item for item in items if not item["children"]]
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif flags["tree"]:
        output.tree({item["name"]: item["parent"] for item in items})
    elif flags["name"]:
        for item in items:
            output.say(output.printable(item["name"]))
        output.say()
    else:
        _snapshot_table(items, with_parent=flags["parent"])
    return Exit.DONE


def _refuse_together(flags: Mapping[str, bool]) -> None:
    """virsh's own refusals, which come before anything is asked."""
    for one, other in (
        ("tree", "name"),
        ("parent", "tree"),
        ("parent", "name"),
        ("roots", "tree"),
        ("parent", "roots"),
    ):
        if flags[one] and flags[other]:
            raise click.UsageError(f"Options --{one} and --{other} are mutually exclusive")


def _snapshot_table(items: list[Item], *, with_parent: bool) -> None:
    header = ["Name", "Creation Time", "State", *(["Parent"] if with_parent else [])]
    output.table(
        header,
        [
            [
                item["name"],
                output.local_seconds(item["creation_time"]),
                item["state"],
                *([item["parent"] or ""] if with_parent else []),
            ]
            for item in items
        ],
    )


def _parents_first(items: list[Item]) -> list[Item]:
    below: dict[str | None, list[Item]] = {}
    for item in items:
        below.setdefault(item["parent"], []).append(item)
    ordered = list(below.get(None, []))
    for item in ordered:  # grows while it is walked
        ordered += below.get(item["name"], [])
    return ordered


@verb("snapshot-info", DOMAIN, _SNAPSHOT_OR_CURRENT, reads=True, options=[_CURRENT])
def snapshot_info(asked: Asked, *, domain: str, snapshotname: str | None, current: bool) -> int:
    """Show what a snapshot is."""
    door, reference = Door(asked), Reference.of(domain)
    name = _one_named(door, reference, snapshotname, current=current)
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
            ("State", item["state"]),
            ("Location", item["location"]),
            ("Parent", item["parent"]),
            ("Children", len(item["children"])),
            ("Descendants", _descendants(item["name"], everything)),
            ("Metadata", "yes"),
        ]
    )
    return Exit.DONE


def _descendants(name: str, items: list[Item]) -> int:
    below = {item["name"]: item["children"] for item in items}
    found = list(below.get(name, []))
    for child in found:  # grows while it is walked
        found += below.get(child, [])
    return len(found)


@verb(
    "snapshot-dumpxml",
    DOMAIN,
    SNAPSHOT,
    reads=True,
    options=[flag("security-info", "Show passwords too; this goes on record.")],
)
def snapshot_dumpxml(asked: Asked, *, domain: str, snapshotname: str, security_info: bool) -> int:
    """Show a snapshot's XML."""
    return _dump(Door(asked), Reference.of(domain), snapshotname, security_info=security_info)


def _dump(door: Door, reference: Reference, name: str, *, security_info: bool) -> int:
    reply = door.xml_of(reference, f"/snapshots/{segment(name)}/xml", security_info=security_info)
    if door.as_json:
        item = {"domain": reference.name, "name": name, "xml": reply.text}
        output.document_of(reply, "snapshot-dumpxml", [item])
    else:
        output.raw(reply.text)
    return Exit.DONE


@verb(
    "snapshot-current",
    DOMAIN,
    _SNAPSHOT_OR_CURRENT,
    reads=True,
    options=[
        flag("name", "Print its name, not its XML."),
        flag("security-info", "Show passwords too; this goes on record."),
    ],
)
def snapshot_current(asked: Asked, *, domain: str, snapshotname: str | None, name: bool, security_info: bool) -> int:
    """Show a domain's current snapshot, or make another one the current one."""
    reference = Reference.of(domain)
    if snapshotname is not None:
        ending = Ending(lambda _: output.say(f"Snapshot {output.printable(snapshotname)} set as current"))
        return act(asked, domain, "snapshot-current", {"name": snapshotname}, ending)
    door = Door(asked)
    try:
        reply = door.read_of(reference, "/snapshot-current")
    except Refusal as refused:
        first = f"domain '{reference.name}' has no current snapshot" if refused.code == _NO_SNAPSHOT else None
        return fail(refused, as_json=door.as_json, first=first)
    found = reply.body["items"][0]["name"]
    if not name:
        return _dump(door, reference, found, security_info=security_info)
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.say(output.printable(found))
    return Exit.DONE


@verb(
    "snapshot-revert",
    DOMAIN,
    _SNAPSHOT_OR_CURRENT,
    options=[
        _CURRENT,
        flag("running", "Run the domain afterwards, whatever it did in the snapshot."),
        flag("paused", "Pause the domain afterwards, whatever it did in the snapshot."),
    ],
)
def snapshot_revert(asked: Asked, *, domain: str, snapshotname: str | None, current: bool, **flags: bool) -> int:
    """Put a domain back to a snapshot."""
    name = _one_named(Door(asked), Reference.of(domain), snapshotname, current=current)
    ending = Ending(lambda _: output.message(f"Domain snapshot {name} reverted"))
    return act(asked, domain, "snapshot-revert", {"name": name, **flags}, ending)


@verb(
    "snapshot-delete",
    DOMAIN,
    _SNAPSHOT_OR_CURRENT,
    options=[
        _CURRENT,
        flag("children", "All snapshots below it as well."),
        flag("children-only", "The snapshots below it, and not itself."),
        flag("metadata", "The metadata only; what is in the disks stays."),
    ],
)
def snapshot_delete(asked: Asked, *, domain: str, snapshotname: str | None, current: bool, **flags: bool) -> int:
    """Delete a snapshot."""
    name = _one_named(Door(asked), Reference.of(domain), snapshotname, current=current)
    words = "children deleted" if flags["children_only"] else "deleted"
    ending = Ending(lambda _: output.message(f"Domain snapshot {name} {words}"), f"Failed to delete snapshot {name}")
    return act(asked, domain, "snapshot-delete", {"name": name, **flags}, ending)


def _one_named(door: Door, reference: Reference, name: str | None, *, current: bool) -> str:
    """The snapshot that is meant: the named one, or with ``--current`` the current one."""
    if name is not None and current:
        raise click.UsageError("Options --snapshotname and --current are mutually exclusive")
    if name == "":
        raise refusal(8, "invalid argument: the name of a snapshot is not empty", field="snapshotname", value="")
    if name is not None:
        return name
    if not current:
        raise click.UsageError("--snapshotname or --current is required")
    found: Callable[[str], Any] = door.read_of(reference, "/snapshot-current").body["items"][0].get
    return str(found("name"))
