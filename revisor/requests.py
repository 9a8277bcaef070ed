"""From what a person asks to a submission: reading their XML, checking their flags, naming what they left out.

Everything here is refused before anything reaches a hypervisor or the vault, with libvirt's number.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from domain_model import domain_xml, redefinition, snapshot_xml, xml
from domain_model.arguments import Kind
from domain_model.errors import InvalidArgument, NoDomain, Refused
from domain_model.flags import Define, SnapshotCreate, Start
from domain_model.limits import check_domain_name, check_moment_name
from domain_model.names import domain_id
from domain_model.operations import NAMES_DOMAINS, Command
from domain_model.snapshots import SnapshotRecord
from domain_model.verbs import SPECS, chosen
from revisor.application import Application
from revisor.checkpoint_requests import CheckpointRequests
from revisor.submissions import Submission, Submissions, Target
from revisor.validation import validate


class Requests:
    """Builds submissions from what doors are asked. ``host`` finds the host that replay and handover name."""

    def __init__(self, application: Application, host: Callable[[str], UUID]) -> None:
        self._application = application
        self._vault = application.vault
        self._host = host
        self._submissions = Submissions(application.vault)
        checkpoints = CheckpointRequests(self._submissions, application.now)
        self._builders: dict[str, Callable[[Target, dict[str, Any]], Submission]] = {
            "save": self._save,
            "snapshot-create": self._snapshot_create,
            "snapshot-current": self._make_current,
            "checkpoint-create": checkpoints.checkpoint_create,
            "backup-begin": checkpoints.backup_begin,
            "replay": self._replay,
            "handover": self._handover,
        }

    def definition(
        self,
        xml: str,
        host: UUID,
        flags: Start | Define,
        *,
        existing: Callable[[str], UUID | None],
        unique_uuids: bool,
    ) -> Submission:
        """``define`` or ``create`` of a domain; which, the kind of flags tells.

        ``existing`` finds the domain that bears a UUID on the host. Raises MalformedXml (27) and its like.
        """
        if flags & (Start.VALIDATE if isinstance(flags, Start) else Define.VALIDATE):
            validate(xml, "domain")
        said = domain_xml.read(xml)
        check_domain_name(said.name)
        uuid = said.uuid or str(uuid4())
        domain = existing(uuid) or domain_id(host, uuid, unique_uuids=unique_uuids)
        verb, number = "create" if isinstance(flags, Start) else "define", int(flags)
        texts = self._submissions.texts(domain)
        digest = texts.add(domain_xml.with_uuid(xml, uuid))
        return Submission(
            command=Command(str(uuid4()), verb, str(host), {"name": said.name, "xml": digest, "flags": number}),
            domain=domain,
            name=said.name,
            # Not by the domain: its UUID may have been drawn just now.
            fingerprint=self._submissions.fingerprint(verb, xml=xml, host=str(host), flags=number),
            drafts=texts.drafts,
            uuid=uuid,
            claims_name=True,
        )

    def of_domain(self, target: Target, verb: str, arguments: dict[str, Any]) -> Submission:
        """A verb on one domain and host. Raises Refused."""
        if verb == "restore":
            raise InvalidArgument(f"{verb} is asked of a host, not of a domain", field="verb", value=verb)
        build = self._builders.get(verb)
        return self._plain(target, verb, chosen(verb, arguments)) if build is None else build(target, arguments)

    def restore(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """``restore`` of the domain that was saved into a file; its name must be free there."""
        return self._plain(target, "restore", chosen("restore", arguments), name=target.name)

    def dump(self, record: SnapshotRecord) -> str:
        """A snapshot's XML as recorded, with references in place of secrets."""
        texts = self._application.documents.get_many(digest for digest in record.documents if digest is not None)
        return snapshot_xml.compose_named(record.documents, texts)

    def _save(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """Its name is in the file too, and is what it bears when it is restored, however it was renamed meanwhile."""
        return self._plain(target, "save", chosen("save", arguments), name=target.name)

    def _snapshot_create(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """``snapshot-create`` and ``snapshot-create-as``; with redefine, the command is ``snapshot-redefine``."""
        flags = SnapshotCreate(chosen("snapshot-create", arguments)["flags"])
        given = {} if arguments.get("xml") is None else {"xml": arguments["xml"]}
        for key in ("name", "description") if given else ():
            if arguments.get(key) is not None:
                raise InvalidArgument(f"the XML says its {key}", field=key, accepted=f"either XML or a {key}")
        more = {f"xmls[{number}]": text for number, text in enumerate(arguments.get("xmls") or ())}
        if flags & SnapshotCreate.REDEFINE:
            return self._redefine(target, {**given, **more}, flags)
        if more:
            raise InvalidArgument("only redefine takes several snapshots", field="xmls", accepted="--redefine")
        built = snapshot_xml.build(arguments.get("name"), arguments.get("description"))
        text = given.get("xml", built)
        if flags & SnapshotCreate.VALIDATE:
            validate(text, snapshot_xml.ROOT)
        said = snapshot_xml.read_for_create(text, kept=not flags & SnapshotCreate.NO_METADATA)
        # libvirt names a snapshot after the second it is taken in; we do before we ask, so that it can be found again.
        name = said.name or str(int(self._application.now().timestamp()))
        check_moment_name(name)
        texts = self._submissions.texts(target.domain)
        named = {"name": name, "flags": int(flags), "xml": texts.add(snapshot_xml.with_name(text, name))}
        asked = {"xml": text, "flags": int(flags)}
        return self._submissions.about(target, "snapshot-create", named, asked=asked, texts=texts)

    def _make_current(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """``snapshot-current DOMAIN NAME``: libvirt has no call of its own for it, it is a redefine with CURRENT."""
        record = self._application.domain(target.domain).forest.named(arguments["name"])
        text = self._vault.restore(target.domain, self.dump(record))
        return self._redefine(target, {"xml": text}, SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT)

    def _redefine(self, target: Target, given: Mapping[str, str], flags: SnapshotCreate) -> Submission:
        """A batch of redefinitions; each document is read with libvirt's checks, the whole is a matter of the rules.

        ``given`` has each document under the name of the argument it came in.
        """
        if not given:
            raise InvalidArgument("redefine needs the snapshot's XML", field="xml", accepted="a snapshot's dump")
        if flags & SnapshotCreate.CURRENT and len(given) > 1:
            raise InvalidArgument("only one of several snapshots can be current", field="current", accepted="one file")
        texts, entries = self._submissions.texts(target.domain), []
        for place, text in given.items():
            try:
                entry = _redefined(text, flags)
            except Refused as refused:
                if len(given) > 1:
                    refused.lies_within(place)
                raise
            entries.append(replace(entry, xml=texts.add(text)))
        arguments = {"flags": int(flags), "snapshots": [entry.as_argument() for entry in entries]}
        documents = list(given.values())
        # Many are one batch in whatever order they were given.
        asked = {"xml": documents[0] if len(documents) == 1 else sorted(documents), "flags": int(flags)}
        return self._submissions.about(target, "snapshot-redefine", arguments, asked=asked, texts=texts)

    def _replay(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """Carried out by the host that gets the replica, which must have the domain's name free; without one, by the
        owner's, which gets back the snapshots that it lost.
        """
        to = chosen("replay", arguments).get("to")
        if to is None:
            restored = {"name": target.name, "restore": True}
            return self._submissions.about(target, "replay", restored, asked=restored)
        host = self._host(to)
        named = {"name": target.name, "from": str(target.host)}
        return self._submissions.about(target, "replay", named, asked={"to": str(host)}, by=host, claims_name=True)

    def _handover(self, target: Target, arguments: dict[str, Any]) -> Submission:
        """Carried out by the owner's host, which looks whether the domain is off."""
        named = {"to": str(self._host(chosen("handover", arguments)["to"]))}
        owner = self._application.domain(target.domain).owner
        if owner is None:
            raise NoDomain(f"domain '{target.name}' is on no host", field="domain", value=target.name)
        return self._submissions.about(target, "handover", named, asked=named, by=owner.host)

    def _plain(self, target: Target, verb: str, given: dict[str, Any], **more: Any) -> Submission:
        """A verb as its table has it. Its documents become digests; raises MalformedXml (27) for what is none."""
        texts, arguments = self._submissions.texts(target.domain), {**given, **more}
        names = verb in NAMES_DOMAINS
        for name, argument in SPECS[verb].arguments.items():
            if argument.kind is Kind.XML and name in given:
                xml.parse(given[name], root=None)
                arguments[name] = texts.add(given[name])
        return self._submissions.about(
            target,
            verb,
            arguments,
            asked=given,
            texts=texts,
            name=arguments["name"] if names else None,
            claims_name=names,
        )


def _redefined(text: str, flags: SnapshotCreate) -> redefinition.WantedSnapshot:
    """The snapshot that a document describes, but for the document itself. Raises Refused as libvirt's parser does."""
    if flags & SnapshotCreate.VALIDATE:
        validate(text, snapshot_xml.ROOT)
    said = snapshot_xml.read_for_redefine(text)
    check_moment_name(said.name or "")
    return redefinition.WantedSnapshot(
        name=said.name or "",
        parent=said.parent,
        state=said.state or "",
        creation_time=said.creation_time or 0,
        current=bool(flags & SnapshotCreate.CURRENT),
        has_domain=said.has_domain,
        domain_uuid=said.domain_uuid,
    )
