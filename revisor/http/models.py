"""What may be asked for over HTTP: the bodies of requests.

A key that is not listed is refused and not passed over: a misspelt flag must not become an act without it. What a verb
takes stands in one table, ``domain_model.verbs``, and its model is made from there.
"""

from typing import Annotated, Any, Literal, Union
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, create_model

from domain_model.arguments import Kind, Spec
from domain_model.host import MOST_OPERATIONS
from domain_model.verbs import SPECS


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("text must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text must be UTF-8") from None
    return text


def _no_document(text: str) -> str:
    # A whole document where a name belongs must not be repeated in a refusal: it may hold a password.
    if text.lstrip().startswith("<"):
        raise ValueError("a name is expected, not XML")
    return text


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is expected")  # noqa: TRY004  pydantic hears ValueError
    return value


Xml = Annotated[str, PlainValidator(_any_text), WithJsonSchema({"type": "string"})]
"""Whatever its characters: the service refuses what is no XML, with libvirt's number 27 and on record."""

Text = Annotated[str, AfterValidator(_storable)]
Word = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_storable), AfterValidator(_no_document)]
"""A name or the like: never empty."""


Reason = Annotated[Text | None, Field(max_length=4096, description="Why, in the words of who asks.")]
Ticket = Annotated[Text | None, Field(max_length=256, description="The id of a ticket, change or incident.")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asked(_Closed):
    """What every change may carry, besides what it is about."""

    reason: Reason = None
    ticket: Ticket = None
    request_id: Annotated[
        UUID | None,
        Field(description="The same id with the same command gives the same operation; with another one, error 8."),
    ] = None


_ADOPTION = "Domains that nobody recorded there: all, to take them in as they are found, or none, to tell of them."


class NewHost(Asked):
    name: Word
    uri: Word
    adopt: Annotated[Word | None, Field(description=f"{_ADOPTION} Without it: none.")] = None


class HostUri(Asked):
    uri: Word


class HostRemoval(Asked):
    pass


class Cancellation(Asked):
    pass


class Settlement(Asked):
    outcome: Annotated[Literal["succeeded", "failed"], Field(alias="as", description="How it ended.")]
    evidence: Annotated[Text, Field(max_length=4096, description="What shows it, in the words of who looked.")]


class HostDisabling(Asked):
    """Refused (8) without a reason."""


class HostEnabling(Asked):
    pass


class HostLimit(Asked):
    operations: Annotated[int, Field(description=f"How many operations at once: 1 to {MOST_OPERATIONS}.")]


class HostAdoption(Asked):
    adopt: Annotated[Word, Field(description=_ADOPTION)]


class _ChosenDrift(Asked):
    """Whose drift is meant."""

    domain: Annotated[Word | None, Field(description="A domain, by UUID or name.")] = None
    host: Annotated[Word | None, Field(description="The host whose placement is meant; with all, whose domains.")] = (
        None
    )
    everything: Annotated[bool, Field(alias="all", description="All domains of the host.")] = False


class Healing(_ChosenDrift):
    plan: Annotated[bool, Field(description="Say what would be asked for, and ask for nothing.")] = False
    destroy: Annotated[bool, Field(description="Stop a guest at once that somebody started.")] = False


class DriftAcceptance(_ChosenDrift):
    pass


class DomainAdoption(Asked):
    name: Annotated[Word | None, Field(description="A shell's pattern for the names; without it, all.")] = None


class Rebuild(Asked):
    pass


class RestoreAcknowledgement(Asked):
    without: Annotated[list[Word], Field(description="Names of hosts that are not compared.")] = []


class Resumption(Asked):
    pass


class NewHold(Asked):
    until: Annotated[
        Word | None, Field(description="A time, or a day to whose end (UTC) it is held; else until it is released.")
    ] = None


class HoldRelease(Asked):
    pass


_KEEP = (
    "What stays, such as 24h,7d,4w: the newest of each of so many hours (h), days (d), weeks (w), months (m) or years (y);"
    " without it, everything."
)


class NewSchedule(Asked):
    name: Word
    domain: Annotated[Word | None, Field(description="One domain, by UUID or name.")] = None
    host: Annotated[
        Word | None, Field(description="A host that has the domain, where several have one of its name.")
    ] = None
    all: Annotated[bool, Field(description="Every domain there is when a time comes.")] = False
    pattern: Annotated[Word | None, Field(description="Those whose name fits, as of file names.")] = None
    cron: Annotated[Word, Field(description="Minute, hour, day, month and day of week, or @daily and its like.")]
    timezone: Annotated[Word, Field(description="The time zone of cron and keep.")] = "UTC"
    keep: Annotated[Word | None, Field(description=_KEEP)] = None
    missed: Annotated[Word, Field(description="Times that passed while Revisor was down: skip or run-once.")] = "skip"


class ScheduleChange(Asked):
    enabled: bool


class ScheduleRemoval(Asked):
    pass


class NewDomain(Asked):
    xml: Annotated[Xml, Field(description="The domain's XML, at most 16 MiB.")]
    host: Word
    transient: Annotated[bool, Field(description="Start it without a persistent definition (virsh create).")] = False
    paused: Annotated[bool, Field(description="With transient: leave the guest paused.")] = False
    reset_nvram: Annotated[bool, Field(description="With transient: make the firmware's variables anew.")] = False
    validated: Annotated[bool, Field(alias="validate", description="Hold the XML against libvirt's schema.")] = False


_KINDS: dict[Kind, Any] = {
    Kind.TEXT: Text,
    Kind.NAME: Word,
    Kind.PATH: Word,
    Kind.XML: Xml,
    Kind.SWITCH: bool,
    Kind.COUNT: Annotated[int, Field(ge=0, lt=2**64)],
    Kind.COUNTS: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1, max_length=64)],
    Kind.TEXTS: Annotated[list[Word], Field(max_length=1024)],
    Kind.DOCUMENTS: Annotated[list[Xml], Field(min_length=1, max_length=100_000)],
}


