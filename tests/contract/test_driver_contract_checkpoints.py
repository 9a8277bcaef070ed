"""What every driver promises of checkpoints and backups; see test_driver_contract.py."""

import pytest

from domain_model import checkpoint_xml
from domain_model.checkpoint_xml import build, read
from domain_model.checkpoints import BackupOutcome
from domain_model.errors import InvalidFlags, NoCheckpoint, NoDomain, OperationFailed, OperationUnsupported, XmlInvalid
from domain_model.flags import BackupBegin, CheckpointCreate, CheckpointDelete, Undefine
from tests.contract.differences import QEMU, TEST
from tests.contract.drivers import Subject, qemu_driver, simulator_driver, subject, test_driver
from tests.lab.awaiting import eventually

__all__ = ["qemu_driver", "simulator_driver", "subject", "test_driver"]  # pytest finds fixtures by name

NONE, REDEFINE = CheckpointCreate(0), CheckpointCreate.REDEFINE
PLAIN, METADATA = CheckpointDelete(0), CheckpointDelete.METADATA_ONLY


def make(subject: Subject, uuid: str, *names: str) -> None:
    """Make checkpoints, one after the other."""
    for name in names:
        subject.checkpoints.checkpoint_create(uuid, build(name, f"the {name} one"), NONE)


def dump(subject: Subject, uuid: str, name: str) -> str:
    return subject.checkpoints.checkpoint_xml(uuid, name)


def tree(subject: Subject, uuid: str) -> dict[str, str | None]:
    return {name: read(dump(subject, uuid, name)).parent for name in subject.checkpoints.checkpoints(uuid)}


def grown(subject: Subject) -> str:
    """A running domain with the chain a > b > c."""
    uuid = subject.started()
    make(subject, uuid, "a", "b", "c")
    return uuid


# Making.


def test_a_checkpoint_is_made_below_the_one_before(subject: Subject) -> None:
    uuid = grown(subject)

    assert tree(subject, uuid) == {"a": None, "b": "a", "c": "b"}
    said = read(dump(subject, uuid, "b"))
    assert (said.name, said.description, said.domain_uuid) == ("b", "the b one", uuid)
    assert said.creation_time


def test_a_dump_says_which_disks_have_which_bitmap(subject: Subject) -> None:
    uuid = grown(subject)

    shown = dump(subject, uuid, "a")

    assert "\n  <disks>\n    <disk name='vda' checkpoint='bitmap' bitmap='a'/>\n  </disks>\n  <domain type=" in shown
    assert checkpoint_xml.without_domain(shown).endswith("  </disks>\n</domaincheckpoint>\n")


def test_a_checkpoint_is_made_of_a_running_domain_only(subject: Subject) -> None:
    uuid = subject.defined()

    with pytest.raises(OperationUnsupported, match="cannot create checkpoint for inactive domain"):
        make(subject, uuid, "a")


def test_a_name_is_taken_once(subject: Subject) -> None:
    uuid = grown(subject)

    with pytest.raises(OperationFailed, match=r"^operation failed: domain moment b already exists$"):
        make(subject, uuid, "b")


@pytest.mark.parametrize("name", ["a/b", ".a", "a b"])
def test_a_name_that_the_schema_forbids_is_refused_with_92(subject: Subject, name: str) -> None:
    uuid = subject.started()

    with pytest.raises(XmlInvalid):
        make(subject, uuid, name)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            CheckpointCreate.REDEFINE | CheckpointCreate.QUIESCE,
            "Flags 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE' and 'VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE' are mutually exclusive",
        ),
        (
            CheckpointCreate.REDEFINE_VALIDATE,
            "Flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE' is required by flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_",
        ),
        (CheckpointCreate(8), "unsupported flags (0x8) in function "),
    ],
)
def test_flags_that_do_not_go_together_are_refused_with_8(
    subject: Subject, flags: CheckpointCreate, words: str
) -> None:
    uuid = subject.started()

    with pytest.raises(InvalidFlags) as refused:
        subject.checkpoints.checkpoint_create(uuid, build("a"), flags)

    assert refused.value.message.startswith(words)


