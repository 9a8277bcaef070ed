"""Export, import and backup when the line to the database is cut, or they are:
what a script may take the exit code for.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks._logs import write_log
from revisor.cli.main import main
from tests.integration.archives import Databases
from tests.lab.awaiting import eventually
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("words", [("backup", "monday"), ("export", "--raw", "monday")], ids=["backup", "export"])
def test_a_backup_or_export_that_a_signal_ends_leaves_nothing(
    application_dsn: str, owner_dsn: str, tmp_path: Path, words: tuple[str, ...], number: signal.Signals
) -> None:
    with psycopg.connect(owner_dsn) as other:
        other.execute("LOCK TABLE log.requests")
        environment = {**os.environ, "REVISOR_HOME": str(tmp_path / "h"), "REVISOR_DSN": application_dsn}
        running = subprocess.Popen(
            [sys.executable, "-m", "revisor", *words[:-1], str(tmp_path / words[-1])],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: list(tmp_path.rglob("*.partial")) != [], what="it writes")
        running.send_signal(number)
        _, said = running.communicate()
    assert (running.returncode, said.strip()) == (130, "error: interrupted")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_was_mistyped_is_not_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REVISOR_DSN", raising=False)
    monkeypatch.setenv("REVISOR_HOME", str(tmp_path / "hmoe"))
    assert main(["backup", str(tmp_path / "monday")]) == 1
    assert main(["export", "--raw", str(tmp_path / "log")]) == 1
    assert f"no Revisor has been in REVISOR_HOME, '{tmp_path / 'hmoe'}' [8]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
