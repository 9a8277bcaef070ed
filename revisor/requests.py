"""From what a person asks to a command: reading their XML, checking their flags, naming what they left out.

Everything here is refused before anything reaches a hypervisor or the vault, with libvirt's number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

from domain_model import domain_xml, redefinition, snapshot_xml, xml
from domain_model.arguments import Kind
from domain_model.errors import InvalidArgument, NoDomain, Refused
from domain_model.flags import Define, SnapshotCreate, Start
from domain_model.limits import check_domain_name, check_moment_name
from domain_model.operations import NAMES_DOMAINS, Command
from domain_model.snapshots import SnapshotRecord
from domain_model.verbs import SPECS, chosen
from revisor.application import Application, Wanted, fingerprint
from revisor.checkpoint_requests import CheckpointRequests
from revisor.store.documents import Drafts
from revisor.validation import validate


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: a domain and the placement that was named."""

    domain: UUID
    uuid: str
    name: str
    host: UUID
    host_named: bool
    """Whether this very host was asked for, and not wherever the owner is."""


_AT_HOSTS = ("restore", "replay", "handover")
"""Verbs that are asked for in another way than of a domain where it is."""


class Requests:
    """Builds commands from what doors are asked."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._vault = application.vault
        self._checkpoints = CheckpointRequests(application)

    def definition(
        self,
        xml: str,
        host: UUID,
        flags: Start | Define,
        *,
        existing: Callable[[str], UUID | None],
        unique_uuids: bool,
    ) -> Wanted:
        """``define`` or ``create`` of a domain; which, the kind of flags tells.

        ``existing`` finds the domain that bears a UUID on the host. Raises MalformedXml (27) and its like.
        """
        if flags & (Start.VALIDATE if isinstance(flags, Start) else Define.VALIDATE):
            validate(xml, "domain")
        said = domain_xml.read(xml)
        check_domain_name(said.name)
        uuid = said.uuid or str(uuid4())
        domain = existing(uuid) or (UUID(uuid) if unique_uuids else uuid5(host, uuid))
        verb, number = "create" if isinstance(flags, Start) else "define", int(flags)
        drafts = Drafts()
        digest = drafts.add(self._vault.redact(domain, domain_xml.with_uuid(xml, uuid)))
        return Wanted(
            command=Command(str(uuid4()), verb, str(host), {"name": said.name, "xml": digest, "flags": number}),
            domain=domain,
            name=said.name,
            fingerprint=fingerprint(self._vault, verb, xml=xml, host=str(host), flags=number),
            drafts=drafts,
            uuid=uuid,
            claims_name=True,
        )

    def of_domain(self, target: Target, verb: str, arguments: dict[str, Any]) -> Wanted:
        """A verb on one domain and host. Raises Refused."""
        match verb:
            case "snapshot-create":
                return self.snapshot_create(target, arguments)
            case "snapshot-current":
                return self.make_current(target, arguments["name"])
            case "checkpoint-create":
                return self._checkpoints.checkpoint_create(target, arguments)
            case "backup-begin":
                return self._checkpoints.backup_begin(target, arguments)
            case "save":
                # Its name is in the file too, and is what it bears when it is restored, however it was renamed meanwhile.
                return self._plain(target, verb, chosen(verb, arguments), name=target.name)
            case _ if verb in _AT_HOSTS:
                raise InvalidArgument(f"{verb} is not asked of a domain on its host", field="verb", value=verb)
            case _:
                return self._plain(target, verb, chosen(verb, arguments))

    def snapshot_create(self, target: Target, arguments: dict[str, Any]) -> Wanted:
        """``snapshot-create`` and ``snapshot-create-as``; with redefine, the command is ``snapshot-redefine``."""
        flags = SnapshotCreate(chosen("snapshot-create", arguments)["flags"])
        xml, more = arguments.get("xml"), arguments.get("xmls") or []
        if flags & SnapshotCreate.REDEFINE:
            texts = [*more] if xml is None else [xml, *more]
            if not texts:
                raise InvalidArgument("redefine needs the snapshot's XML", field="xml", accepted="a snapshot's dump")
            return self._redefine(target, texts, flags)
        if more:
            raise InvalidArgument("only redefine takes several snapshots", field="xmls", accepted="--redefine")
        if xml is None:
            xml = snapshot_xml.build(arguments.get("name"), arguments.get("description"))
        if flags & SnapshotCreate.VALIDATE:
            validate(xml, snapshot_xml.ROOT)
        said = snapshot_xml.read_for_create(xml, kept=not flags & SnapshotCreate.NO_METADATA)
        # libvirt names a snapshot after the second it is taken in; we do before we ask, so that it can be found again.
        name = said.name or str(int(self._application.now().timestamp()))
        check_moment_name(name)
        return self._snapshot(target, snapshot_xml.with_name(xml, name), xml, {"name": name, "flags": int(flags)})

    def make_current(self, target: Target, name: str) -> Wanted:
        """``snapshot-current DOMAIN NAME``: libvirt has no call of its own for it, it is a redefine with CURRENT."""
        record = self._application.domain(target.domain).forest.named(name)
        flags = SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT
        return self._redefine(target, [self._vault.restore(target.domain, self.dump(record))], flags)

    def between_hosts(
        self, target: Target, verb: str, arguments: dict[str, Any], host: Callable[[str], UUID]
    ) -> Wanted:
        """``replay`` or ``handover``; ``host`` finds the other one by its name. Raises Refused."""
        to = chosen(verb, arguments).get("to")
        if verb == "handover":
            return self.handover(target, host(to or ""))
        return self.replay(target, None if to is None else host(to))

    def replay(self, target: Target, to: UUID | None) -> Wanted:
        """Carried out by the host that gets the replica, which must have the domain's name free; without one, by the
        owner's, which gets back the snapshots that it lost.
        """
        if to is None:
            return self._wanted(target, "replay", {"name": target.name, "restore": True})
        command = Command(str(uuid4()), "replay", str(to), {"name": target.name, "from": str(target.host)})
        return Wanted(
            command=command,
            domain=target.domain,
            name=target.name,
            fingerprint=fingerprint(self._vault, "replay", domain=str(target.domain), to=str(to)),
            drafts=Drafts(),
            claims_name=True,
        )

    def handover(self, target: Target, to: UUID) -> Wanted:
        """Carried out by the owner's host, which looks whether the domain is off."""
        owner = self._application.domain(target.domain).owner
        if owner is None:
            raise NoDomain(f"domain '{target.name}' is on no host", field="domain", value=target.name)
        return self._wanted(target, "handover", {"to": str(to)}, by=owner.host)

    def dump(self, record: SnapshotRecord) -> str:
        """A snapshot's XML as recorded, with references in place of secrets."""
        texts = self._application.documents.get_many(digest for digest in record.documents if digest is not None)
        return snapshot_xml.compose_named(record.documents, texts)

    def _redefine(self, target: Target, texts: Sequence[str], flags: SnapshotCreate) -> Wanted:
        """A batch of redefinitions; each document is read with libvirt's checks, the whole is a matter of the rules."""
        if flags & SnapshotCreate.CURRENT and len(texts) > 1:
            raise InvalidArgument("only one of several snapshots can be current", field="current", accepted="one file")
        drafts, entries = Drafts(), []
        for number, text in enumerate(texts):
            try:
                entry = _redefined(text, flags)
            except Refused as refused:
                if len(texts) > 1:
                    refused.lies_within(f"xmls[{number}]")
                raise
            entries.append(replace(entry, xml=drafts.add(self._vault.redact(target.domain, text))))
        verb, asked = "snapshot-redefine", texts[0] if len(texts) == 1 else sorted(texts)
        arguments = {"flags": int(flags), "snapshots": [entry.as_argument() for entry in entries]}
        return Wanted(
            command=Command(str(uuid4()), verb, str(target.host), arguments),
            domain=target.domain,
            name=target.name,
            fingerprint=fingerprint(self._vault, verb, domain=str(target.domain), xml=asked, flags=int(flags)),
            drafts=drafts,
        )

    def _snapshot(self, target: Target, xml: str, asked: str, arguments: dict[str, Any]) -> Wanted:
        drafts, verb = Drafts(), "snapshot-create"
        digest = drafts.add(self._vault.redact(target.domain, xml))
        named = {**arguments, "xml": digest}
        return Wanted(
            command=Command(str(uuid4()), verb, str(target.host), named),
            domain=target.domain,
            name=target.name,
            fingerprint=fingerprint(self._vault, verb, domain=str(target.domain), xml=asked, flags=arguments["flags"]),
            drafts=drafts,
        )

    def restore(self, target: Target, arguments: dict[str, Any]) -> Wanted:
        """``restore`` of the domain that was saved into a file; its name must be free there."""
        given = chosen("restore", arguments)
        return self._plain(target, "restore", given, name=target.name)

    def _plain(self, target: Target, verb: str, given: dict[str, Any], **more: Any) -> Wanted:
        """A verb as its table has it. Its documents become digests; raises MalformedXml (27) for what is none."""
        drafts, arguments = Drafts(), {**given, **more}
        for name, argument in SPECS[verb].arguments.items():
            if argument.kind is Kind.XML and name in given:
                xml.parse(given[name], root=None)
                arguments[name] = drafts.add(self._vault.redact(target.domain, given[name]))
        on = str(target.host) if target.host_named else None
        return Wanted(
            command=Command(str(uuid4()), verb, str(target.host), arguments),
            domain=target.domain,
            name=arguments["name"] if verb in NAMES_DOMAINS else target.name,
            fingerprint=fingerprint(self._vault, verb, **given, domain=str(target.domain), on=on),
            drafts=drafts,
            claims_name=verb in NAMES_DOMAINS,
        )

    def _wanted(self, target: Target, verb: str, arguments: dict[str, Any], by: str | None = None) -> Wanted:
        # A host that was not named is no part of the command: after a handover it is another one.
        on = str(target.host) if target.host_named else None
        return Wanted(
            command=Command(str(uuid4()), verb, by or str(target.host), arguments),
            domain=target.domain,
            name=target.name,
            fingerprint=fingerprint(self._vault, verb, **arguments, domain=str(target.domain), on=on),
            drafts=Drafts(),
        )


def _redefined(text: str, flags: SnapshotCreate) -> redefinition.Wanted:
    """The snapshot that a document describes, but for the document itself. Raises Refused as libvirt's parser does."""
    if flags & SnapshotCreate.VALIDATE:
        validate(text, snapshot_xml.ROOT)
    said = snapshot_xml.read_for_redefine(text)
    check_moment_name(said.name or "")
    return redefinition.Wanted(
        name=said.name or "",
        parent=said.parent,
        state=said.state or "",
        creation_time=said.creation_time or 0,
        current=bool(flags & SnapshotCreate.CURRENT),
        has_domain=said.has_domain,
        domain_uuid=said.domain_uuid,
    )