def test_no_driver_of_a_real_guest_quiesces_for_a_checkpoint(subject: Subject) -> None:
    uuid = subject.started()
    create = subject.checkpoints.checkpoint_create

    subject.refuses(8, "checkpoint with QUIESCE", create, uuid, build("a"), CheckpointCreate.QUIESCE)


def test_what_is_not_there_has_its_number(subject: Subject) -> None:
    uuid = subject.started()

    with pytest.raises(
        NoCheckpoint, match=r"^Domain checkpoint not found: no domain checkpoint with matching name 'x'$"
    ):
        dump(subject, uuid, "x")
    with pytest.raises(NoCheckpoint):
        subject.checkpoints.checkpoint_delete(uuid, "x", PLAIN)
    with pytest.raises(NoDomain):
        subject.checkpoints.checkpoints("00000000-0000-4000-8000-000000000000")
    assert list(subject.checkpoints.checkpoints(uuid)) == []


# Deleting.


@pytest.mark.parametrize(
    ("flags", "left", "parent_of_next"),
    [
        (PLAIN, {"a": None, "c": "a"}, "c"),
        (METADATA, {"a": None, "c": "a"}, "c"),
        (CheckpointDelete.CHILDREN, {"a": None}, "a"),
        (CheckpointDelete.CHILDREN_ONLY, {"a": None, "b": "a"}, "b"),
    ],
)
def test_children_go_to_the_parent_or_go_too_and_so_does_the_current_one(
    subject: Subject, flags: CheckpointDelete, left: dict[str, str | None], parent_of_next: str
) -> None:
    uuid = grown(subject)

    subject.checkpoints.checkpoint_delete(uuid, "b", flags)

    assert tree(subject, uuid) == left
    make(subject, uuid, "next")
    assert tree(subject, uuid)["next"] == parent_of_next


def test_children_and_children_only_are_refused_together(subject: Subject) -> None:
    uuid = grown(subject)

    with pytest.raises(InvalidFlags, match="mutually exclusive"):
        subject.checkpoints.checkpoint_delete(uuid, "a", CheckpointDelete.CHILDREN | CheckpointDelete.CHILDREN_ONLY)


def test_while_a_domain_is_off_only_metadata_can_be_deleted(subject: Subject) -> None:
    uuid = grown(subject)
    subject.driver.destroy(uuid)

    delete = subject.checkpoints.checkpoint_delete
    subject.refuses(84, "delete a checkpoint while inactive", delete, uuid, "c", PLAIN)
    delete(uuid, "b", METADATA)

    assert tree(subject, uuid).keys() - {"c"} == {"a"}


def test_checkpoints_outlive_the_process_of_their_domain(subject: Subject) -> None:
    uuid = grown(subject)

    subject.driver.destroy(uuid)
    subject.driver.start(uuid)

    make(subject, uuid, "next")
    assert tree(subject, uuid) == {"a": None, "b": "a", "c": "b", "next": "c"}


def test_a_domain_that_is_off_is_undefined_only_with_their_metadata(subject: Subject) -> None:
    uuid = grown(subject)
    subject.driver.destroy(uuid)

    subject.refuses(55, "undefine with checkpoints", subject.driver.undefine, uuid, Undefine.NONE)
    if subject.kind != TEST:
        subject.driver.undefine(uuid, Undefine.CHECKPOINTS_METADATA)

    assert subject.driver.domain(uuid) is None


def test_a_transient_domain_takes_its_checkpoints_with_it(subject: Subject) -> None:
    xml = subject.definition()
    uuid = subject.made[-1]
    subject.driver.create(xml)
    make(subject, uuid, "a")

    subject.driver.destroy(uuid)
    subject.driver.define(xml)

    assert list(subject.checkpoints.checkpoints(uuid)) == []


