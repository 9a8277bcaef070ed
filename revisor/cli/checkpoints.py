"""The verbs of checkpoints and backups, as virsh has them."""

from collections.abc import Sequence
from typing import Any

import click

from revisor.cli import moment_trees, output
from revisor.cli.asking import Door, Ending, Reference, act
from revisor.cli.documents import part_options, printed, show
from revisor.cli.failures import Exit, fail, refusal
from revisor.cli.files import read_text
from revisor.cli.verb import DOMAIN, Asked, Word, flag, not_offered, required, verb
from revisor.client import Operation, Refusal, segment

CHECKPOINT = Word("checkpointname", "CHECKPOINT")
_NO_CHECKPOINT = 103


def _created(source: str = "") -> Ending:
    def done(operation: Operation) -> None:
        arguments, result = operation.get("arguments") or {}, operation.get("result") or {}
        name = str(result.get("checkpoint") or arguments.get("name"))
        output.say(f"Domain checkpoint {output.printable(name)} created{output.printable(source)}")

    return Ending(done)


@verb(
    "checkpoint-create",
    DOMAIN,
    Word("xmlfile", "FILE", required=False),
    options=[
        flag("redefine", "Re-create the metadata of a checkpoint from its XML, touching no disk."),
        flag("redefine-validate", "With --redefine: only if its bitmaps are in the disks."),
        flag("quiesce", "Freeze the guest's file systems meanwhile."),
    ],
)
def checkpoint_create(asked: Asked, *, domain: str, xmlfile: str | None, **flags: bool) -> int:
    """Create a checkpoint, or with --redefine its metadata, from XML."""
    required(flags, "redefine", by="redefine-validate")
    arguments = {"xml": None if xmlfile is None else read_text(xmlfile), **flags}
    return act(asked, domain, "checkpoint-create", arguments, _created("" if xmlfile is None else f" from '{xmlfile}'"))


@verb(
    "checkpoint-create-as",
    DOMAIN,
    Word("name", "NAME", required=False),
    Word("description", "DESCRIPTION", required=False),
    Word("diskspec", "DISKSPEC", required=False, many=True),
    options=[
        flag("print-xml", "Print its XML, and create nothing."),
        flag("quiesce", "Freeze the guest's file systems meanwhile."),
    ],
)
def checkpoint_create_as(
    asked: Asked,
    *,
    domain: str,
    name: str | None,
    description: str | None,
    diskspec: Sequence[str],
    print_xml: bool,
    quiesce: bool,
) -> int:
    """Create a checkpoint with a name and a description, of all disks or of those that are named.

    A DISKSPEC is DISK[,checkpoint=bitmap|no][,bitmap=NAME]. A comma that belongs to a name is written twice.
    """
    from domain_model import checkpoint_xml, snapshot_specs  # not every verb needs them, and start-up is measured

    xml = checkpoint_xml.build(name, description, [snapshot_specs.checkpoint_disk_of(spec) for spec in diskspec])
    if print_xml:
        return printed(xml)
    return act(asked, domain, "checkpoint-create", {"xml": xml, "quiesce": quiesce}, _created())


@verb(
    "checkpoint-list",
    DOMAIN,
    fresh=True,
    options=moment_trees.list_options("CHECKPOINT", "--from"),
)
def checkpoint_list(asked: Asked, *, domain: str, **given: Any) -> int:
    """List a domain's checkpoints."""
    moment_trees.refuse_together(given)
    if given["descendants"] and given["from"] is None:
        raise click.UsageError("--descendants requires --from")
    door = Door(asked)
    reply = door.read_of(Reference.of(domain), "/checkpoints")
    start = moment_trees.start_of(reply.body["items"], given["from"], lambda: _not_there(given["from"]))
    items = moment_trees.chosen(reply.body["items"], start, given)
    if door.as_json:
        output.json_text({**reply.body, "items": items})
    elif given["tree"]:
        moment_trees.print_tree(items, start)
    elif given["name"]:
        moment_trees.print_names(items)
    else:
        moment_trees.print_table(items, with_parent=given["parent"])
    return Exit.DONE


def _not_there(name: str) -> Refusal:
    sentence = f"Domain checkpoint not found: no domain checkpoint with matching name '{name}'"
    return refusal(_NO_CHECKPOINT, sentence, field="checkpoint", value=name)


@verb("checkpoint-info", DOMAIN, CHECKPOINT, fresh=True)
def checkpoint_info(asked: Asked, *, domain: str, checkpointname: str) -> int:
    """Show what a checkpoint is."""
    door, reference = Door(asked), Reference.of(domain)
    reply = door.read_of(reference, f"/checkpoints/{segment(checkpointname)}")
    if door.as_json:
        output.json_text(reply.body)
        return Exit.DONE
    item = reply.body["items"][0]
    everything = door.read_of(reference, "/checkpoints").body["items"]
    output.pairs(
        [
            ("Name", item["name"]),
            ("Domain", item.get("domain", reference.name)),
            ("Parent", item["parent"]),
            ("Children", len(item["children"])),
            ("Descendants", len(moment_trees.below(item["name"], everything))),
        ]
    )
    return Exit.DONE