def _arguments(verb: str, spec: Spec) -> type[BaseModel]:
    """The arguments of a verb as its table has them: every flag a boolean, false unless given.

    Each is an alias: pydantic has a method ``validate`` of its own.
    """
    fields: dict[str, Any] = {}
    for name, argument in spec.arguments.items():
        kind, default = (_KINDS[argument.kind], ...) if argument.required else (_KINDS[argument.kind] | None, None)
        fields[f"{name}_"] = (kind, Field(default, alias=name, description=argument.words))
    for name in spec.flags:
        fields[f"{name}_"] = (bool, Field(default=False, alias=name))
    return create_model(f"{_title(verb)}Arguments", __base__=_Closed, **fields)


def _act(verb: str, spec: Spec) -> type[Asked]:
    arguments = _arguments(verb, spec)
    needed = any(argument.required for argument in spec.arguments.values())
    fields: dict[str, Any] = {
        "verb": (Literal[verb], ...),
        "arguments": (arguments, ...) if needed else (arguments, arguments()),
    }
    return create_model(_title(verb), __base__=Asked, **fields)


def _title(verb: str) -> str:
    return "".join(word.capitalize() for word in verb.split("-"))


_ACTS = tuple(_act(verb, spec) for verb, spec in SPECS.items() if verb != "restore")
Act: Any = Annotated[Union[_ACTS], Field(discriminator="verb")]  # noqa: UP007  made of a table
Restore: Any = _act("restore", SPECS["restore"])


def arguments_of(act: Any) -> dict[str, Any]:
    """The arguments of an ``Act`` as plain values: what was given, and no flag that is off."""
    arguments: dict[str, Any] = act.arguments.model_dump(by_alias=True, exclude_defaults=True)
    return arguments