# Redefining.


def test_deleted_metadata_comes_back_to_the_byte(subject: Subject) -> None:
    uuid = grown(subject)
    before = dump(subject, uuid, "c")
    subject.checkpoints.checkpoint_delete(uuid, "c", METADATA)

    subject.checkpoints.checkpoint_create(uuid, before, REDEFINE)

    assert dump(subject, uuid, "c") == before


def test_a_redefinition_replaces_the_metadata_and_keeps_the_children(subject: Subject) -> None:
    uuid = grown(subject)
    below = "  <parent>\n    <name>a</name>\n  </parent>\n"
    xml = dump(subject, uuid, "b").replace("the b one", "another").replace(below, "")

    subject.checkpoints.checkpoint_create(uuid, xml, REDEFINE)

    assert tree(subject, uuid) == {"a": None, "b": None, "c": "b"}
    assert read(dump(subject, uuid, "b")).description == "another"


def test_metadata_of_a_domain_that_is_off_can_be_redefined(subject: Subject) -> None:
    uuid = grown(subject)
    xml = dump(subject, uuid, "c")
    subject.driver.destroy(uuid)

    if subject.does("redefine a checkpoint while inactive", subject.checkpoints.checkpoint_create, uuid, xml, REDEFINE):
        assert dump(subject, uuid, "c") == xml


@pytest.mark.parametrize(
    ("at", "moves"), [("c", True), ("a", False), (None, False)], ids=["the current one", "another one", "none"]
)
def test_the_current_one_moves_to_what_is_redefined_below_it_and_only_then(
    subject: Subject,
    at: str | None,
    moves: bool,  # noqa: FBT001
) -> None:
    uuid = grown(subject)
    parent = "" if at is None else f"<parent><name>{at}</name></parent>"
    xml = f"<domaincheckpoint><name>x</name>{parent}<creationTime>1</creationTime></domaincheckpoint>"

    subject.checkpoints.checkpoint_create(uuid, xml, REDEFINE)

    make(subject, uuid, "next")
    assert tree(subject, uuid)["next"] == ("x" if moves else "c")


@pytest.mark.parametrize(
    ("xml", "number"),
    [
        ("<domaincheckpoint><creationTime>1</creationTime></domaincheckpoint>", 27),
        ("<domaincheckpoint><name>b</name></domaincheckpoint>", 1),
        ("<domaincheckpoint><name>b</name><creationTime>1</creationTime>{b}</domaincheckpoint>", 8),
        ("<domaincheckpoint><name>b</name><creationTime>1</creationTime>{x}</domaincheckpoint>", 8),
        ("<domaincheckpoint><name>a</name><creationTime>1</creationTime>{c}</domaincheckpoint>", 8),
    ],
    ids=["no name", "no creation time", "its own parent", "an unknown parent", "a cycle"],
)
def test_metadata_that_cannot_be_is_refused(subject: Subject, xml: str, number: int) -> None:
    uuid = grown(subject)
    text = xml.format(**{name: f"<parent><name>{name}</name></parent>" for name in "bcx"})
    before = tree(subject, uuid)

    subject.refuses(number, "metadata", subject.checkpoints.checkpoint_create, uuid, text, REDEFINE)

    assert tree(subject, uuid) == before


def test_metadata_of_another_domain_is_refused_with_8(subject: Subject) -> None:
    one, other = grown(subject), subject.started()
    xml = dump(subject, one, "a")

    subject.refuses(8, "metadata of another domain", subject.checkpoints.checkpoint_create, other, xml, REDEFINE)


