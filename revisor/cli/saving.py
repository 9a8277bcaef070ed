"""The verbs that write a running guest to a file, and let it go on from there, as virsh has them.

Files are on the domain's host. As with virsh, a relative name counts from the folder the command is given in.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from domain_model.libvirt import DUMP_FORMATS
from revisor.cli import output
from revisor.cli.archiving import restore_backup
from revisor.cli.asking import Door, Ending, Reference, act, act_of, request, tell
from revisor.cli.failures import Exit
from revisor.cli.files import read_text
from revisor.cli.verb import (
    DOMAIN,
    ON_RECORD,
    WAITING,
    Asked,
    BadValue,
    Word,
    exclusive,
    flag,
    is_given,
    key_of,
    not_empty,
    option,
    verb,
)
from revisor.client import Operation, Unreachable, segment

FILE = Word("file", "FILE")
_FILE_OR_FOLDER = Word("file", "FILE|DIR")


def _saving() -> list[click.Option]:
    return [
        flag("bypass-cache", "Write past the host's file cache."),
        flag("running", "Let it run when it goes on, whatever it does now."),
        flag("paused", "Leave it paused when it goes on, whatever it does now."),
    ]


def _verbose() -> click.Option:
    return flag("verbose", "Show the progress; on a terminal that is done anyway.")


def _definition() -> click.Option:
    return option("xml", "FILE", "Its XML from then on, from a file here.")


def _on_host(file: str) -> str:
    return str(Path(not_empty("file", file, "the path of a file on the host")).absolute())


def _read(file: str | None) -> str | None:
    return None if file is None else read_text(file)


@verb("save", DOMAIN, FILE, options=[*_saving(), _definition(), _verbose()])
def save(asked: Asked, *, domain: str, file: str, xml: str | None, **flags: bool) -> int:
    """Stop a running domain and keep its memory in a file on its host."""
    del flags["verbose"]

    def done(operation: Operation) -> None:
        output.say()
        output.message(f"Domain '{operation['domain']}' saved to {file}")

    ending = Ending(done, f"Failed to save domain '{domain}' to {file}")
    return act(asked, domain, "save", {"file": _on_host(file), "xml": _read(xml), **flags}, ending)


@verb(
    "restore",
    _FILE_OR_FOLDER,
    options=[
        option("host", "NAME", "The host the file is on; needed where there is more than one."),
        flag("bypass-cache", "Read past the host's file cache."),
        flag("running", "Let it run, whatever it did when it was saved."),
        flag("paused", "Leave it paused, whatever it did when it was saved."),
        flag("reset-nvram", "Make the firmware's variables anew from their template."),
        _definition(),
        flag("without-secrets", "Of a backup: leave its secrets out, as when the master key is lost."),
    ],
)
def restore(asked: Asked, *, file: str, host: str | None, xml: str | None, without_secrets: bool, **flags: bool) -> int:
    """Let a domain go on that was saved to a file. The file stays.

    Given a folder that 'revisor backup' made: make an empty Revisor the one that was backed up.
    """
    exclusive({"host": host, "without_secrets": without_secrets}, ("host", "without-secrets"))
    not_empty("file", file, "the folder that 'revisor backup' made, or the path of a file on a host")
    if _is_folder(file) and (host is None or _is_of_backup(f"{file}/{_archive()}")):
        _check_alone({"host": host, "xml": xml, **flags}, file)
        return restore_backup(asked, Path(file), without_secrets=without_secrets)
    if without_secrets or (host is None and _is_of_backup(file)):
        raise BadValue(
            f"a backup is restored from its folder, and '{file}' is no folder here",
            field="file",
            value=file,
            accepted="the folder that 'revisor backup' made",
        )
    on = _only_host(asked, file) if host is None else host
    body = act_of("restore", {"file": _on_host(file), "xml": _read(xml), **flags})
    ending = Ending(lambda _: output.message(f"Domain restored from {file}"), f"Failed to restore domain from {file}")
    return request(asked, f"/v1/hosts/{segment(on)}/restore", body, ending)


def _check_alone(given: Mapping[str, object], folder: str) -> None:
    """Refuse what means nothing where a backup is restored, also of what any verb may be told."""
    typed = click.get_current_context().params
    told = {**given, **{name: typed[key_of(name)] for name in (*WAITING, *ON_RECORD)}}
    for name, value in told.items():
        if is_given(value):
            raise BadValue(
                f"--{name.replace('_', '-')} is of a domain, and '{folder}' is a folder",
                field=name,
                value=folder,
                accepted="a folder alone, or with --without-secrets",
            )


def _is_folder(file: str) -> bool:
    return os.path.isdir(file)  # noqa: PTH112  pathlib raises where a person may not look, and the host's file may be there


def _is_of_backup(file: str) -> bool:
    return Path(file).name == _archive() and os.path.exists(file)  # noqa: PTH110  as above


def _archive() -> str:
    from revisor.backups import ARCHIVE

    return ARCHIVE


def _only_host(asked: Asked, file: str) -> str:
    try:
        hosts = Door(asked).read("/v1/hosts").body["items"]
    except Unreachable as away:
        # A backup is restored while Revisor is down, so it may well be one that was meant.
        raise Unreachable(f"{away}; if a backup was meant, no folder '{file}' is here") from away
    names: list[str] = [host["name"] for host in hosts]
    if not names:
        raise BadValue(
            f"no folder '{file}' is here, and there is no host on which a domain could go on",
            field="file",
            value=file,
            accepted="the folder that 'revisor backup' made, or a file on a host that was added",
        )
    if len(names) != 1 and not Path(file).is_absolute():
        raise BadValue(
            f"'{file}' is no folder of a backup here; if it is a domain's file, there are {len(names)} hosts, and --host is"
            " needed",
            field="host",
            value="",
            accepted="the folder that 'revisor backup' made, or the absolute path of a domain's file and --host with one of "
            + ", ".join(names),
        )
    if len(names) != 1:
        raise BadValue(
            f"Option --host is needed: there are {len(names)} hosts", field="host", value="", accepted=", ".join(names)
        )
    return names[0]


@verb("managedsave", DOMAIN, options=[*_saving(), _verbose()])
def managedsave(asked: Asked, *, domain: str, **flags: bool) -> int:
    """Stop a running domain and keep its memory; the next start goes on from there."""
    del flags["verbose"]

    def done(operation: Operation) -> None:
        output.say()
        output.message(f"Domain '{operation['domain']}' state saved by libvirt")

    return act(asked, domain, "managedsave", flags, Ending(done, f"Failed to save domain '{domain}' state"))


@verb("managedsave-remove", DOMAIN)
def managedsave_remove(asked: Asked, *, domain: str) -> int:
    """Forget what managedsave kept: the next start boots anew."""
    door, reference = Door(asked), Reference.of(domain)
    ending = Ending(_removed, f"Failed to remove managed save image for domain '{domain}'")
    before = door.asked_before(reference, "managedsave-remove")
    if before is not None:
        return tell(door, before, ending)
    if not door.one(reference)["managed_save"]:
        return _nothing_saved(door, reference)
    return act(asked, domain, "managedsave-remove", {}, ending)


def _removed(operation: Operation) -> None:
    output.say(f"Removed managedsave image for domain '{output.printable(operation['domain'])}'")


def _nothing_saved(door: Door, reference: Reference) -> int:
    if door.as_json:
        output.json_text({**door.read_of(reference).body, "kind": "operations", "items": []})
    else:
        output.say(f"Domain '{output.printable(reference.name)}' has no manage save image; removal skipped")
    return Exit.DONE


@verb(
    "dump",
    DOMAIN,
    FILE,
    options=[
        flag("live", "Do not pause the guest meanwhile."),
        flag("crash", "End the domain afterwards, as crashed."),
        flag("bypass-cache", "Write past the host's file cache."),
        flag("reset", "Reset the domain afterwards."),
        flag("memory-only", "Write the guest's memory only."),
        option("format", "FORMAT", f"With --memory-only: {', '.join(DUMP_FORMATS)}."),
        _verbose(),
    ],
)
def dump(asked: Asked, *, domain: str, file: str, **given: Any) -> int:
    """Write a guest's memory to a file on its host, for analysis."""
    del given["verbose"]
    _check_format(given["format"], memory_only=given["memory_only"])

    def done(operation: Operation) -> None:
        output.say()
        output.message(f"Domain '{operation['domain']}' dumped to {file}")

    ending = Ending(done, f"Failed to core dump domain '{domain}' to {file}")
    return act(asked, domain, "dump", {"file": _on_host(file), **given}, ending)


def _check_format(form: str | None, *, memory_only: bool) -> None:
    """virsh's own refusals."""
    if form is None:
        return
    if not memory_only:
        raise click.UsageError("--format only works with --memory-only")
    if form not in DUMP_FORMATS:
        raise BadValue(
            f"format '{form}' is not supported, expecting 'kdump-zlib', 'kdump-lzo', 'kdump-snappy', 'win-dmp' or 'elf'",
            field="format",
            value=form,
            accepted=", ".join(DUMP_FORMATS),
        )
