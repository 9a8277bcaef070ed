"""The entry point of the command line: which verb is which function, and how everything that goes wrong ends.

A verb's module is imported when the verb is used: ``revisor list`` starts in the time that takes, and no more.
"""

import contextlib
import importlib
import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import click

from revisor.cli.failures import Exit, fail, fail_by, refusal
from revisor.cli.sections import (
    HOST_VERBS,
    OPERATION_VERBS,
    PROJECTION_VERBS,
    SCHEDULE_VERBS,
    SECTIONS,
    VERBS,
    Section,
    Table,
)
from revisor.cli.verb import OPERATION_ID, BadValue, context_options, is_given
from revisor.client import ClientError

_CLI = "revisor.cli"
_AN_ID = re.compile(r"[0-9a-fA-F]{8}[0-9a-fA-F-]*")
"""Of an operation, or as much of it as tells which."""
_GRAPHICS = "'dumpxml DOMAIN --xpath //graphics'"
_OF_VIRSH = {
    "change-media": "'update-device DOMAIN FILE'",
    "domdisplay": _GRAPHICS,
    "domjobinfo": "'operations DOMAIN', then 'operation ID'",
    "event": "'log DOMAIN'",
    "migrate": "'replay DOMAIN --to HOST', then 'handover DOMAIN --to HOST', while the domain is off",
    "version": "'--version'",
    "vncdisplay": _GRAPHICS,
}
"""What virsh has a word for that is here by another; docs/virsh-compatibility.md has all words that are not here."""


class Verbs(click.Group):
    """A group of verbs that are imported when they are used. Context options before a verb count for it too."""

    def __init__(self, name: str, sections: Sequence[Section], words: str, *, of_id: str | None = None) -> None:
        """``of_id`` is the verb that is meant where an id stands in place of one."""
        # click itself has a help option; here an unknown word is answered in virsh's words.
        super().__init__(name, help=words, params=list(context_options().values()), no_args_is_help=True)
        self._sections = sections
        self._table = {name: entry for section in sections for name, entry in section.verbs.items()}
        self._of_id = of_id
        self.callback = _remember

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{_CLI}.{module}"), name)
        return command

    def section(self, keyword: str) -> Section | None:
        """The section with that help keyword."""
        return next((section for section in self._sections if section.keyword == keyword), None)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error  # click would make it an exit with 1

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self._of_id is not None and _AN_ID.fullmatch(args[0]):
            args = [self._of_id, *args]
        if args and not args[0].startswith("-") and args[0] not in self._table:
            raise self._unknown(args[0], ctx)
        return super().resolve_command(ctx, args)

    def _unknown(self, word: str, ctx: click.Context) -> click.UsageError:
        """The verbs of a group are few, and named; of all verbs only the nearest is."""
        words = f"unknown command: '{word}'{_nearest(word, self._table)}"
        if ctx.parent is None:
            return click.UsageError(words, ctx)
        accepted = ", ".join([*self._table, *([] if self._of_id is None else [OPERATION_ID])])
        return BadValue(words, field="verb", value=word, accepted=accepted)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        """The table, without importing what is in it."""
        for section in self._sections:
            write_section(formatter, section)


def _nearest(word: str, verbs: Iterable[str]) -> str:
    """What may be meant by a word that is no verb, to be said behind that; nothing where nobody can tell."""
    if word in _OF_VIRSH:
        return f"; here that is {_OF_VIRSH[word]}"

    from difflib import get_close_matches  # only who mistypes needs it, and start-up is measured

    return "".join(f"; did you mean '{verb}'?" for verb in get_close_matches(word, verbs, n=1))


def write_section(formatter: click.HelpFormatter, section: Section) -> None:
    with formatter.section(section.heading):
        formatter.write_dl([(name, words) for name, (_, words) in section.verbs.items()])


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


def _group(name: str, table: Table, words: str, *, of_id: str | None = None) -> Verbs:
    return Verbs(name, [Section("", "Verbs", table)], words, of_id=of_id)


host = _group("host", HOST_VERBS, "The hosts whose hypervisors Revisor leads.")
operation = _group("operation", OPERATION_VERBS, "What was asked for, and waits or is unknown.", of_id="follow")
projections = _group("projections", PROJECTION_VERBS, "The read models that answer questions.")
schedule = _group("schedule", SCHEDULE_VERBS, "Schedules, by which snapshots are taken and let go of.")
revisor = Verbs("revisor", SECTIONS, "Revisor: virtual machines whose every change is on record. Verbs are virsh's.")
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
@click.argument("words", nargs=-1, metavar="[VERB|KEYWORD]")
@click.pass_context
def help_on(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show how a verb is used, or the verbs of a section."""
    context, command = ctx.find_root(), ctx.find_root().command
    section = revisor.section(words[0]) if len(words) == 1 and words[0] not in VERBS else None
    if section is not None:
        formatter = context.make_formatter()
        write_section(formatter, section)
        click.echo(formatter.getvalue().rstrip())
        return
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            nearest = _nearest(word, command.list_commands(context)) if isinstance(command, click.Group) else ""
            raise click.UsageError(f"command or command group '{' '.join(words)}' doesn't exist{nearest}")
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
        details = error.details if isinstance(error, BadValue) else {}
        fail(refusal(8, _usage_words(error), **details), as_json=as_json)
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
    """virsh's words for what it refuses of its words and options."""
    context = getattr(error, "ctx", None)
    command = None if context is None else context.info_name
    match error:
        case click.NoSuchOption():
            return f"command '{command}' doesn't support option {error.option_name}"
        case click.MissingParameter(param=click.Option() as missing):
            return f"command '{command}' requires {missing.opts[0]} option"
        case click.BadOptionUsage() if "requires" in error.message:
            return f"expected syntax: {error.option_name} <value>"
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
