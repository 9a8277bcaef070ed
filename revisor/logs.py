"""Logging of every process: readable on a terminal, JSON lines otherwise, and a rotated file in either case.

Records may carry ``operation`` and ``correlation`` (logging's ``extra``). No message holds XML or a secret: what may
hold one is never handed to a logger.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_ROTATE_BYTES = 10 * 1024 * 1024
_KEEP = 5
_CARRIED = ("operation", "correlation", "host")


class JsonLines(logging.Formatter):
    """One JSON object a record."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({key: str(value) for key in _CARRIED if (value := getattr(record, key, None)) is not None})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Readable(logging.Formatter):
    """One short line a record, for people."""

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s {process}: %(message)s", "%H:%M:%S")


def log_to(folder: Path, process: str, *, to_stderr: bool = True) -> None:
    """Send this process's log to ``folder/PROCESS.log`` and, if wanted, to stderr."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / f"{process}.log", maxBytes=_ROTATE_BYTES, backupCount=_KEEP, encoding="utf-8")
    file.setFormatter(JsonLines(process))
    handlers: list[logging.Handler] = [file]
    if to_stderr:
        stderr = logging.StreamHandler()
        stderr.setFormatter(Readable(process) if sys.stderr.isatty() else JsonLines(process))
        handlers.append(stderr)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
