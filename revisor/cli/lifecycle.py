"""The verbs by which a domain comes to be, runs, stops and goes, as virsh has them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from revisor.cli import output
from revisor.cli.asking import Door, Ending, Reference, act, request
from revisor.cli.files import read_text
from revisor.cli.plans import plan, plan_flag
from revisor.cli.verb import DOMAIN, Asked, BadValue, Verb, Word, exclusive, flag, not_offered, option, verb
from revisor.client import Operation

FILE = Word("file", "FILE")
_MODES = ("acpi", "agent", "initctl", "signal", "paravirt")


def _host() -> click.Option:
    return option("host", "NAME", "The host to define it on.", required=True)


def _started_by_virsh_alone() -> list[click.Option]:
    """Options by which virsh ties a guest to its own process."""
    return [
        not_offered("console", "Revisor attaches no consoles"),
        not_offered("autodestroy", "a guest does not end with the one connection by which it was started"),
        not_offered("pass-fds", "files that are open here are not open on the domain's host", "N,M,..."),
    ]


@verb("define", FILE, options=[_host(), flag("validate", "Hold the XML against libvirt's schema first.")])
def define(asked: Asked, *, file: str, host: str, validate: bool) -> int:
    """Define a domain from an XML file, without starting it."""
    return _define(asked, file, {"host": host, "validate": validate})


@verb(
    "create",
    FILE,
    options=[
        _host(),
        flag("paused", "Leave the guest paused after it is started."),
        flag("validate", "Hold the XML against libvirt's schema first."),
        flag("reset-nvram", "Make the firmware's variables anew from their template."),
        *_started_by_virsh_alone(),
    ],
)
def create(asked: Asked, *, file: str, host: str, **flags: bool) -> int:
    """Create a transient domain from an XML file: it runs, and is gone when it stops."""
    return _define(asked, file, {"host": host, "transient": True, **flags})


def _define(asked: Asked, file: str, wanted: Mapping[str, Any]) -> int:
    verb_name, word = ("create", "created") if "transient" in wanted else ("define", "defined")

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' {word} from {file}")

    body = {"xml": read_text(file), **wanted}
    return request(asked, "/v1/domains", body, Ending(done, f"Failed to {verb_name} domain from {file}"))


@verb("edit", DOMAIN, options=[flag("skip-validate", "Do not hold the XML against libvirt's schema.")])
def edit(asked: Asked, *, domain: str, skip_validate: bool) -> int:
    """Change a domain's persistent definition in $EDITOR. It shows passwords, which goes on record."""
    from revisor.cli.editing import edit as edit_text

    door, reference = Door(asked), Reference.of(domain)
    before = door.xml_of(reference, "/xml", inactive=True, security_info=True).text
    host = door.one(reference)["host"]

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' XML configuration edited.")

    def take(text: str) -> int:
        body = {"xml": text, "host": host, "validate": not skip_validate}
        return request(asked, "/v1/domains", body, Ending(done))

    return edit_text(asked, before, take, unchanged=f"Domain '{reference.name}' XML configuration not changed.")