@verb("checkpoint-parent", DOMAIN, CHECKPOINT, fresh=True)
def checkpoint_parent(asked: Asked, *, domain: str, checkpointname: str) -> int:
    """Show which checkpoint is the parent of one."""
    door = Door(asked)
    reply = door.read_of(Reference.of(domain), f"/checkpoints/{segment(checkpointname)}")
    item = reply.body["items"][0]
    if item["parent"] is None:
        words = refusal(
            _NO_CHECKPOINT,
            f"Domain checkpoint not found: checkpoint '{checkpointname}' does not have a parent",
            field="checkpointname",
            value=checkpointname,
        )
        return fail(words, as_json=door.as_json, first=f"checkpoint '{checkpointname}' has no parent")
    if door.as_json:
        output.json_text(reply.body)
    else:
        output.say(output.printable(item["parent"]))
    return Exit.DONE


@verb(
    "checkpoint-dumpxml",
    DOMAIN,
    CHECKPOINT,
    fresh=True,
    options=[
        flag("security-info", "Show passwords too; this goes on record."),
        flag("no-domain", "Leave the domain's definition out."),
        not_offered("size", "how much a backup would copy changes all the time, and nobody looks"),
        *part_options(),
    ],
)
def checkpoint_dumpxml(
    asked: Asked, *, domain: str, checkpointname: str, xpath: str | None, wrap: bool, **flags: bool
) -> int:
    """Show a checkpoint's XML."""
    door, reference = Door(asked), Reference.of(domain)
    reply = door.xml_of(reference, f"/checkpoints/{segment(checkpointname)}/xml", **flags)
    item = {"domain": reference.name, "name": checkpointname}
    return show(door, reply, "checkpoint-dumpxml", item, xpath, wrap=wrap)


@verb("checkpoint-edit", DOMAIN, CHECKPOINT)
def checkpoint_edit(asked: Asked, *, domain: str, checkpointname: str) -> int:
    """Change a checkpoint's metadata in $EDITOR. It shows passwords, which goes on record."""
    from domain_model import checkpoint_xml  # not every verb needs them
    from revisor.cli.editing import edit, written_name

    reference = Reference.of(domain)
    path = f"/checkpoints/{segment(checkpointname)}/xml"
    before = Door(asked).xml_of(reference, path, security_info=True).text

    def take(text: str) -> int:
        written = written_name(text, checkpoint_xml.read, otherwise=checkpointname)
        if written != checkpointname:
            raise _other_name(checkpointname, written)
        ending = Ending(lambda _: output.message(f"Checkpoint {checkpointname} edited."))
        return act(asked, domain, "checkpoint-create", {"xml": text, "redefine": True}, ending)

    return edit(asked, before, take, unchanged=f"Checkpoint {checkpointname} XML configuration not changed.")


def _other_name(name: str, written: str) -> Refusal:
    """libvirt would make a second checkpoint of it."""
    sentence = f"invalid argument: cannot rename checkpoint {name} to {written}"
    return refusal(8, sentence, field="name", value=written, accepted=name)


@verb(
    "checkpoint-delete",
    DOMAIN,
    CHECKPOINT,
    options=[
        flag("children", "All checkpoints below it as well."),
        flag("children-only", "The checkpoints below it, and not itself."),
        flag("metadata", "The metadata only; what is in the disks stays."),
    ],
)
def checkpoint_delete(asked: Asked, *, domain: str, checkpointname: str, **flags: bool) -> int:
    """Delete a checkpoint; what it knew of changes goes to its parent."""
    words = "children deleted" if flags["children_only"] else "deleted"
    ending = Ending(
        lambda _: output.message(f"Domain checkpoint {checkpointname} {words}"),
        f"Failed to delete checkpoint {checkpointname}",
    )
    return act(asked, domain, "checkpoint-delete", {"name": checkpointname, **flags}, ending)


@verb(
    "backup-begin",
    DOMAIN,
    Word("backupxml", "FILE", required=False),
    Word("checkpointxml", "CHECKPOINT-FILE", required=False),
    options=[flag("reuse-external", "The files it copies to are there already.")],
)
def backup_begin(
    asked: Asked, *, domain: str, backupxml: str | None, checkpointxml: str | None, reuse_external: bool
) -> int:
    """Begin a backup of a running domain's disks. It goes on by itself; domjobabort ends it."""
    arguments = {
        "xml": None if backupxml is None else read_text(backupxml),
        "checkpoint_xml": None if checkpointxml is None else read_text(checkpointxml),
        "reuse_external": reuse_external,
    }
    return act(asked, domain, "backup-begin", arguments, Ending(lambda _: output.message("Backup started")))


@verb("backup-dumpxml", DOMAIN, fresh=True, options=part_options())
def backup_dumpxml(asked: Asked, *, domain: str, xpath: str | None, wrap: bool) -> int:
    """Show the XML of the backup that runs, as it was when it began."""
    door, reference = Door(asked), Reference.of(domain)
    reply = door.read_of(reference, "/backup/xml")
    return show(door, reply, "backup-dumpxml", {"domain": reference.name}, xpath, wrap=wrap)
