"""The verbs that take snapshots, go back to them and delete them, as virsh has them."""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act, tell
from revisor.cli.documents import printed
from revisor.cli.files import read_text
from revisor.cli.plans import plan, plan_flag
from revisor.cli.snapshot_words import (
    SNAPSHOT,
    SNAPSHOT_OR_CURRENT,
    check_one_named,
    current_option,
    note_doubt,
    one_named,
)
from revisor.cli.verb import DOMAIN, Asked, Word, flag, option, verb
from revisor.client import Operation


def _taking() -> list[click.Option]:
    """The options of both verbs that take a snapshot."""
    return [
        flag("no-metadata", "Take the snapshot and remember nothing of it."),
        flag("halt", "Stop the domain once it is taken."),
        flag("disk-only", "Of the disks only, not of the guest's memory."),
        flag("reuse-external", "The files it is written to are there already."),
        flag("quiesce", "With --disk-only: have the guest's agent freeze its file systems meanwhile."),
        flag("atomic", "All of it or nothing."),
        flag("live", "Let the guest run while its memory is written to a file."),
        flag("validate", "Hold the XML against libvirt's schema first."),
    ]


@verb(
    "snapshot-create",
    DOMAIN,
    Word("xmlfile", "FILE", required=False, many=True),
    options=[
        flag("redefine", "Re-create the metadata of snapshots from their XML, touching no disk."),
        flag("current", "With --redefine: make it the current one."),
        *_taking(),
    ],
)
def snapshot_create(asked: Asked, *, domain: str, xmlfile: Sequence[str], **flags: bool) -> int:
    """Create a snapshot from XML.
    With --redefine its metadata; then of several FILEs too, in any order, all or none.
    """
    if len(xmlfile) > 1 and not flags["redefine"]:
        raise click.UsageError(f"unexpected data '{xmlfile[1]}'")
    texts = [read_text(file) for file in xmlfile]
    documents = {"xmls": texts} if len(texts) > 1 else {"xml": next(iter(texts), None)}
    return act(asked, domain, "snapshot-create", {**documents, **flags}, Ending(_created(xmlfile), files=xmlfile))


@verb(
    "snapshot-create-as",
    DOMAIN,
    Word("name", "NAME", required=False),
    Word("description", "DESCRIPTION", required=False),
    Word("diskspec", "DISKSPEC", required=False, many=True),
    options=[
        flag("print-xml", "Print its XML, and take nothing."),
        *_taking(),
        option("memspec", "[file=]FILE[,snapshot=no|internal|external]", "Where the guest's memory goes."),
    ],
)
def snapshot_create_as(
    asked: Asked,
    *,
    domain: str,
    name: str | None,
    description: str | None,
    diskspec: Sequence[str],
    print_xml: bool,
    memspec: str | None,
    **flags: bool,
) -> int:
    """Create a snapshot with a name and a description.

    A DISKSPEC is one word: DISK, and parted by commas what there is to say of it, of
    snapshot=no|internal|external|manual, driver=FORMAT, stype=file|block, file=FILE. A comma that belongs to a name is
    written twice.
    """
    said: Mapping[str, Any] = {"name": name, "description": description}
    if print_xml or memspec is not None or diskspec:
        said = {"xml": _written(name, description, memspec, diskspec)}
    if print_xml:
        return printed(said["xml"])
    return act(asked, domain, "snapshot-create", {**said, **flags}, Ending(_created()))


def _written(name: str | None, description: str | None, memspec: str | None, diskspecs: Sequence[str]) -> str:
    from domain_model import snapshot_specs, snapshot_xml

    memory = None if memspec is None else snapshot_specs.memory_of(memspec)
    return snapshot_xml.build(name, description, memory, [snapshot_specs.disk_of(spec) for spec in diskspecs])


def _created(files: Sequence[str] = ()) -> Callable[[Operation], None]:
    def done(operation: Operation) -> None:
        for name, file in zip_longest(_names(operation), files):
            source = "" if file is None else f" from '{file}'"
            output.say(output.printable(f"Domain snapshot {name} created{source}"))

    return done


def _names(operation: Operation) -> list[str]:
    """The snapshots an operation made."""
    result, arguments = operation.get("result") or {}, operation.get("arguments") or {}
    redefined = [str(entry["name"]) for entry in arguments.get("snapshots", ())]
    return redefined or [str(result.get("snapshot") or arguments.get("name"))]


@verb(
    "snapshot-revert",
    DOMAIN,
    SNAPSHOT_OR_CURRENT,
    options=[
        current_option(),
        flag("running", "Run the domain afterwards, whatever it did in the snapshot."),
        flag("paused", "Pause the domain afterwards, whatever it did in the snapshot."),
        flag("force", "Even where that is risky (error 77 without)."),
        flag("reset-nvram", "Make the firmware's variables anew from their template."),
        plan_flag(),
    ],
)
def snapshot_revert(asked: Asked, *, domain: str, snapshotname: str | None, current: bool, **flags: bool) -> int:
    """Put a domain back to a snapshot."""

    def ending(name: str) -> Ending:
        return Ending(lambda _: output.message(f"Domain snapshot {name} reverted"), f"Failed to revert snapshot {name}")

    return _act_on(asked, domain, "snapshot-revert", (snapshotname, current), flags, ending)


@verb(
    "snapshot-delete",
    DOMAIN,
    SNAPSHOT_OR_CURRENT,
    options=[
        current_option(),
        flag("children", "All snapshots below it as well."),
        flag("children-only", "The snapshots below it, and not itself."),
        flag("metadata", "The metadata only; what is in the disks stays."),
        plan_flag(),
    ],
)
def snapshot_delete(asked: Asked, *, domain: str, snapshotname: str | None, current: bool, **flags: bool) -> int:
    """Delete a snapshot."""
    words = "children deleted" if flags["children_only"] else "deleted"

    def ending(name: str) -> Ending:
        return Ending(lambda _: output.message(f"Domain snapshot {name} {words}"), f"Failed to delete snapshot {name}")

    return _act_on(asked, domain, "snapshot-delete", (snapshotname, current), flags, ending)


@verb("snapshot-undelete", DOMAIN, SNAPSHOT)
def snapshot_undelete(asked: Asked, *, domain: str, snapshotname: str) -> int:
    """Bring back the metadata of a snapshot that was deleted with --metadata, as it was, and below it what was."""

    def done(_: Operation) -> None:
        output.message(f"Domain snapshot {snapshotname} undeleted")
        note_doubt(Door(asked), Reference.of(domain), snapshotname)

    ending = Ending(done, f"Failed to undelete snapshot {snapshotname}")
    return act(asked, domain, "snapshot-undelete", {"name": snapshotname}, ending)


def _act_on(
    asked: Asked,
    domain: str,
    verb_name: str,
    named: tuple[str | None, bool],
    flags: Mapping[str, bool],
    ending: Callable[[str], Ending],
) -> int:
    """Ask for a verb on the snapshot that is named, or with ``--current`` on the current one; or for its plan."""
    door, reference, (name, current) = Door(asked), Reference.of(domain), named
    check_one_named(name, current=current)
    before = door.asked_before(reference, verb_name) if current else None
    if before is not None:
        return tell(door, before, ending(before["arguments"]["name"]))
    meant = one_named(door, reference, name, current=current)
    arguments = {"name": meant, **flags}
    if arguments.pop("plan"):
        return plan(asked, domain, verb_name, arguments)
    return act(asked, domain, verb_name, arguments, ending(meant))
