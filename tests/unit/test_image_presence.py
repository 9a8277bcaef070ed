"""Whether the data of a listed snapshot is there, by what its XML says and what the images hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from drivers.images import ImageChain, ImageFindings, OrphanTag, SnapshotPresence
from drivers.libvirt import images
from tests.unit.qcow2_bytes import BACKING_FORMAT, WrittenImage, WrittenTag

PRESENT = SnapshotPresence(present=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def put(path: Path, *tags: str, on: Path | None = None, memory: int = 0) -> Path:
    """Write an image with these snapshots in it, all of them with so much memory."""
    written = WrittenImage(
        backing=b"" if on is None else bytes(on),
        extensions=[] if on is None else [(BACKING_FORMAT, b"qcow2")],
        tags=[WrittenTag(tag.encode(), date_s=7, vm_state_bytes=memory) for tag in tags],
    )
    path.write_bytes(written.written())
    return path


@dataclass
class Disks:
    """The disks of a domain at one moment, by target: files of format qcow2, or the XML of anything else."""

    by_target: Mapping[str, Path | str]

    def definition(self, tag: str = "domain") -> str:
        return f"<{tag} type='qemu'><name>guest</name><devices>{''.join(self._disks())}</devices></{tag}>"

    def _disks(self) -> list[str]:
        return [
            f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            f"<source file={quoteattr(str(disk))}/><target dev='{target}'/></disk>"
            if isinstance(disk, Path)
            else disk
            for target, disk in self.by_target.items()
        ]


@dataclass
class Taken:
    """A snapshot as libvirt dumps it: how each disk is kept, and the definition of that moment."""

    name: str
    then: Disks | None
    kept: Mapping[str, str | Path] = field(default_factory=lambda: {"vda": "internal"})
    """internal, no, manual, or the overlay of an external one."""
    memory: str = "<memory snapshot='no'/>"

    def dump(self) -> str:
        disks = "".join(
            f"<disk name='{target}' snapshot='external' type='file'><driver type='qcow2'/>"
            f"<source file={quoteattr(str(how))}/></disk>"
            if isinstance(how, Path)
            else f"<disk name='{target}' snapshot='{how}'/>"
            for target, how in self.kept.items()
        )
        domain = "<domain><uuid/></domain>" if self.then is None else self.then.definition()
        return (
            f"<domainsnapshot><name>{self.name}</name><state>shutoff</state><creationTime>1</creationTime>"
            f"{self.memory}<disks>{disks}</disks>{domain}</domainsnapshot>"
        )


def look(now: Disks, *taken: Taken) -> ImageFindings:
    return images.presence(now.definition(), {snapshot.name: snapshot.dump() for snapshot in taken})


def verdict(now: Disks, taken: Taken) -> SnapshotPresence | str:
    """What is said of one snapshot; a text if it cannot be told."""
    findings = look(now, taken)
    assert findings.snapshots.keys() | findings.untold.keys() == {taken.name}
    return findings.snapshots.get(taken.name) or findings.untold[taken.name]


def missing(why: str) -> SnapshotPresence:
    return SnapshotPresence(present=False, why=why)


# Internal.


def test_an_internal_snapshot_is_there_while_its_tag_is(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "older", "s")})

    assert verdict(disks, Taken("s", disks)) == PRESENT
    put(folder / "a.qcow2", "older")
    assert verdict(disks, Taken("s", disks)) == missing(f"{folder}/a.qcow2 holds no snapshot 's'")
    (folder / "a.qcow2").unlink()
    assert verdict(disks, Taken("s", disks)) == missing(f"{folder}/a.qcow2 does not exist")


def test_every_disk_that_is_kept_has_to_hold_the_tag(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s"), "vdb": put(folder / "b.qcow2")})

    both = Taken("s", disks, {"vda": "internal", "vdb": "internal"})
    one = Taken("s", disks, {"vda": "internal", "vdb": "no"})

    assert verdict(disks, both) == missing(f"{folder}/b.qcow2 holds no snapshot 's'")
    assert verdict(disks, one) == PRESENT


def test_internal_memory_has_to_be_in_one_of_the_images(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s"), "vdb": put(folder / "b.qcow2", "s")})
    taken = Taken("s", disks, {"vda": "internal", "vdb": "internal"}, "<memory snapshot='internal'/>")

    assert verdict(disks, taken) == missing("no image holds the memory of snapshot 's'")
    put(folder / "b.qcow2", "s", memory=4096)
    assert verdict(disks, taken) == PRESENT


def test_the_image_is_the_one_the_domain_had_then(folder: Path) -> None:
    then = Disks({"vda": put(folder / "base.qcow2", "s")})
    now = Disks({"vda": put(folder / "overlay.qcow2", on=folder / "base.qcow2")})

    assert verdict(now, Taken("s", then)) == PRESENT
    # Metadata from before libvirt kept definitions: the domain is taken for what it is now.
    assert verdict(now, Taken("s", None)) == missing(f"{folder}/overlay.qcow2 holds no snapshot 's'")


def test_a_tag_in_an_image_whose_base_is_gone_is_of_no_use(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s", on=folder / "base.qcow2")})

    assert verdict(disks, Taken("s", disks)) == missing(f"{folder}/base.qcow2 does not exist")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no image", "{} is not a qcow2 image"),
        (WrittenImage(count=1).written(), "{} is a damaged image: a snapshot table at byte 512"),
    ],
)
def test_an_image_that_cannot_be_read_tells_nothing(folder: Path, content: bytes, why: str) -> None:
    disks = Disks({"vda": folder / "a.qcow2"})
    (folder / "a.qcow2").write_bytes(content)

    assert verdict(disks, Taken("s", disks)) == why.format(folder / "a.qcow2")


@pytest.mark.parametrize(
    ("disk", "why"),
    [
        ("<disk type='network'><source protocol='rbd' name='pool/a'/><target dev='vda'/></disk>", "is of type network"),
        ("<disk type='volume'><source pool='p' volume='a'/><target dev='vda'/></disk>", "is of type volume"),
        ("<disk type='file'><source file='/elsewhere/a'/><target dev='vda'/></disk>", "cannot be seen from here"),
        ("<disk type='file'><source file='/dev/null'/><target dev='vda'/></disk>", "/dev/null is not a qcow2 image"),
        ("", "the snapshot's definition has no disk 'vda'"),
    ],
)
def test_a_disk_that_is_no_image_here_tells_nothing(disk: str, why: str) -> None:
    disks = Disks({"vda": disk})

    answer = verdict(disks, Taken("s", disks))

    assert isinstance(answer, str)
    assert why in answer


def test_what_is_surely_missing_counts_more_than_what_cannot_be_told(folder: Path) -> None:
    disks = Disks({"vda": folder / "nowhere" / "a.qcow2", "vdb": put(folder / "b.qcow2")})
    taken = Taken("s", disks, {"vda": "internal", "vdb": "internal"})

    assert verdict(disks, taken) == missing(f"{folder}/b.qcow2 holds no snapshot 's'")
    put(folder / "b.qcow2", "s")
    assert verdict(disks, taken) == f"the folder of {folder}/nowhere/a.qcow2 cannot be seen from here"


# External.


def test_an_external_snapshot_is_there_while_the_file_below_the_overlay_is(folder: Path) -> None:
    base, overlay = put(folder / "base.qcow2"), folder / "overlay.qcow2"
    then, now = Disks({"vda": base}), Disks({"vda": put(overlay, on=base)})
    taken = Taken("s", then, {"vda": overlay})

    assert verdict(now, taken) == PRESENT
    overlay.unlink()
    assert verdict(now, taken) == PRESENT
    base.unlink()
    assert verdict(now, taken) == missing(f"{base} does not exist")


def test_a_raw_base_is_there_while_its_file_is(folder: Path) -> None:
    base = folder / "base.img"
    base.touch()
    then = Disks({"vda": f"<disk type='file'><source file='{base}'/><target dev='vda'/></disk>"})
    now = Disks({"vda": folder / "overlay.qcow2"})

    assert verdict(now, Taken("s", then, {"vda": folder / "overlay.qcow2"})) == PRESENT


def test_a_base_that_was_moved_is_found_where_the_overlay_says(folder: Path) -> None:
    old, moved = folder / "old.qcow2", put(folder / "moved.qcow2")
    overlay = put(folder / "overlay.qcow2", on=moved)
    now = Disks({"vda": overlay})

    assert verdict(now, Taken("s", Disks({"vda": old}), {"vda": overlay})) == PRESENT
    assert verdict(now, Taken("s", None, {"vda": overlay})) == PRESENT
    moved.unlink()
    assert verdict(now, Taken("s", Disks({"vda": old}), {"vda": overlay})) == missing(f"{old} does not exist")
    assert verdict(now, Taken("s", None, {"vda": overlay})) == "it is not said what disk 'vda' was kept in"


def test_a_state_that_is_written_to_again_cannot_be_told(folder: Path) -> None:
    # After blockcommit the base is the domain's disk again, and no longer what it was.
    base = put(folder / "base.qcow2")
    overlay = put(folder / "overlay.qcow2", on=base)
    second = put(folder / "second.qcow2", on=overlay)
    now = Disks({"vda": base})

    why = f"{base} is written to again since the snapshot"
    assert verdict(now, Taken("s", Disks({"vda": base}), {"vda": overlay})) == why
    assert verdict(now, Taken("t", Disks({"vda": overlay}), {"vda": second})) == why


def test_an_internal_snapshot_upon_a_base_that_is_written_to_again_cannot_be_told(folder: Path) -> None:
    base = put(folder / "base.qcow2", "s")
    overlay = put(folder / "overlay.qcow2", "t", on=base)
    now = Disks({"vda": base})

    assert verdict(now, Taken("s", Disks({"vda": base}))) == PRESENT
    assert verdict(now, Taken("t", Disks({"vda": overlay}))) == f"{base} is written to again since the snapshot"


def test_a_disk_of_another_kind_below_an_overlay_cannot_be_told(folder: Path) -> None:
    network = "<disk type='network'><source protocol='nbd' name='a'/><target dev='vda'/></disk>"
    taken = Taken("s", Disks({"vda": network}), {"vda": folder / "overlay.qcow2"})

    answer = verdict(Disks({"vda": folder / "overlay.qcow2"}), taken)

    assert answer == "disk 'vda' is no file here: it is of type network"


def test_external_memory_is_there_while_its_file_is(folder: Path) -> None:
    base, overlay, memory = put(folder / "base.qcow2"), folder / "overlay.qcow2", folder / "memory"
    memory.touch()
    now = Disks({"vda": put(overlay, on=base)})
    taken = Taken(
        "s", Disks({"vda": base}), {"vda": overlay}, f"<memory snapshot='external' file={quoteattr(str(memory))}/>"
    )

    assert verdict(now, taken) == PRESENT
    memory.unlink()
    assert verdict(now, taken) == missing(f"{memory} does not exist")


# What tells nothing.


def test_a_disk_kept_by_hand_cannot_be_told(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s"), "vdb": put(folder / "b.qcow2")})

    answer = verdict(disks, Taken("s", disks, {"vda": "internal", "vdb": "manual"}))

    assert answer == "disk 'vdb' is kept in another way: manual"


def test_a_snapshot_that_keeps_nothing_cannot_be_told(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2")})

    assert verdict(disks, Taken("s", disks, {"vda": "no"})) == "snapshot 's' keeps nothing in a file"
    assert verdict(disks, Taken("s", disks, {})) == "snapshot 's' keeps nothing in a file"


def test_memory_that_is_nowhere_said_to_be_cannot_be_told(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2")})

    answer = verdict(disks, Taken("s", disks, {"vda": "no"}, "<memory snapshot='internal'/>"))

    assert answer == "no image holds the memory of snapshot 's'"


def test_metadata_that_cannot_be_read_is_said_to_be(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s")})

    findings = images.presence(disks.definition(), {"s": "<domainsnapshot>"})

    assert "the XML of snapshot 's' cannot be read: XML error" in findings.untold["s"]
    assert findings.orphans == ()


# Orphans.


def test_a_tag_that_no_snapshot_explains_is_an_orphan(folder: Path) -> None:
    disks = Disks({"vda": put(folder / "a.qcow2", "s", "lost", memory=5)})

    assert look(disks, Taken("s", disks)).orphans == (OrphanTag(f"{folder}/a.qcow2", "lost", 7, 5),)
    assert look(disks).orphans[0].tag == "s"


def test_an_external_snapshot_explains_no_tag(folder: Path) -> None:
    base = put(folder / "base.qcow2", "s")
    overlay = put(folder / "overlay.qcow2", on=base)

    findings = look(Disks({"vda": overlay}), Taken("s", Disks({"vda": base}), {"vda": overlay}))

    assert findings.orphans == (OrphanTag(str(base), "s", 7, 0),)


def test_tags_of_a_base_that_the_domain_never_wrote_are_not_its_orphans(folder: Path) -> None:
    template = put(folder / "template.qcow2", "golden")
    cdrom = put(folder / "cd.qcow2", "theirs")
    disks = Disks(
        {
            "vda": put(folder / "a.qcow2", on=template),
            "sda": f"<disk type='file' device='cdrom'><driver type='qcow2'/><source file='{cdrom}'/>"
            "<target dev='sda'/><readonly/></disk>",
        }
    )

    assert look(disks).orphans == ()


# Chains.


def test_the_chain_of_each_disk_is_told_with_the_tags_of_its_top(folder: Path) -> None:
    base = put(folder / "base.qcow2", "hidden below")
    overlay = put(folder / "overlay.qcow2", "a", "b", on=base)
    (folder / "raw").touch()
    raw = f"<disk type='file'><source file='{folder}/raw'/><target dev='vdb'/></disk>"
    network = "<disk type='network'><source protocol='nbd' name='n'/><target dev='vdc'/></disk>"
    empty = "<disk type='file' device='cdrom'><target dev='sda'/></disk>"
    definition = Disks({"vda": overlay, "vdb": raw, "vdc": network, "sda": empty}).definition()

    assert images.chains(definition, here=True) == (
        ImageChain("vda", str(overlay), (str(overlay), str(base)), ("a", "b")),
        ImageChain("vdb", f"{folder}/raw", (f"{folder}/raw",)),
        ImageChain("vdc", "n", (), cut="disk 'vdc' is no file here: it is of type network"),
    )


def test_what_a_file_is_called_by_way_of_links_is_told_with_it(folder: Path) -> None:
    base = put(folder / "base.qcow2", "s")
    (folder / "linked").symlink_to(folder)
    called = folder / "linked" / "base.qcow2"
    overlay = put(folder / "overlay.qcow2", on=called)
    then = Disks({"vda": called})

    [chain] = images.chains(Disks({"vda": overlay}).definition(), here=True)
    assert (chain.files, chain.names) == ((str(overlay), str(base)), {str(called): str(base)})
    assert look(Disks({"vda": base}), Taken("s", then)).names == {str(called): str(base)}


def test_the_files_of_another_machine_are_not_looked_at(folder: Path) -> None:
    definition = Disks({"vda": put(folder / "a.qcow2", "s")}).definition()

    assert images.chains(definition, here=False) == (
        ImageChain("vda", f"{folder}/a.qcow2", (), cut="the hypervisor's files are not this machine's"),
    )


@pytest.mark.parametrize(
    ("uri", "here"),
    [
        ("qemu:///system", True),
        ("qemu:///session", True),
        ("qemu+unix:///system", True),
        ("qemu+unix:///system?socket=/run/other/libvirt-sock", True),
        ("qemu://storage.example/system", False),
        ("qemu+ssh://root@storage.example/system", False),
        ("qemu+ssh://localhost/system", False),
        ("qemu+tcp://10.99.0.2/system", False),
        ("qemu+ext:///system?command=/usr/bin/tunnel", False),
        ("test:///default", False),
        ("esx://esx.example/", False),
        ("vbox:///session", False),
    ],
)
def test_files_are_here_where_the_uri_names_neither_a_host_nor_a_way_to_one(uri: str, *, here: bool) -> None:
    assert images.files_are_here(uri) is here
