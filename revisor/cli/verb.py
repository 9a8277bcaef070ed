"""What a verb of the command line is: virsh's way with words and options, and the context options on every one.

In virsh a verb's words may also be given as options (``start web`` is ``start --domain web``), so here every word is an
option as well, and the words that come without one fill what is left in order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from revisor.cli.failures import refusal

DEFAULT_WAIT_S = 60.0

WAITING = ("wait", "no-wait")
"""What means nothing to a verb that is over when it returns."""
ON_RECORD = ("reason", "ticket", "request-id")
"""What means nothing to a verb that records nothing."""

OPERATION_ID = "an id of 'revisor operations', or its first 8 digits or more"
"""What is accepted as the id of an operation."""

_REST = "words"
_TO_CONTEXT = ("reason", "ticket", "request_id", "output", "wait", "no_wait", "fresh")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a verb. ``metavar`` is what it is called in the help, ``option`` how virsh names it."""

    option: str
    metavar: str
    required: bool = True
    many: bool = False
    """All words that are left; as an option it may be given several times."""


DOMAIN = Word("domain", "DOMAIN")


class BadValue(click.UsageError):
    """A value that makes no sense, refused before anything is asked."""

    def __init__(self, message: str, *, field: str, value: str, accepted: str) -> None:
        super().__init__(message)
        self.details = {"field": field, "value": value, "accepted": accepted}


def flag(name: str, words: str) -> click.Option:
    return click.Option([f"--{name}"], is_flag=True, help=words)


def option(
    name: str, metavar: str, words: str, *, required: bool = False, kind: Any = str, several: bool = False
) -> click.Option:
    return click.Option([f"--{name}"], metavar=metavar, help=words, required=required, type=kind, multiple=several)


def not_offered(name: str, why: str, metavar: str | None = None) -> click.Option:
    """An option that virsh has and we refuse, with a sentence instead of "doesn't support option"."""

    def refuse(_context: click.Context, _option: click.Parameter, value: object) -> None:
        if is_given(value):
            raise refusal(3, f"this function is not supported by Revisor: --{name}: {why}", field=name)

    return click.Option(
        [f"--{name}"],
        is_flag=metavar is None,
        metavar=metavar,
        expose_value=False,
        callback=refuse,
        help=f"Not supported: {why}.",
    )


def exclusive(given: Mapping[str, Any], *pairs: tuple[str, str]) -> None:
    """virsh's refusal of options that exclude one another, which comes before anything is asked."""
    for one, other in pairs:
        if is_given(given[key_of(one)]) and is_given(given[key_of(other)]):
            raise click.UsageError(f"Options --{one} and --{other} are mutually exclusive")


def required(given: Mapping[str, Any], needed: str, by: str) -> None:
    """virsh's refusal of an option without the one it needs."""
    if is_given(given[key_of(by)]) and not is_given(given[key_of(needed)]):
        raise click.UsageError(f"Option --{needed} is required by option --{by}")


def not_empty(field: str, value: str, accepted: str) -> str:
    """The value. Raises BadValue for an empty one, which would mean the current folder, or everything."""
    if not value:
        raise BadValue("Option argument is empty", field=field, value=value, accepted=accepted)
    return value


def key_of(option: str) -> str:
    """What the value of an option is called in a function."""
    return option.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Asked:
    """The context options of one command line."""

    reason: str | None
    ticket: str | None
    request_id: str | None
    output: str
    wait_s: float | None
    """How long to wait for an operation; None: as long as it takes."""
    no_wait: bool
    fresh: bool


