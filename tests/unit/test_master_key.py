"""The file of the master key is made only where nothing is sealed, and is compared with what is."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from domain_model.errors import OperationInvalid
from revisor.store.master_key import SealedKeys, open_master_key
from revisor.store.sealing import KEY_BYTES, seal

OURS, OTHER = b"o" * KEY_BYTES, b"x" * KEY_BYTES


def sealed_under(*keys: bytes) -> SealedKeys:
    """As many domains as keys, the key of each sealed under its own."""
    domains = [uuid4() for _ in keys]
    return [(domain, seal(key, b"of the domain", domain.bytes)) for domain, key in zip(domains, keys, strict=True)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


def test_where_nothing_is_sealed_a_key_is_made_once_and_for_its_owner_alone(path: Path) -> None:
    made = open_master_key(path, [], make=True)
    assert len(made) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_master_key(path, sealed_under(made), make=True) == made
    assert [each.name for each in path.parent.iterdir()] == ["master.key"]


def test_a_lost_key_is_named_and_none_is_made_in_its_place(path: Path) -> None:
    with pytest.raises(OperationInvalid, match=f"cannot be opened: {path} is not there") as refused:
        open_master_key(path, sealed_under(OURS), make=True)
    assert refused.value.value == str(path)
    assert "REVISOR_MASTER_KEY_FILE" in (refused.value.accepted or "")
    assert not path.exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([OTHER, OTHER], "is another one than they were sealed under"),
        ([OURS, OTHER, OTHER], "sealed under two keys, and .* opens those of 1 of 3 domains"),
    ],
)
def test_a_key_that_does_not_open_everything_is_refused(path: Path, keys: list[bytes], said: str) -> None:
    path.write_bytes(OURS)
    with pytest.raises(OperationInvalid, match=said):
        open_master_key(path, sealed_under(*keys), make=True)
    assert path.read_bytes() == OURS


def test_a_file_that_was_named_is_not_made(path: Path) -> None:
    with pytest.raises(OperationInvalid, match="is not there, and REVISOR_MASTER_KEY_FILE names it"):
        open_master_key(path, [], make=False)


def test_what_is_no_key_is_refused_with_the_reason(path: Path) -> None:
    path.touch()
    with pytest.raises(OperationInvalid, match="Not a directory"):
        open_master_key(path / "below", [], make=True)
    with pytest.raises(OperationInvalid, match="is not a master key: it holds 0 bytes"):
        open_master_key(path, [], make=True)
    path.unlink()
    path.mkdir()
    with pytest.raises(OperationInvalid, match=f"{path} cannot be read: Is a directory"):
        open_master_key(path, [], make=True)
