"""Export and import when the line to the database is cut: what a script may take the exit code for."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks._logs import write_log
from revisor.cli.main import main
from tests.integration.archives import Databases
from tests.lab.cutting_proxy import CuttingProxy
from tests.lab.databases import Server


@pytest.fixture
def proxy(owner_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingProxy]:
    """The settings lead to the database through it."""
    with tempfile.TemporaryDirectory(prefix="rv-") as folder, CuttingProxy(owner_dsn, Path(folder)) as proxy:
        monkeypatch.setenv("REVISOR_HOME", folder)
        monkeypatch.setenv("REVISOR_DSN", proxy.dsn)
        monkeypatch.setenv("REVISOR_OWNER_DSN", proxy.dsn)
        yield proxy


def test_an_import_whose_commit_was_not_answered_is_unknown(
    proxy: CuttingProxy, postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_log(tmp_path / "log", events=50, domains=2)
    proxy.cut_at = b"COMMIT\x00"
    assert main(["import", str(tmp_path / "log")]) == 4
    assert proxy.cut_at is None, "it was cut"
    assert "the connection to the database was lost" in capsys.readouterr().err
    assert Databases(postgres).exported(tmp_path / "again").head == manifest.head


def test_an_export_that_was_cut_off_leaves_nothing(
    proxy: CuttingProxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.cut_at = b"PGCOPY"
    assert main(["export", "--raw", str(tmp_path / "log")]) == 3
    assert proxy.cut_at is None, "it was cut"
    assert "the connection to the database was lost" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