class Verb(click.Command):
    """One verb. Its function is called with ``Asked`` and its own words and options, and returns the exit code."""

    def __init__(
        self,
        name: str,
        *,
        function: Callable[..., int],
        words: Sequence[Word],
        options: Sequence[click.Option],
        wait_s: float | None,
        lacking: Sequence[str],
    ) -> None:
        self.words = words
        self._wait_s = wait_s
        # On some verbs --reason is virsh's.
        self._takes_reason = all(parameter.name != "reason" for parameter in options)
        lacking = lacking if self._takes_reason else (*lacking, "reason")
        super().__init__(
            name,
            callback=function,
            help=function.__doc__,
            params=[
                *options,
                *(_word_option(word) for word in words),
                *(given for name, given in context_options().items() if name not in lacking),
                click.Argument([_REST], nargs=-1),
            ],
        )

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        words = [_usage(word) for word in self.words]
        return [*words, *(["[OPTIONS]"] if self.params else [])]

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Words are in the usage line already."""

    def invoke(self, ctx: click.Context) -> int:
        params = dict(ctx.params)
        self._fill(params, list(params.pop(_REST)))
        given = {key: params.pop(key) for key in _TO_CONTEXT if key in params and self._is_context(key)}
        earlier: Mapping[str, Any] = ctx.obj or {}
        merged = {**earlier, **{key: value for key, value in given.items() if is_given(value)}}
        assert self.callback is not None
        return int(self.callback(self._asked(merged), **params))

    def _is_context(self, key: str) -> bool:
        return key != "reason" or self._takes_reason

    def _asked(self, said: Mapping[str, Any]) -> Asked:
        wait_s = said.get("wait")
        return Asked(
            reason=said.get("reason"),
            ticket=said.get("ticket"),
            request_id=None if said.get("request_id") is None else str(said["request_id"]),
            output=said.get("output") or "table",
            wait_s=self._wait_s if wait_s is None else wait_s,
            no_wait=bool(said.get("no_wait")),
            fresh=bool(said.get("fresh")),
        )

    def _fill(self, params: dict[str, Any], rest: list[str]) -> None:
        for word in self.words:
            key = key_of(word.option)
            if word.many:
                params[key] = [*params[key], *rest]
                rest = []
            elif rest and params.get(key) is None:
                params[key] = rest.pop(0)
            if word.required and params[key] in (None, []):
                raise click.UsageError(f"command '{self.name}' requires <{word.option}> option")
        if rest:
            raise click.UsageError(f"unexpected data '{rest[0]}'")


def is_given(value: object) -> bool:
    """Whether an option was there. 0 and "" are values, an absent flag is none, nor is nothing of many."""
    return value is not None and value is not False and value not in ((), [])


def verb(
    name: str,
    *words: Word,
    options: Sequence[click.Option] = (),
    wait_s: float | None = DEFAULT_WAIT_S,
    fresh: bool = False,
    lacking: Sequence[str] = (),
) -> Callable[[Callable[..., int]], Verb]:
    """Make a function a verb. ``fresh`` for those that answer from the last look at the hosts and can have another one
    first, ``wait_s`` how long those wait by default that become operations, ``lacking`` the context options that mean
    nothing to it and are refused behind it.
    """
    lacking = lacking if fresh else (*lacking, "fresh")

    def made(function: Callable[..., int]) -> Verb:
        return Verb(name, function=function, words=words, options=options, wait_s=wait_s, lacking=lacking)

    return made


def _word_option(word: Word) -> click.Option:
    return click.Option([f"--{word.option}"], metavar=word.metavar, hidden=True, multiple=word.many)


def _usage(word: Word) -> str:
    shown = f"{word.metavar}..." if word.many else word.metavar
    return shown if word.required else f"[{shown}]"


class _Seconds(click.FloatRange):
    name = "number of seconds"


def context_options() -> dict[str, click.Option]:
    """The options that every verb has to which they mean something, by name."""
    return {
        "reason": option("reason", "TEXT", "Why: it goes on record with what is done."),
        "ticket": option("ticket", "ID", "The ticket, change or incident this belongs to."),
        "request-id": option(
            "request-id", "UUID", "The same command again under the same id is the same operation.", kind=click.UUID
        ),
        "output": click.Option(["--output"], type=click.Choice(["table", "json"]), help="table, or one JSON document."),
        "wait": option(
            "wait",
            "SECONDS",
            "How long to wait for the outcome (60; replay and operation follow: no limit).",
            kind=_Seconds(min=0),
        ),
        "no-wait": flag("no-wait", "Print the operation's id and do not wait."),
        "fresh": flag("fresh", "Look at the hosts first, instead of answering from the last look."),
    }
