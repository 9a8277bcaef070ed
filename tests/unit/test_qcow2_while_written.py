"""Reading a qcow2 header while somebody else writes it: QEMU takes no lock that would keep a reader away."""

import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers import qcow2
from drivers.qcow2 import DamagedImageError, Tag
from tests.unit.qcow2_bytes import WrittenImage, WrittenTag


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "image.qcow2"


class Writer:
    """QEMU beside us: puts another table elsewhere, then the header that names it, then writes over the old one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0

    def write(self) -> None:
        self._written += 1
        at, old = (512, 1024) if self._written % 2 else (1024, 512)
        tag = WrittenTag(f"{self._written:06}".encode() * 4)
        header = WrittenImage(tags=[tag], table_at=at).written()[:512]
        with self._path.open("r+b") as file:
            file.seek(at)
            file.write(tag.written())
            file.flush()
            file.seek(0)
            file.write(header)
            file.flush()
            file.seek(old)
            file.write(b"\xff" * 64)


def reading_that_is_disturbed(monkeypatch: pytest.MonkeyPatch, disturb: Callable[[], None], *, times: int) -> None:
    """Have ``disturb`` called between the header and the table, the first ``times`` times they are read."""
    whole = qcow2._Reading._tags
    left = [times]

    def tags(self: qcow2._Reading, count: int, at: int, cluster: int) -> list[Tag]:
        if left[0]:
            left[0] -= 1
            disturb()
        return list(whole(self, count, at, cluster))

    monkeypatch.setattr(qcow2._Reading, "_tags", tags)
    # So that the table is not read into the buffer along with the header.
    monkeypatch.setattr(qcow2, "_BUFFER_BYTES", 16)


def test_a_table_that_is_replaced_while_it_is_read_is_read_again(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image.write_bytes(bytes(2048))
    writer = Writer(image)
    writer.write()
    reading_that_is_disturbed(monkeypatch, writer.write, times=3)

    found = qcow2.read(str(image))

    assert found is not None
    assert [tag.name for tag in found.tags] == ["000004" * 4]


def test_an_image_that_never_rests_is_given_up(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image.write_bytes(bytes(2048))
    writer = Writer(image)
    writer.write()
    reading_that_is_disturbed(monkeypatch, writer.write, times=1000)

    with pytest.raises(DamagedImageError, match="changed during each of 5 looks"):
        qcow2.read(str(image))


def qemu_img(*words: str | Path) -> str:
    return subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img (package qemu-utils)")
def test_reading_does_not_disturb_qemu_img_nor_is_disturbed_by_it(image: Path) -> None:
    qemu_img("create", "-q", "-f", "qcow2", image, "1M")
    seen: list[int] = []
    damaged: list[DamagedImageError] = []
    done = threading.Event()

    def keep_reading() -> None:
        while not done.is_set():
            try:
                found = qcow2.read(str(image))
            except DamagedImageError as error:
                damaged.append(error)
            else:
                seen.append(-1 if found is None else len(found.tags))

    reader = threading.Thread(target=keep_reading)
    reader.start()
    try:
        for number in range(15):
            qemu_img("snapshot", "-c", f"s{number}", image)
    finally:
        done.set()
        reader.join()

    assert not damaged
    assert seen == sorted(seen)
    assert set(seen) <= set(range(16))
    assert "No errors" in qemu_img("check", image)