def test_bitmaps_are_validated_while_a_domain_runs(subject: Subject) -> None:
    uuid = grown(subject)
    known, create = dump(subject, uuid, "c"), subject.checkpoints.checkpoint_create
    validated = REDEFINE | CheckpointCreate.REDEFINE_VALIDATE
    unknown = known.replace("<name>c</name>", "<name>z</name>").replace("bitmap='c'", "bitmap='z'")

    if subject.kind != TEST:
        create(uuid, known, validated)
    subject.refuses(109, "REDEFINE_VALIDATE of a checkpoint", create, uuid, unknown, validated)
    subject.driver.destroy(uuid)
    subject.refuses(55, "REDEFINE_VALIDATE while inactive", create, uuid, known, validated)


# Backups.


def pushed(subject: Subject, name: str, *, since: str | None = None) -> str:
    """A backup of the disk into a new file."""
    incremental = "" if since is None else f"<incremental>{since}</incremental>"
    target = f"<target file='{subject.folder}/{name}.qcow2'/>"
    disk = f"<disk name='vda' backup='yes' type='file'>{target}<driver type='qcow2'/></disk>"
    return f"<domainbackup>{incremental}<disks>{disk}</disks></domainbackup>"


def test_a_backup_is_begun_with_a_checkpoint_of_the_same_moment_and_ends_by_itself(subject: Subject) -> None:
    uuid, begin = subject.started(), subject.backups.backup_begin

    if not subject.does("backup", begin, uuid, pushed(subject, "full"), build("a"), BackupBegin(0)):
        return
    end = eventually(lambda: subject.backups.backup_end(uuid), what="the backup ends")
    begin(uuid, pushed(subject, "increment", since="a"), build("b"), BackupBegin(0))
    eventually(lambda: subject.backups.backup_end(uuid), what="the second backup ends")

    assert (end.outcome, end.message) == (BackupOutcome.COMPLETED, None)
    assert tree(subject, uuid) == {"a": None, "b": "a"}
    subject.refuses(104, "XML of no backup", subject.backups.backup_xml, uuid)


def test_a_backup_needs_a_guest_that_runs_and_a_checkpoint_that_is_there(subject: Subject) -> None:
    uuid, begin = subject.started(), subject.backups.backup_begin

    since = pushed(subject, "none", since="x")
    subject.refuses(103, "backup since an unknown checkpoint", begin, uuid, since, None, BackupBegin(0))
    subject.driver.destroy(uuid)
    subject.refuses(84, "backup while inactive", begin, uuid, pushed(subject, "none"), None, BackupBegin(0))


def test_a_backup_that_is_pulled_runs_until_it_is_ended(subject: Subject) -> None:
    if subject.kind != QEMU:
        return  # Nobody else serves blocks.
    uuid = subject.started()
    server = f"<server transport='unix' socket='{subject.folder}/nbd'/>"
    disk = f"<disk name='vda' backup='yes' type='file'><scratch file='{subject.folder}/scratch'/></disk>"
    xml = f"<domainbackup mode='pull'>{server}<disks>{disk}</disks></domainbackup>"

    subject.backups.backup_begin(uuid, xml, None, BackupBegin(0))
    running = subject.backups.backup_end(uuid), subject.backups.backup_xml(uuid)
    subject.control.abort_job(uuid)

    assert running[0] is None
    assert running[1].startswith("<domainbackup mode='pull'>")
    end = eventually(lambda: subject.backups.backup_end(uuid), what="the job ends")
    assert (end.outcome, end.message) == (BackupOutcome.CANCELLED, "Operation canceled")


def test_a_backup_whose_guest_is_stopped_has_failed(subject: Subject) -> None:
    if subject.kind != QEMU:
        return  # As above.
    uuid = subject.started()
    server = f"<server transport='unix' socket='{subject.folder}/nbd'/>"
    subject.backups.backup_begin(uuid, f"<domainbackup mode='pull'>{server}</domainbackup>", None, BackupBegin(0))

    subject.driver.destroy(uuid)

    end = eventually(lambda: subject.backups.backup_end(uuid), what="the job ends")
    assert end.outcome is BackupOutcome.FAILED
