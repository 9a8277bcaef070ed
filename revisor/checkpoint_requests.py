"""From what a person asks about checkpoints and backups to a command; a part of ``requests``.

Names that were left out are chosen here, before anybody acts, so that what was made can be found again.
"""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from domain_model import checkpoint_xml
from domain_model.errors import InvalidArgument
from domain_model.flags import CheckpointCreate
from domain_model.limits import check_moment_name
from domain_model.operations import Command
from domain_model.verbs import chosen
from revisor.application import Application, Wanted, fingerprint
from revisor.store.documents import Drafts

if TYPE_CHECKING:
    from revisor.requests import Target

_ANY_BACKUP = f"<{checkpoint_xml.BACKUP_ROOT}/>"


class CheckpointRequests:
    """Builds the commands of ``checkpoint-create``, with its redefine, and of ``backup-begin``."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._vault = application.vault

    def checkpoint_create(self, target: "Target", arguments: dict[str, Any]) -> Wanted:
        """With redefine, the command is ``checkpoint-redefine``. Raises Refused."""
        given = chosen("checkpoint-create", arguments)
        if given["flags"] & CheckpointCreate.REDEFINE:
            return self._redefine(target, given)
        named, text = self._named(given.get("xml"))
        return self._wanted(target, "checkpoint-create", given, {"xml": text}, name=named)

    def backup_begin(self, target: "Target", arguments: dict[str, Any]) -> Wanted:
        """A backup, and a checkpoint of the same moment if one is asked for. Raises Refused."""
        given = chosen("backup-begin", arguments)
        texts = {"xml": given.get("xml", _ANY_BACKUP)}
        incremental, checkpoint = checkpoint_xml.incremental_of(texts["xml"]), None
        if "checkpoint_xml" in given:
            checkpoint, texts["checkpoint_xml"] = self._named(given["checkpoint_xml"])
        return self._wanted(target, "backup-begin", given, texts, incremental=incremental, checkpoint=checkpoint)

    def _redefine(self, target: "Target", given: dict[str, Any]) -> Wanted:
        if "xml" not in given:
            raise InvalidArgument("redefine needs the checkpoint's XML", field="xml", accepted="a checkpoint's dump")
        said = checkpoint_xml.read_for_redefine(given["xml"])
        assert said.name is not None
        check_moment_name(said.name, "checkpoint")
        if said.domain_uuid is not None and said.domain_uuid != target.uuid:
            raise InvalidArgument(
                f"definition for checkpoint {said.name} must use uuid {target.uuid}",
                field="domain/uuid",
                value=said.domain_uuid,
                accepted=target.uuid,
            )
        texts = {"xml": given["xml"]}
        return self._wanted(target, "checkpoint-redefine", given, texts, name=said.name, parent=said.parent)

    def _named(self, text: str | None) -> tuple[str, str]:
        """The name of a checkpoint to be made, and its XML with that name in it."""
        said = checkpoint_xml.CheckpointDescription() if text is None else checkpoint_xml.read_for_create(text)
        # libvirt names a checkpoint after the second it is made in.
        name = said.name or str(int(self._application.now().timestamp()))
        check_moment_name(name, "checkpoint")
        return name, checkpoint_xml.build(name) if text is None else checkpoint_xml.with_name(text, name)

    def _wanted(
        self, target: "Target", verb: str, given: dict[str, Any], texts: dict[str, str], **arguments: str | None
    ) -> Wanted:
        """``given`` is what was asked, which tells one command from another; ``texts`` what becomes of it."""
        drafts = Drafts()
        digests = {name: drafts.add(self._vault.redact(target.domain, text)) for name, text in texts.items()}
        on = str(target.host) if target.host_named else None
        named = {"flags": given["flags"], **arguments, **digests}
        return Wanted(
            command=Command(str(uuid4()), verb, str(target.host), named),
            domain=target.domain,
            name=target.name,
            fingerprint=fingerprint(self._vault, verb, **given, domain=str(target.domain), on=on),
            drafts=drafts,
        )
