"""A backup and its restore as what they are to a database and a disk; tests/acceptance/test_restores.py has them as people do."""

import os
import stat
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from domain_model.errors import InvalidArgument, OperationInvalid, Refused
from revisor.backups import ARCHIVE, back_up, restore
from revisor.store.archive_file import Manifest
from revisor.store.recorder import LogRecorder, Save
from tests.contract.store.streams import stored
from tests.integration.product import ALICE


def backed_up(dsn: str, folder: Path) -> Manifest:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return back_up(connection, folder, folder.parent / "master.key", seen=lambda _step, _bytes: None)


def test_a_backup_lies_in_a_folder_of_its_owners_alone(application_dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "monday"
    backed_up(application_dsn, folder)
    assert [path.name for path in folder.iterdir()] == [ARCHIVE]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(InvalidArgument, match="is not empty"):
        backed_up(application_dsn, folder)
    (tmp_path / "there").mkdir()
    backed_up(application_dsn, tmp_path / "there")
    with pytest.raises(Refused, match=f"cannot make '{tmp_path}/none/tuesday': No such file or directory"):
        backed_up(application_dsn, tmp_path / "none" / "tuesday")
    with pytest.raises(Refused, match="Not a directory"):
        backed_up(application_dsn, folder / ARCHIVE)


def test_the_folder_of_a_backup_is_on_the_disk_like_its_file(
    application_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    folder = tmp_path / "monday"
    backed_up(application_dsn, folder)
    assert synced == [path.stat().st_ino for path in (tmp_path, folder / ARCHIVE, folder)]


def test_a_log_that_takes_no_backup_refuses_it_without_touching_the_vault(
    application_dsn: str, owner_dsn: str, recorder: LogRecorder, tmp_path: Path
) -> None:
    backed_up(application_dsn, tmp_path / "monday")
    recorder.insert_events([stored(uuid4())], save=Save(ALICE))
    with psycopg.connect(owner_dsn) as other, psycopg.connect(owner_dsn, autocommit=True) as connection:
        other.execute("LOCK TABLE work.vault_secrets, work.vault_keys")
        connection.execute("SET lock_timeout = '1s'")
        with pytest.raises(OperationInvalid, match="in this one 1 positions are recorded"):
            restore(connection, tmp_path / "monday", tmp_path / "master.key", seen=lambda _step, _bytes: None)
