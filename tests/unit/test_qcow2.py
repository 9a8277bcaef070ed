"""Reading qcow2 headers: what QEMU's own tool wrote, what was written by hand, and what never was an image."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import qcow2
from drivers.qcow2 import DamagedImageError, Qcow2Image, Tag
from tests.unit.qcow2_bytes import BACKING_FORMAT, BITMAPS, DATA_FILE, UNKNOWN, WrittenImage, WrittenTag, number

needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img (package qemu-utils)")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "image.qcow2"


def write(path: Path, written: WrittenImage) -> str:
    path.write_bytes(written.written())
    return str(path)


def qemu_img(*words: str | Path) -> str:
    return subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True, text=True).stdout


# Written by hand.


@pytest.mark.parametrize("version", [2, 3])
def test_an_image_without_anything_says_so(image: Path, version: int) -> None:
    assert qcow2.read(write(image, WrittenImage(version))) == Qcow2Image(version, 1024 * 1024, None, None, None, ())


@pytest.mark.parametrize("version", [2, 3])
def test_the_backing_file_and_its_format_are_read(image: Path, version: int) -> None:
    written = WrittenImage(
        version,
        backing="/images/gründung.qcow2".encode(),
        extensions=[(UNKNOWN, b"123456789"), (BACKING_FORMAT, b"qcow2"), (BITMAPS, bytes(24))],
    )

    found = qcow2.read(write(image, written))

    assert found is not None
    assert (found.backing_file, found.backing_format) == ("/images/gründung.qcow2", "qcow2")


def test_a_backing_file_whose_format_nobody_noted_has_none(image: Path) -> None:
    found = qcow2.read(write(image, WrittenImage(backing=b"base.img")))

    assert found is not None
    assert (found.backing_file, found.backing_format) == ("base.img", None)


def test_extensions_after_the_end_of_extensions_are_not_read(image: Path) -> None:
    found = qcow2.read(write(image, WrittenImage(extensions=[(0, b""), (BACKING_FORMAT, b"raw")])))

    assert found is not None
    assert found.backing_format is None


@pytest.mark.parametrize("version", [2, 3])
def test_tags_are_read_in_order_with_the_size_of_their_memory(image: Path, version: int) -> None:
    written = WrittenImage(
        version,
        tags=[
            WrittenTag(b"installed", id=b"1", date_s=1_313_000_000),
            WrittenTag("vor dem Umbau é€😀".encode(), id=b"2", vm_state_bytes=4096),
            WrittenTag(b"big", id=b"17", vm_state_bytes=0, vm_state_bytes_64=5 * 2**32),
            WrittenTag(b"newer", id=b"18", vm_state_bytes=7, vm_state_bytes_64=7, extra=bytes(range(24))),
            WrittenTag(b"disk only", id=b"19", vm_state_bytes=9, vm_state_bytes_64=0, extra=b""),
        ],
    )

    found = qcow2.read(write(image, written))

    assert found is not None
    assert found.tags == (
        Tag("1", "installed", 1_313_000_000, 0),
        Tag("2", "vor dem Umbau é€😀", 1_300_000_000, 4096),
        Tag("17", "big", 1_300_000_000, 5 * 2**32),
        Tag("18", "newer", 1_300_000_000, 7),
        Tag("19", "disk only", 1_300_000_000, 0),
    )


def test_a_name_ends_where_qemu_ends_it_and_can_be_recorded(image: Path) -> None:
    written = WrittenImage(tags=[WrittenTag(b"seen\0hidden"), WrittenTag(b"no \xff\xfe UTF-8")])

    found = qcow2.read(write(image, written))

    assert found is not None
    assert [tag.name for tag in found.tags] == ["seen", r"no \xff\xfe UTF-8"]
    "".join(tag.name for tag in found.tags).encode()


def test_the_file_that_holds_the_data_is_named_only_where_the_image_uses_it(image: Path) -> None:
    extensions = [(DATA_FILE, b"/images/data.raw")]

    uses = qcow2.read(write(image, WrittenImage(features=0b100, extensions=extensions)))
    ignores = qcow2.read(write(image, WrittenImage(features=0, extensions=extensions)))

    assert uses is not None
    assert uses.data_file == "/images/data.raw"
    assert ignores is not None
    assert ignores.data_file is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"QFI",
        b"QFI\xfb",
        b"QFI\xfb\0\0\0",
        bytes(4096),
        b"\xebc\x90" + bytes(509),
        WrittenImage(magic=b"QFI\xfa").written(),
        WrittenImage(1).written(),
        WrittenImage(4).written(),
    ],
    ids=["empty", "short", "magic", "half a version", "zeros", "boot sector", "other magic", "version 1", "version 4"],
)
def test_what_is_no_qcow2_is_none(image: Path, content: bytes) -> None:
    image.write_bytes(content)

    assert qcow2.read(str(image)) is None


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (WrittenImage(cluster_bits=8), r"clusters of 2\^8 bytes"),
        (WrittenImage(cluster_bits=22), r"clusters of 2\^22 bytes"),
        (WrittenImage(features=1 << 5), r"not known here \(0x20\)"),
        (WrittenImage(header_length=96), "a header of 96 bytes"),
        (WrittenImage(backing=b"b", backing_at=513), "not in the first cluster"),
        (WrittenImage(backing=b"b" * 100, backing_at=500), "name of 100 bytes"),
        (WrittenImage(count=65537), "a table of 65537 snapshots"),
        (WrittenImage(count=2**32 - 1), "a table of 4294967295 snapshots"),
        (WrittenImage(tags=[WrittenTag(b"a")], table_at=513), "a snapshot table at byte 513"),
        (WrittenImage(count=1, table_at=2**64 - 512), "a snapshot table at byte 18446744073709551104"),
        (WrittenImage(count=1, table_at=2**62), "a snapshot table at byte 4611686018427387904"),
        (WrittenImage(tags=[WrittenTag(b"a")], count=2), "ends within its snapshot table"),
        (WrittenImage(tags=[WrittenTag(b"a", vm_state_bytes_64=0, extra=bytes(1017))]), "1025 extra bytes"),
    ],
)
def test_an_image_whose_numbers_cannot_be_is_damaged(image: Path, damaged: WrittenImage, what: str) -> None:
    with pytest.raises(DamagedImageError, match=what):
        qcow2.read(write(image, damaged))


def test_an_extension_that_is_longer_than_its_place_is_damage(image: Path) -> None:
    content = bytearray(WrittenImage(extensions=[(UNKNOWN, b"12345678")]).written())
    content[116:120] = number(400, 4)
    image.write_bytes(content)

    with pytest.raises(DamagedImageError, match="a header extension of 400 bytes"):
        qcow2.read(str(image))


def test_a_table_of_more_than_qemu_would_load_is_not_read_to_its_end(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qcow2, "_MAX_TABLE_BYTES", 1000)
    written = WrittenImage(tags=[WrittenTag(b"x" * 200) for _ in range(5)])

    with pytest.raises(DamagedImageError, match="more than 1000 bytes"):
        qcow2.read(write(image, written))


def test_an_image_cut_off_anywhere_is_read_refused_or_none_but_never_misread(image: Path) -> None:
    written = WrittenImage(
        backing=b"/base", extensions=[(BACKING_FORMAT, b"raw")], tags=[WrittenTag(b"a"), WrittenTag(b"b")]
    )
    content = written.written()
    image.write_bytes(content)
    whole = qcow2.read(str(image))
    outcomes = set()

    for length in range(len(content)):
        image.write_bytes(content[:length])
        try:
            found = qcow2.read(str(image))
        except DamagedImageError:
            outcomes.add("damaged")
            continue
        outcomes.add("none" if found is None else "whole")
        # Only the padding after the last name may go unmissed.
        assert found is None or (found == whole and length > len(content) - 8)

    assert outcomes == {"damaged", "none", "whole"}


# What never was an image.


@given(
    content=st.binary(max_size=2000)
    | st.builds(lambda tail: b"QFI\xfb\0\0\0\3" + tail, st.binary(max_size=2000))
    | st.builds(lambda tail: b"QFI\xfb\0\0\0\2" + tail, st.binary(max_size=2000))
)
def test_garbage_is_none_an_image_or_damaged(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage"
    path.write_bytes(content)

    assert_readable_or_damaged(path)


@given(flips=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_spoiled_image_is_none_an_image_or_damaged(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]
) -> None:
    written = WrittenImage(
        backing=b"/base", extensions=[(BACKING_FORMAT, b"raw")], tags=[WrittenTag(b"a" * 40), WrittenTag(b"b" * 40)]
    )
    content = bytearray(written.written().ljust(901, b"\0"))
    for place, value in flips:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "spoiled"
    path.write_bytes(content)

    assert_readable_or_damaged(path)


def assert_readable_or_damaged(path: Path) -> None:
    try:
        found = qcow2.read(str(path))
    except DamagedImageError:
        return
    assert found is None or isinstance(found, Qcow2Image)


@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60), max_size=12)
)
def test_every_name_is_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "names"
    tags = [WrittenTag(name.encode(), id=str(number).encode()) for number, name in enumerate(names)]

    found = qcow2.read(write(path, WrittenImage(tags=tags)))

    assert found is not None
    assert [(tag.id, tag.name) for tag in found.tags] == [(str(number), name) for number, name in enumerate(names)]


# Files of other kinds.


def test_a_file_that_is_not_there_or_may_not_be_read_is_the_callers_to_judge(image: Path) -> None:
    with pytest.raises(FileNotFoundError):
        qcow2.read(str(image))


def test_nothing_is_opened_that_is_no_store_of_data(tmp_path: Path) -> None:
    # Opening it for reading would wait for a writer.
    os.mkfifo(tmp_path / "fifo")

    for path in (tmp_path / "fifo", tmp_path, Path("/dev/null")):
        assert qcow2.read(str(path)) is None


def test_reading_leaves_no_file_open(image: Path) -> None:
    write(image, WrittenImage(count=9))
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        with pytest.raises(DamagedImageError):
            qcow2.read(str(image))

    assert len(list(Path("/proc/self/fd").iterdir())) == before


# Written by QEMU's own tool.


@needs_qemu_img
@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_an_image_of_qemu_img_is_read(image: Path, compat: str) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"compat={compat}", image, "3M")
    names = ["installed", "é€😀 with spaces", "b" * 200]
    for name in names:
        qemu_img("snapshot", "-c", name, image)
    qemu_img("snapshot", "-d", "installed", image)

    found = qcow2.read(str(image))

    assert found is not None
    assert (found.version, found.virtual_size_bytes) == (2 if compat == "0.10" else 3, 3 * 1024 * 1024)
    assert [(tag.id, tag.name, tag.vm_state_bytes) for tag in found.tags] == [("2", names[1], 0), ("3", names[2], 0)]


@needs_qemu_img
@pytest.mark.parametrize("cluster_size", [512, 4096, 2 * 1024 * 1024])
def test_a_backing_file_named_by_qemu_img_is_read(tmp_path: Path, cluster_size: int) -> None:
    base, overlay = tmp_path / "bäse.qcow2", tmp_path / "overlay.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", base, "1M")
    options = f"cluster_size={cluster_size}"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, "-b", "bäse.qcow2", "-F", "qcow2", overlay)

    found = qcow2.read(str(overlay))

    assert found is not None
    assert (found.backing_file, found.backing_format) == ("bäse.qcow2", "qcow2")


@needs_qemu_img
def test_many_snapshots_are_all_read(image: Path) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=512", image, "64k")
    names = [f"snapshot {number}" for number in range(60)]
    for name in names:
        qemu_img("snapshot", "-c", name, image)

    found = qcow2.read(str(image))

    assert found is not None
    assert [tag.name for tag in found.tags] == names
