"""What may be asked for over HTTP: the bodies of requests.

A key that is not listed is refused and not passed over: a misspelt flag must not become an act without it.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema


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


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asked(_Closed):
    """What every change may carry, besides what it is about."""

    reason: Annotated[Text | None, Field(max_length=4096, description="Why, in the words of who asks.")] = None
    ticket: Annotated[Text | None, Field(max_length=256, description="The id of a ticket, change or incident.")] = None
    request_id: Annotated[
        UUID | None,
        Field(description="The same id with the same command gives the same operation; with another one, error 8."),
    ] = None


class NewHost(Asked):
    name: Word
    uri: Word


class HostUri(Asked):
    uri: Word


class HostRemoval(Asked):
    pass


class Rebuild(Asked):
    pass


class NewDomain(Asked):
    xml: Annotated[Xml, Field(description="The domain's XML, at most 16 MiB.")]
    host: Word
    transient: Annotated[bool, Field(description="Start it without a persistent definition (virsh create).")] = False


class Nothing(_Closed):
    """The verb takes no arguments."""


class UndefineArguments(_Closed):
    snapshots_metadata: bool = False


class StartArguments(_Closed):
    paused: bool = False


class SnapshotCreateArguments(_Closed):
    xml: Annotated[Xml | None, Field(description="A domainsnapshot document; without it, name and description.")] = None
    name: Word | None = None
    description: Text | None = None
    redefine: bool = False
    current: bool = False
    no_metadata: bool = False


class SnapshotName(_Closed):
    name: Word


class SnapshotRevertArguments(SnapshotName):
    running: bool = False
    paused: bool = False


class SnapshotDeleteArguments(SnapshotName):
    children: bool = False
    children_only: bool = False
    metadata: bool = False


class TargetArguments(_Closed):
    to: Annotated[Word, Field(description="The name of the other host.")]


class Plain(Asked):
    verb: Literal["shutdown", "destroy", "suspend", "resume", "reboot"]
    arguments: Nothing = Nothing()


class Undefine(Asked):
    verb: Literal["undefine"]
    arguments: UndefineArguments = UndefineArguments()


class Start(Asked):
    verb: Literal["start"]
    arguments: StartArguments = StartArguments()


class SnapshotCreate(Asked):
    verb: Literal["snapshot-create"]
    arguments: SnapshotCreateArguments = SnapshotCreateArguments()


class SnapshotCurrent(Asked):
    """Make a snapshot the current one."""

    verb: Literal["snapshot-current"]
    arguments: SnapshotName


class SnapshotRevert(Asked):
    verb: Literal["snapshot-revert"]
    arguments: SnapshotRevertArguments


class SnapshotDelete(Asked):
    verb: Literal["snapshot-delete"]
    arguments: SnapshotDeleteArguments


class Transfer(Asked):
    """Between hosts: make or refresh a replica, or make it the owner."""

    verb: Literal["replay", "handover"]
    arguments: TargetArguments


Act = Annotated[
    Plain | Undefine | Start | SnapshotCreate | SnapshotCurrent | SnapshotRevert | SnapshotDelete | Transfer,
    Field(discriminator="verb"),
]


def arguments_of(act: Any) -> dict[str, Any]:
    """The arguments of an ``Act`` as plain values, all keys of its verb present."""
    arguments: dict[str, Any] = act.arguments.model_dump()
    return arguments
