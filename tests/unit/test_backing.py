"""Which files an image consists of: there, gone, or not to be told from here."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers import backing, qcow2
from drivers.backing import Chain, Cut, ImageFiles
from drivers.qcow2 import Qcow2Image
from tests.unit.qcow2_bytes import BACKING_FORMAT, DATA_FILE, WrittenImage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # As it is really called: some machines keep temporary files behind a link.
    return tmp_path.resolve()


def put(path: Path, on: str | None = None, form: str | None = "qcow2") -> Path:
    """Write an image that stands on another one."""
    extensions = [] if form is None else [(BACKING_FORMAT, form.encode())]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(WrittenImage(backing=os.fsencode(on or ""), extensions=extensions, cluster_bits=12).written())
    return path


def chain_of(path: Path, declared: str | None = "qcow2") -> Chain:
    return ImageFiles().chain(str(path), declared)


def why(chain: Chain) -> str:
    assert chain.cut is not None
    return chain.cut.why


def test_a_chain_is_told_from_the_top_to_the_base(folder: Path) -> None:
    raw = folder / "base.img"
    raw.write_bytes(bytes(1024))
    middle = put(folder / "middle.qcow2", on=str(raw), form="raw")
    top = put(folder / "top.qcow2", on=str(middle))

    assert chain_of(top).files == (str(top), str(middle), str(raw))
    assert chain_of(top).cut is None


def test_a_relative_name_begins_at_the_folder_of_the_image(folder: Path) -> None:
    base = put(folder / "bases" / "base.qcow2")
    top = put(folder / "guests" / "top.qcow2", on="../bases/base.qcow2")

    assert chain_of(top).files == (str(top), str(base))


def test_an_image_named_by_a_link_has_one_name_and_its_relatives_are_at_the_links_place(folder: Path) -> None:
    real = put(folder / "far" / "top.qcow2", on="base.qcow2")
    link = folder / "near" / "link.qcow2"
    base = put(folder / "near" / "base.qcow2")
    link.symlink_to(real)

    assert chain_of(link).files == (str(real), str(base))


@pytest.mark.parametrize(
    "spelled",
    [
        lambda path: f"file:{path}",
        lambda path: "json:" + json.dumps({"driver": "qcow2", "file": {"driver": "file", "filename": path}}),
        lambda path: "json:" + json.dumps({"driver": "qcow2", "file.driver": "file", "file.filename": path}),
        lambda path: "json:" + json.dumps({"file.filename": path}),
        lambda path: "json:" + json.dumps({"driver": "file", "filename": path}),
    ],
    ids=["protocol", "nested", "flat", "flat without drivers", "no format"],
)
def test_qemus_other_ways_to_name_a_file_are_understood(folder: Path, spelled: Callable[[str], str]) -> None:
    raw = folder / "raw"
    raw.touch()
    base = put(folder / "base.qcow2", on=str(raw), form="raw")
    top = put(folder / "top.qcow2", on=spelled(str(base)))

    assert chain_of(top).files == (str(top), str(base), str(raw))


@pytest.mark.parametrize(
    "name",
    [
        "nbd://storage.example/base",
        "rbd:pool/base",
        "file:relative.qcow2",
        "json:{",
        "json:[]",
        "json:" + "[" * 1018,
        'json:{"driver":"qcow2"}',
        'json:{"driver":"qcow2","file":{"driver":"nbd","host":"storage.example"}}',
        'json:{"file":{"driver":"file","filename":"relative.qcow2"}}',
        'json:{"file.filename":7}',
        'json:{"file.filename":"/nul\\u0000"}',
        'json:{"driver":["qcow2"],"file.filename":"/base"}',
        b"/no \xff UTF-8",
    ],
)
def test_what_names_no_file_here_cannot_be_told(folder: Path, name: str | bytes) -> None:
    top = put(folder / "top.qcow2", on=os.fsdecode(name))

    chain = chain_of(top)

    assert chain.files == (str(top),)
    assert "names no file of this machine" in why(chain)
    assert chain.cut is not None
    assert not chain.cut.gone
    chain.cut.why.encode()


def test_a_file_that_is_missing_from_a_folder_that_is_seen_is_gone(folder: Path) -> None:
    top = put(folder / "top.qcow2", on="base.qcow2")

    assert chain_of(top).cut == Cut(f"{folder}/base.qcow2 does not exist", gone=True)
    assert chain_of(folder / "nothing.qcow2") == Chain((), Cut(f"{folder}/nothing.qcow2 does not exist", gone=True))


def test_a_file_in_a_folder_that_is_not_seen_cannot_be_told(folder: Path) -> None:
    # Another machine's folder, or one that a container was not given; also behind a link that leads nowhere.
    (folder / "link.qcow2").symlink_to(folder / "elsewhere" / "base.qcow2")
    for name in ("elsewhere/base.qcow2", "link.qcow2"):
        top = put(folder / "top.qcow2", on=name)

        assert chain_of(top).cut == Cut(f"the folder of {folder}/{name} cannot be seen from here")


def test_a_file_that_cannot_be_read_cannot_be_told(folder: Path) -> None:
    (folder / "around").symlink_to(folder / "around")
    top = put(folder / "top.qcow2", on="around")

    assert chain_of(top).cut == Cut(f"{folder}/around cannot be read: Too many levels of symbolic links")


def test_a_damaged_image_cannot_be_told(folder: Path) -> None:
    (folder / "base.qcow2").write_bytes(WrittenImage(cluster_bits=1).written())
    top = put(folder / "top.qcow2", on="base.qcow2")

    assert chain_of(top).cut == Cut(f"{folder}/base.qcow2 is a damaged image: clusters of 2^1 bytes")


def test_a_disk_declared_raw_is_not_believed_to_be_anything_else(folder: Path) -> None:
    # A guest may write any header into its raw disk, and name any file of the host in it.
    disk = put(folder / "disk.img", on="/etc/shadow")
    top = put(folder / "top.qcow2", on=str(disk), form="raw")

    assert chain_of(disk, "raw") == Chain((backing.Sight(str(disk)),))
    assert chain_of(top).files == (str(top), str(disk))


def test_an_image_that_does_not_declare_what_it_stands_on_is_followed_as_qemu_does(folder: Path) -> None:
    base = put(folder / "base.qcow2")
    middle = put(folder / "middle.qcow2", on="base.qcow2", form=None)
    raw = folder / "raw"
    raw.write_bytes(bytes(100))

    assert chain_of(put(folder / "top.qcow2", on="middle.qcow2", form=None)).files == (
        str(folder / "top.qcow2"),
        str(middle),
        str(base),
    )
    assert chain_of(put(folder / "top.qcow2", on="raw", form=None)).files == (str(folder / "top.qcow2"), str(raw))


def test_formats_that_are_not_read_here_cut_the_chain(folder: Path) -> None:
    (folder / "disk.vmdk").write_bytes(b"KDMV")

    assert chain_of(folder / "disk.vmdk", "vmdk").files == (str(folder / "disk.vmdk"),)
    assert "of format 'vmdk', which is not read here" in why(chain_of(folder / "disk.vmdk", "vmdk"))
    assert "is not a qcow2 image" in why(chain_of(folder / "disk.vmdk", "qcow2"))


def test_the_file_that_holds_the_data_belongs_to_the_image(folder: Path) -> None:
    data, base = folder / "data.raw", put(folder / "base.qcow2")
    data.touch()
    top = folder / "top.qcow2"
    extensions = [(BACKING_FORMAT, b"qcow2"), (DATA_FILE, str(data).encode())]
    top.write_bytes(WrittenImage(backing=b"base.qcow2", features=0b100, extensions=extensions).written())

    whole = chain_of(top)
    assert (whole.files, whole.cut) == ((str(top), str(data), str(base)), None)
    assert whole.below.files == (str(base),)

    data.unlink()
    assert chain_of(top).cut == Cut(f"{data} does not exist", gone=True)

    top.write_bytes(WrittenImage(features=0b100, extensions=[(DATA_FILE, b"data.raw")]).written())
    assert chain_of(top).cut == Cut("'data.raw' is not an absolute path")


def test_a_chain_that_bites_its_tail_ends(folder: Path) -> None:
    put(folder / "a.qcow2", on="b.qcow2")
    put(folder / "b.qcow2", on="a.qcow2")

    chain = chain_of(folder / "a.qcow2")

    assert chain.files == (str(folder / "a.qcow2"), str(folder / "b.qcow2"))
    assert "does not end" in why(chain)


def test_a_chain_deeper_than_libvirt_follows_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backing, "MAX_DEPTH", 3)
    for number in range(4):
        put(folder / f"{number}.qcow2", on=f"{number + 1}.qcow2")
    put(folder / "4.qcow2")

    assert len(chain_of(folder / "2.qcow2").files) == 3
    assert chain_of(folder / "2.qcow2").cut is None
    assert len(chain_of(folder / "0.qcow2").files) == 3
    assert "does not end" in why(chain_of(folder / "0.qcow2"))


def test_each_file_is_opened_once_in_a_look(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    whole = qcow2.read

    def read(path: str) -> Qcow2Image | None:
        opened.append(Path(path).name)
        return whole(path)

    monkeypatch.setattr(qcow2, "read", read)
    put(folder / "base.qcow2")
    files = ImageFiles()
    for name in ("a", "b", "a", "b"):
        files.chain(str(put(folder / f"{name}.qcow2", on="base.qcow2")), "qcow2")

    assert sorted(opened) == ["a.qcow2", "b.qcow2", "base.qcow2"]


def test_a_name_that_cannot_be_printed_is_spelled_out() -> None:
    assert backing.shown("/images/\n\x1b[2Jé") == "/images/\\n\\x1b[2Jé"
