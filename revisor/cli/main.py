"""The entry point of the command line: which verb is which function, and how everything that goes wrong ends.

A verb's module is imported when the verb is used: ``revisor list`` starts in the time that takes, and no more.
"""

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click

from revisor.cli.failures import Exit, fail, fail_by, refusal
from revisor.cli.verb import context_options, is_given
from revisor.client import ClientError

Table = Mapping[str, tuple[str, str]]

_CLI = "revisor.cli"

VERBS: Table = {
    "list": (f"{_CLI}.domains:list_domains", "list domains"),
    "dominfo": (f"{_CLI}.domains:dominfo", "show what a domain is"),
    "domstate": (f"{_CLI}.domains:domstate", "show a domain's state"),
    "dumpxml": (f"{_CLI}.domains:dumpxml", "show a domain's XML"),
    "define": (f"{_CLI}.domains:define", "define a domain from an XML file"),
    "create": (f"{_CLI}.domains:create", "create a transient domain from an XML file"),
    "undefine": (f"{_CLI}.domains:undefine", "remove a domain's definition"),
    "start": (f"{_CLI}.domains:start", "start an inactive domain"),
    "shutdown": (f"{_CLI}.domains:shutdown", "ask a guest to shut down"),
    "destroy": (f"{_CLI}.domains:destroy", "stop a domain at once"),
    "suspend": (f"{_CLI}.domains:suspend", "pause a running domain"),
    "resume": (f"{_CLI}.domains:resume", "let a paused domain go on"),
    "reboot": (f"{_CLI}.domains:reboot", "ask a guest to reboot"),
    "snapshot-create": (f"{_CLI}.snapshots:snapshot_create", "create a snapshot from XML"),
    "snapshot-create-as": (f"{_CLI}.snapshots:snapshot_create_as", "create a snapshot from a name"),
    "snapshot-list": (f"{_CLI}.snapshots:snapshot_list", "list a domain's snapshots"),
    "snapshot-info": (f"{_CLI}.snapshots:snapshot_info", "show what a snapshot is"),
    "snapshot-dumpxml": (f"{_CLI}.snapshots:snapshot_dumpxml", "show a snapshot's XML"),
    "snapshot-current": (f"{_CLI}.snapshots:snapshot_current", "show or set the current snapshot"),
    "snapshot-revert": (f"{_CLI}.snapshots:snapshot_revert", "put a domain back to a snapshot"),
    "snapshot-delete": (f"{_CLI}.snapshots:snapshot_delete", "delete a snapshot"),
    "replay": (f"{_CLI}.replication:replay", "make or refresh a replica on another host"),
    "handover": (f"{_CLI}.replication:handover", "make a replica the owner"),
    "log": (f"{_CLI}.history:log", "show what happened to a domain"),
    "operations": (f"{_CLI}.history:operations", "list operations"),
    "host": (f"{_CLI}.main:host", "hosts: add, list, set-uri, remove"),
    "projections": (f"{_CLI}.main:projections", "read models: list, rebuild"),
    "up": (f"{_CLI}.server:up", "run Revisor"),
    "down": (f"{_CLI}.server:down", "stop Revisor"),
    "serve": (f"{_CLI}.server:serve", "run the HTTP API alone"),
    "worker": (f"{_CLI}.server:worker", "run the agent of one host alone"),
    "projector": (f"{_CLI}.server:projector", "run the projector alone"),
    "help": (f"{_CLI}.main:help_on", "show how a verb is used"),
}
_HOST_VERBS: Table = {
    "add": (f"{_CLI}.hosts:host_add", "lead a hypervisor under a name"),
    "list": (f"{_CLI}.hosts:host_list", "list the hosts"),
    "set-uri": (f"{_CLI}.hosts:host_set_uri", "reach a host under another URI"),
    "remove": (f"{_CLI}.hosts:host_remove", "forget a host"),
}
_PROJECTION_VERBS: Table = {
    "list": (f"{_CLI}.history:projections_list", "list the read models"),
    "rebuild": (f"{_CLI}.history:projections_rebuild", "rebuild a read model"),
}


class Verbs(click.Group):
    """A group of verbs that are imported when they are used. Context options before a verb count for it too."""

    def __init__(self, name: str, table: Table, words: str) -> None:
        # click itself has a help option; here an unknown word is answered in virsh's words.
        super().__init__(name, help=words, params=list(context_options().values()), no_args_is_help=True)
        self._table = table
        self.callback = _remember

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error  # click would make it an exit with 1

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self._table:
            raise click.UsageError(f"unknown command: '{args[0]}'", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        """The table, without importing what is in it."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, words) for name, (_, words) in self._table.items()])


class _ReaderGone(Exception):
    """Whoever reads what we print has enough."""


@click.pass_context
def _remember(ctx: click.Context, /, **options: Any) -> None:
    ctx.obj = {**(ctx.obj or {}), **{key: value for key, value in options.items() if is_given(value)}}


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  click's signature
    if wanted:
        from importlib.metadata import version

        click.echo(version("revisor"))
        ctx.exit()


host = Verbs("host", _HOST_VERBS, "The hosts whose hypervisors Revisor leads.")
projections = Verbs("projections", _PROJECTION_VERBS, "The read models that answer questions.")
revisor = Verbs("revisor", VERBS, "Revisor: virtual machines whose every change is on record. Verbs are virsh's.")
revisor.params.append(
    click.Option(
        ["--version", "-V"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_version,
        help="Show the version.",
    )
)


@click.command("help")
@click.argument("words", nargs=-1, metavar="[VERB]")
@click.pass_context
def help_on(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show how a verb is used."""
    context, command = ctx.find_root(), ctx.find_root().command
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            raise click.UsageError(f"command or command group '{' '.join(words)}' doesn't exist")
        context = click.Context(found, info_name=word, parent=context)
        command = found
    click.echo(command.get_help(context))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code. Nothing that goes wrong is a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot write a name is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(words, as_json=_wants_json(words))
        sys.stdout.flush()
    except (BrokenPipeError, _ReaderGone):
        # The interpreter flushes once more at its end, and must not complain.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE_CLOSED
    return code


def _run(words: list[str], *, as_json: bool) -> int:
    try:
        code = revisor.main(words, prog_name="revisor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return Exit.USAGE
    except click.ClickException as error:
        fail(refusal(8, _usage_words(error)), as_json=as_json)
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("error: interrupted\n")
        return Exit.INTERRUPTED
    except ClientError as error:
        return fail_by(error, as_json=as_json)
    except _ReaderGone:
        raise
    except Exception as error:  # noqa: BLE001  the promise of main
        return _other(error, as_json=as_json)
    return code if isinstance(code, int) else Exit.DONE


def _usage_words(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption) and context is not None:
        return f"command '{context.info_name}' doesn't support option {error.option_name}"
    return error.format_message()


def _other(error: Exception, *, as_json: bool) -> int:
    """A refusal by the house's own rules (of ``up`` and its like), or what nobody expected."""
    number, message = getattr(error, "number", None), getattr(error, "message", None)
    if isinstance(number, int) and isinstance(message, str):
        details = {key: getattr(error, key, None) for key in ("field", "value", "accepted")}
        return fail(refusal(number, message, **details), as_json=as_json)
    if os.environ.get("REVISOR_DEBUG"):
        raise error
    return fail(refusal(1, f"internal error: {type(error).__name__}: {error}"), as_json=as_json)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether errors are wanted as JSON too, told without click: it may be click that refuses."""
    return "--output=json" in words or any(word == "--output" and then == "json" for word, then in pairwise(words))
