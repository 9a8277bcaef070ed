"""``snapshot-edit``: changing a snapshot's metadata in a person's own editor, as virsh has it."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act
from revisor.cli.failures import Exit, refusal
from revisor.cli.snapshot_words import SNAPSHOT_OR_CURRENT, held_of, one_named
from revisor.cli.verb import DOMAIN, Asked, exclusive, flag, verb
from revisor.client import Refusal, segment


@verb(
    "snapshot-edit",
    DOMAIN,
    SNAPSHOT_OR_CURRENT,
    options=[
        flag("current", "The current snapshot; beside a name: make it the current one, too."),
        flag("rename", "It may be given another name."),
        flag("clone", "It may be made a second one under another name."),
    ],
)
def snapshot_edit(
    asked: Asked, *, domain: str, snapshotname: str | None, current: bool, rename: bool, clone: bool
) -> int:
    """Change a snapshot's metadata in $EDITOR. It shows passwords, which goes on record."""
    from domain_model import snapshot_xml
    from revisor.cli.editing import edit, written_name

    exclusive({"rename": rename, "clone": clone}, ("rename", "clone"))
    door, reference = Door(asked), Reference.of(domain)
    name = one_named(door, reference, snapshotname, current=current and snapshotname is None)
    makes_current = current and snapshotname is not None
    before = door.xml_of(reference, f"/snapshots/{segment(name)}/xml", security_info=True).text
    # Looked up once: at a second try after half a renaming the new name is there by our own doing.
    taken = _others(door, reference, name)

    def take(text: str) -> int:
        written = written_name(text, snapshot_xml.read, otherwise=name)
        if written != name and not rename and not clone:
            raise _unasked_name(name, written)
        if written in taken:
            raise _taken_name(written)
        if written != name and rename:
            return _rename(asked, domain, name, text, written, current=makes_current)
        said = f"Snapshot {name} edited." if written == name else f"Snapshot {name} cloned to {written}."
        ending = Ending(lambda _: output.message(said), f"Failed to update {name}")
        return act(asked, domain, "snapshot-create", {"xml": text, "redefine": True, "current": makes_current}, ending)

    unchanged = None if makes_current else f"Snapshot {name} XML configuration not changed."
    return edit(asked, before, take, unchanged=unchanged)


def _unasked_name(name: str, written: str) -> Refusal:
    """libvirt makes the second one first, and then deletes it again."""
    return refusal(
        8,
        f"invalid argument: Must use --rename or --clone to change {name} to {written}",
        field="name",
        value=written,
        accepted=f"{name}, or --rename or --clone",
    )


def _others(door: Door, reference: Reference, name: str) -> set[str]:
    """The names of the domain's other snapshots; none if the same command was asked before and may have made one."""
    if door.asked_before(reference, "snapshot-redefine") is not None:
        return set()
    return {item["name"] for item in door.read_of(reference, "/snapshots").body["items"]} - {name}


def _taken_name(name: str) -> Refusal:
    """libvirt would have the other snapshot of that name replaced, description, place and all."""
    return refusal(
        9,
        f"operation failed: domain moment {name} already exists",
        field="name",
        value=name,
        accepted="a name that no snapshot of the domain has",
    )


def _held(name: str, item: dict[str, Any]) -> Refusal:
    return refusal(
        55,
        f"Requested operation is not valid: snapshot '{name}' is held {held_of(item)}:"
        " renaming deletes what bears the old name",
        field="name",
        value=name,
    )


def _rename(asked: Asked, domain: str, name: str, xml: str, new_name: str, *, current: bool) -> int:
    """The new one first, then its children below it, then the old one goes.

    virsh leaves the children with the one above, and the current mark too.
    """
    door, reference = Door(asked), Reference.of(domain)
    item = door.read_of(reference, f"/snapshots/{segment(name)}").body["items"][0]
    if item.get("held"):
        # The last step would be refused, with the new one made by then.
        raise _held(name, item)
    children = [_below(door, reference, child, new_name) for child in item["children"]]
    on_the_way = Ending(lambda _: None, f"Failed to update {name}", goes_on=True)
    first = {"xml": xml, "redefine": True, "current": current or item["current"]}
    code = act(_step(asked, ""), domain, "snapshot-create", first, on_the_way)
    if code == Exit.DONE and children:
        code = act(
            _step(asked, "children"), domain, "snapshot-create", {"xmls": children, "redefine": True}, on_the_way
        )
    if code != Exit.DONE:
        return code
    ending = Ending(lambda _: output.message(f"Snapshot {name} renamed to {new_name}."), f"Failed to clean up {name}")
    return act(_step(asked, "old"), domain, "snapshot-delete", {"name": name, "metadata": True}, ending)


def _below(door: Door, reference: Reference, child: str, parent: str) -> str:
    """The XML of a snapshot, hung below another parent."""
    from domain_model import snapshot_xml

    text = door.xml_of(reference, f"/snapshots/{segment(child)}/xml", security_info=True).text
    return snapshot_xml.with_parent(text, parent)


def _step(asked: Asked, name: str) -> Asked:
    """One of several operations: each has a request id of its own, and is waited for unless it is the last."""
    request_id = asked.request_id
    if request_id is not None and name:
        request_id = str(uuid5(UUID(request_id), name))
    return replace(asked, request_id=request_id, no_wait=asked.no_wait and name == "old")
