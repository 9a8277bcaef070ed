"""libvirt-python by itself, in a process of its own: ``python -m tests.equivalence.direct URI FOLDER``.

One question a line on standard input, one answer a line on standard output, both JSON. A question is a call, ``look``
or ``clear``. Nothing of Revisor is imported, and each verb is asked for as virsh would.
"""

import json
import sys
from typing import Any, TextIO

import libvirt

from tests.equivalence import direct_verbs
from tests.equivalence.calls import Call
from tests.equivalence.documents import root_of
from tests.equivalence.seen import DomainSeen, Host, SnapshotSeen, facts_of, host_as_json

_OF_THE_TEST_DRIVER = "test"
"""The test driver begins with a domain of this name, in which nobody is interested."""
_SECURE = 1


def serve(questions: TextIO, answers: TextIO, uri: str, folder: str) -> None:
    """Answer until there are no more questions."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open(uri)
    verbs = direct_verbs.Verbs(connection, folder)
    for line in questions:
        question = json.loads(line)
        answer: dict[str, Any] = {"number": None, "sentence": ""}
        try:
            if question["ask"] == "call":
                verbs.carry_out(Call(question["verb"], question["domain"], question["arguments"]))
            elif question["ask"] == "clear":
                clear(connection)
        except libvirt.libvirtError as error:
            answer = {"number": error.get_error_code(), "sentence": error.get_error_message()}
        seen = host_as_json(look(connection, folder))
        print(json.dumps({**answer, "seen": seen}), file=answers, flush=True)


def look(connection: Any, folder: str) -> Host:
    """What the host shows. A transient guest may go while it is looked at: then it was not there."""
    seen: Host = {}
    for domain in connection.listAllDomains(0):
        if domain.name() == _OF_THE_TEST_DRIVER:
            continue
        try:
            seen[domain.name()] = _domain(domain, folder)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
    return seen


def _domain(domain: Any, folder: str) -> DomainSeen:
    state, reason = domain.state()
    active, persistent = bool(domain.isActive()), bool(domain.isPersistent())
    current = domain.snapshotCurrent().getName() if domain.hasCurrentSnapshot() else None
    dumps = {each.getName(): each.getXMLDesc(_SECURE) for each in domain.listAllSnapshots(0)}
    return DomainSeen(
        uuid=domain.UUIDString(),
        active=active,
        state=state,
        reason=reason,
        persistent=persistent,
        autostart=bool(domain.autostart()),
        managed_save=bool(domain.hasManagedSaveImage(0)),
        current=current,
        snapshots={name: SnapshotSeen.read(dump) for name, dump in dumps.items()},
        checkpoints={each.getName(): _parent(each) for each in domain.listAllCheckpoints(0)},
        definition=facts_of(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), folder) if persistent else None,
        live=facts_of(domain.XMLDesc(0), folder) if active else None,
    )


def _parent(checkpoint: Any) -> str | None:
    return root_of(checkpoint.getXMLDesc(libvirt.VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN)).findtext("parent/name")


def clear(connection: Any) -> None:
    """Take every domain away, with all that libvirt keeps of it."""
    for domain in connection.listAllDomains(0):
        if domain.name() == _OF_THE_TEST_DRIVER:
            continue
        persistent = domain.isPersistent()
        if domain.isActive():
            domain.destroy()
        elif not persistent:
            # A revert that failed left it there: off, and without the definition by which it could be taken away.
            persistent = bool(connection.defineXML(domain.XMLDesc(0)))
        if persistent:
            domain.undefineFlags(_everything(connection))


def _everything(connection: Any) -> int:
    flags = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    # The test driver takes no others, and forgets checkpoints without being told to.
    return int(flags if connection.getType() == "TEST" else flags | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout, *sys.argv[1:])
