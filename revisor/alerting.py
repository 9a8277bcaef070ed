"""Telling somebody of problems: looks at how Revisor is, and posts what is new to a webhook or hands it to a command.

What was told is kept in a file of the home, not in the database: that it does not answer is told as well. With two
homes on one database, set it up in one of them.
"""

import http.client
import json
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.times import moment_in_words
from revisor.health import worth_telling
from revisor.settings import AlertSettings
from revisor.status import Status
from workers.alerts import Alert, AlertBook
from workers.background import in_background

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0
_ANSWER_S = 5.0
_WEBHOOK_S = 10.0
_COMMAND_S = 60.0
RAISED, OVER, TEST = "raised", "over", "test"

Message = dict[str, Any]


class NotTold(Exception):
    """It did not reach them; the words say why, and no address."""


def whom(settings: AlertSettings | None) -> AlertSettings:
    """Raises OperationInvalid (55) when nobody is to be told."""
    if settings is None:
        accepted = "REVISOR_ALERT_WEBHOOK or REVISOR_ALERT_COMMAND"
        raise OperationInvalid(f"nobody is to be told of problems: set {accepted}", field="alerts", accepted=accepted)
    return settings


def send_test(settings: AlertSettings | None) -> None:
    """See whether anything arrives.

    Raises OperationInvalid (55) when nobody is to be told, OperationFailed (9) if not.
    """
    test = Alert("test", "this is a test: nothing is wrong", _time(datetime.now(UTC)))
    try:
        tell(whom(settings), message_of(TEST, test))
    except NotTold as trouble:
        raise OperationFailed(str(trouble)) from trouble


def tell(settings: AlertSettings, message: Message) -> None:
    """Deliver one message. Raises NotTold unless the webhook answered with 2xx, or the command ended with 0."""
    body = json.dumps(message, ensure_ascii=False).encode()
    if settings.webhook is not None:
        _post(settings.webhook, body)
    else:
        _hand_over(settings.command, body)


def _post(url: str, body: bytes) -> None:
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_WEBHOOK_S)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read(65_536)
    except http.client.HTTPException as error:
        # Its own words may quote the address, and that a token.
        raise NotTold(f"the webhook did not answer as HTTP does ({type(error).__name__})") from None
    except OSError as error:
        raise NotTold(f"the webhook was not reached: {_words(error)}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise NotTold(f"the webhook answered with {answer.status} {answer.reason}")


def _hand_over(command: tuple[str, ...], body: bytes) -> None:
    # What leads to the database, libpq's own variables included, is none of the command's business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REVISOR_", "PG"))}
    try:
        done = subprocess.run(
            command,
            input=body,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_COMMAND_S,
            check=False,
        )
    except OSError as error:
        # Its other words may hold a secret, and the first one too where that sets a variable.
        named = command[0].partition("=")[0]
        raise NotTold(f"the command '{named}' cannot be run: {_words(error)}") from error
    except subprocess.TimeoutExpired as late:
        raise NotTold(f"the command took longer than {_COMMAND_S:.0f} s") from late
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0][:200]
        raise NotTold(f"the command ended with {done.returncode}" + (f": {said}" if said else ""))


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


class Alerter:
    """Looks, decides and tells, round after round."""

    def __init__(
        self,
        settings: AlertSettings,
        file: Path,
        look: Callable[[], Status],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._file = file
        self._look = look
        self._clock = clock
        self._looking: Future[None] | None = None
        self._looked_at: list[Status] = []
        self._stop = threading.Event()
        self._book = _book_of(file, settings.after_s)
        self._kept: list[dict[str, Any]] = self._book.as_json()

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set."""
        self._stop = stop
        while not stop.is_set():
            self.run_once(time.monotonic())
            stop.wait(_LOOK_EVERY_S)

    def run_once(self, now_s: float) -> None:
        """Look, and tell what is due at ``now_s`` of the monotonic clock."""
        self._book.see(self._problems(), _time(self._clock()), now_s)
        for alert in self._book.due(now_s):
            if self._stop.is_set():
                break
            self._tell(alert, now_s)
            self._keep()
        self._keep()

    def _problems(self) -> Mapping[str, str]:
        try:
            found = {problem.key: problem.says for problem in worth_telling(self._looked())}
        except (psycopg.Error, TimeoutError) as error:
            # Of the rest nothing is known now: it is neither new nor over.
            known = {alert.key: alert.problem for alert in self._book.open() if not alert.over}
            why = str(error).partition("\n")[0] or f"not within {_ANSWER_S:.0f} s"
            found = {**known, "database": f"the database does not answer: {why}"}
        # Where some are not named, one that is not among the named may last.
        for others in [key.removesuffix("others") for key in found if key.endswith("/others")]:
            known = {alert.key: alert.problem for alert in self._book.open() if not alert.over}
            found = {key: says for key, says in known.items() if key.startswith(others)} | found
        return {key: says for key, says in found.items() if key.partition("/")[0] in self._settings.kinds}

    def _looked(self) -> Status:
        """Raises TimeoutError while a look hangs, as it may in a server that does."""
        self._looking = self._looking or in_background(lambda: self._looked_at.append(self._look()), "look")
        done, _ = wait([self._looking], _ANSWER_S)
        if not done:
            raise TimeoutError
        looked, self._looking = self._looking, None
        looked.result()
        return self._looked_at.pop()

    def _tell(self, alert: Alert, now_s: float) -> None:
        try:
            tell(self._settings, message_of(OVER if alert.over else RAISED, alert))
        except NotTold as trouble:
            _log.warning("nobody was told that %s: %s", alert.problem, trouble)
            self._book.failed(alert, str(trouble), now_s)
        else:
            self._book.reached(alert)

    def _keep(self) -> None:
        """Written when it changed, as a whole or not at all. On a full disk the next process would tell some again."""
        alerts = self._book.as_json()
        if alerts == self._kept:
            return
        beside = self._file.with_name(f".{self._file.name}.new")
        try:
            beside.write_text(json.dumps(alerts, ensure_ascii=False), encoding="utf-8")
            beside.replace(self._file)
        except OSError as trouble:
            _log.warning("what was told cannot be written to %s: %s", self._file, trouble)
        else:
            self._kept = alerts


def _book_of(file: Path, after_s: float) -> AlertBook:
    """What a process before us left; an empty one where that cannot be read."""
    try:
        return AlertBook.of_json(json.loads(file.read_text(encoding="utf-8")), after_s)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError) as trouble:
        _log.warning("%s cannot be read, so what was told may be told again: %s", file, trouble)
    return AlertBook(after_s)


def message_of(state: str, alert: Alert) -> Message:
    """Of one that is over, also until when it was.

    Where they may not have heard that it was there, the words say it all.
    """
    message = {
        "kind": "alert",
        "state": state,
        "key": alert.key,
        "problem": alert.problem,
        "since": alert.since,
        "hostname": socket.gethostname(),
    }
    if alert.until is None:
        return message
    if not alert.told:
        message["problem"] = (
            f"from {moment_in_words(alert.since)} to {moment_in_words(alert.until)}, while nobody could be told: {alert.problem}"
        )
    return {**message, "until": alert.until}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