def _plain(
    name: str,
    words: str,
    done: str,
    options: Sequence[click.Option] = (),
    check: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Verb:
    """A verb that asks for one thing of one domain."""

    def function(asked: Asked, *, domain: str, **given: bool) -> int:
        def said(operation: Operation) -> None:
            output.message(f"Domain '{operation['domain']}' {done}")

        check(given)
        if given.pop("plan", False):
            return plan(asked, domain, name, given)
        return act(asked, domain, name, given, Ending(said, f"Failed to {name} domain '{domain}'"))

    function.__doc__ = words
    return verb(name, DOMAIN, options=options)(function)


def _check_undefine(given: Mapping[str, Any]) -> None:
    exclusive(given, ("nvram", "keep-nvram"), ("tpm", "keep-tpm"))


_NO_STORAGE = "Revisor removes no disks of a domain"

undefine = _plain(
    "undefine",
    "Remove a domain's persistent definition; a running domain becomes transient.",
    "has been undefined",
    [
        flag("managed-save", "Remove what was saved until the next start as well."),
        flag("snapshots-metadata", "Remove the metadata of its snapshots as well."),
        flag("checkpoints-metadata", "Remove the metadata of its checkpoints as well."),
        flag("nvram", "Remove the file with the firmware's variables as well."),
        flag("keep-nvram", "Keep the file with the firmware's variables."),
        flag("tpm", "Remove the state of its TPM as well."),
        flag("keep-tpm", "Keep the state of its TPM."),
        plan_flag(),
        not_offered("storage", _NO_STORAGE, "DISKS"),
        not_offered("remove-all-storage", _NO_STORAGE),
        not_offered("delete-storage-volume-snapshots", _NO_STORAGE),
        not_offered("wipe-storage", _NO_STORAGE),
    ],
    _check_undefine,
)
start = _plain(
    "start",
    "Start an inactive domain; one that was saved by managedsave goes on from there.",
    "started",
    [
        flag("paused", "Leave the guest paused after it is started."),
        flag("bypass-cache", "Read what was saved past the host's file cache."),
        flag("force-boot", "Boot anew, and throw away what was saved."),
        flag("reset-nvram", "Make the firmware's variables anew from their template."),
        *_started_by_virsh_alone(),
    ],
)
destroy = _plain(
    "destroy",
    "Stop a domain at once, as if its plug was pulled.",
    "destroyed",
    [
        flag("graceful", "Only if its hypervisor process ends when asked."),
        flag("remove-logs", "Remove its logs on the host as well."),
    ],
)
reset = _plain("reset", "Reset a domain, as by its reset button.", "was reset")
suspend = _plain("suspend", "Pause a running domain.", "suspended")
resume = _plain("resume", "Let a paused domain go on.", "resumed")


def _asking_the_guest(name: str, words: str, done: str) -> Verb:
    def function(asked: Asked, *, domain: str, mode: str | None) -> int:
        def said(operation: Operation) -> None:
            output.message(f"Domain '{operation['domain']}' {done}")

        flags = dict.fromkeys(_modes(mode), True)
        return act(asked, domain, name, flags, Ending(said, f"Failed to {name} domain '{domain}'"))

    function.__doc__ = words
    modes = option("mode", "MODE[,MODE...]", f"How to ask: {', '.join(_MODES)}; without it the hypervisor chooses.")
    return verb(name, DOMAIN, options=[modes])(function)


def _modes(text: str | None) -> list[str]:
    modes = [] if text is None else text.split(",")
    for mode in modes:
        if mode not in _MODES:
            raise BadValue(
                f"Unknown mode {mode} value, expecting 'acpi', 'agent', 'initctl', 'signal', or 'paravirt'",
                field="mode",
                value=mode,
                accepted=", ".join(_MODES),
            )
    return modes


shutdown = _asking_the_guest("shutdown", "Ask the guest to shut down.", "is being shutdown")
reboot = _asking_the_guest("reboot", "Ask the guest to reboot.", "is being rebooted")


@verb("autostart", DOMAIN, options=[flag("disable", "Do not start it with its host any more.")])
def autostart(asked: Asked, *, domain: str, disable: bool) -> int:
    """Have a domain started when its host starts."""
    mark = "unmark" if disable else "mark"

    def done(operation: Operation) -> None:
        output.message(f"Domain '{operation['domain']}' {mark}ed as autostarted")

    ending = Ending(done, f"Failed to {mark} domain '{domain}' as autostarted")
    return act(asked, domain, "autostart", {"disable": disable}, ending)


@verb("domrename", DOMAIN, Word("new-name", "NEW-NAME"))
def domrename(asked: Asked, *, domain: str, new_name: str) -> int:
    """Rename a domain that is off."""
    ending = Ending(lambda _: output.message("Domain successfully renamed"))
    return act(asked, domain, "domrename", {"name": new_name}, ending)
