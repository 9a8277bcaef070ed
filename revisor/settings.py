"""Settings, read once from the environment into a frozen object; nothing else reads the environment."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from domain_model.errors import InvalidArgument

ALERT_KINDS = frozenset(
    {"database", "restore", "master-key", "projection", "host", "operation", "drift", "schedule", "scheduler"}
)
"""What can be wrong: the first words of the keys of problems (``revisor.health``), and the database itself."""
_SOCKET_PATH_BYTES = 107
"""What the kernel leaves of sockaddr_un.sun_path (unix(7): 108 bytes with the closing zero)."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Whom to tell of problems: a webhook or a command, and of which kinds."""

    webhook: str | None
    command: tuple[str, ...]
    after_s: float
    """How long a problem lasts before it is told."""
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where Revisor keeps its things, and which database it uses."""

    home: Path
    dsn: str | None = None
    """The application's role in an external database; None for the embedded one."""
    owner_dsn: str | None = None
    """The owner's role, for migrations and imports only."""
    master_key_file: Path | None = None
    witness_file: Path | None = None
    lease_s: float = 15.0
    grace_s: float = 5.0
    silence_s: float = 20.0
    """How long a hypervisor may be silent before it is taken to be unreachable."""
    deadline_s: float = 120.0
    """How long a verb that should be quick may take."""
    alerts: AlertSettings | None = None
    fail_points: Path | None = None
    """Of tests: the folder that says at which steps agents are to die, or stop (``revisor.fail_points``)."""

    @property
    def socket(self) -> Path:
        return self.home / "revisor.sock"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def simulators(self) -> Path:
        return self.home / "simulators"

    @property
    def supervisor_file(self) -> Path:
        """Who runs ``revisor up`` here; locked while it does."""
        return self.home / "up.lock"

    @property
    def witness(self) -> Path:
        """What is remembered of the log outside its database."""
        return self.witness_file or self.home / "witness.json"

    @property
    def alert_file(self) -> Path:
        """Which problems there are, and who was told."""
        return self.home / "alerts.json"

    @property
    def master_key(self) -> Path:
        return self.master_key_file or self.home / "master.key"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises InvalidArgument (8) naming the variable for a home whose socket path would be too long, a time that is not a
    number, or alerts that could reach nobody.
    """
    env = os.environ if environment is None else environment
    home = Path(env.get("REVISOR_HOME") or _default_home()).absolute()
    key_file, witness_file = env.get("REVISOR_MASTER_KEY_FILE"), env.get("REVISOR_WITNESS_FILE")
    fail_points = env.get("REVISOR_FAIL_POINTS")
    settings = Settings(
        home=home,
        dsn=env.get("REVISOR_DSN") or None,
        owner_dsn=env.get("REVISOR_OWNER_DSN") or None,
        master_key_file=Path(key_file) if key_file else None,
        witness_file=Path(witness_file) if witness_file else None,
        lease_s=_seconds(env, "REVISOR_LEASE_S", 15.0),
        grace_s=_seconds(env, "REVISOR_GRACE_S", 5.0),
        silence_s=_seconds(env, "REVISOR_SILENCE_S", 20.0),
        deadline_s=_seconds(env, "REVISOR_DEADLINE_S", 120.0),
        alerts=_alerts(env),
        fail_points=Path(fail_points) if fail_points else None,
    )
    _check_length(settings)
    return settings


def _check_length(settings: Settings) -> None:
    """Refuse a home in which a socket would have too long a path: the embedded database's is the longest."""
    longest = settings.socket if settings.dsn else settings.home / "pg" / ".s.PGSQL.5432"
    length = len(os.fsencode(longest))
    if length > _SOCKET_PATH_BYTES:
        home = os.fsencode(settings.home)
        raise InvalidArgument(
            f"$REVISOR_HOME is too long: the path of a socket in it would have {length} bytes, and at most "
            f"{_SOCKET_PATH_BYTES} are possible",
            field="REVISOR_HOME",
            value=str(settings.home),
            accepted=f"a folder whose path has at most {_SOCKET_PATH_BYTES - length + len(home)} bytes",
        )


def _default_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/revisor")
    return Path.home() / ".local" / "share" / "revisor"


def _alerts(env: Mapping[str, str]) -> AlertSettings | None:
    webhook, command = env.get("REVISOR_ALERT_WEBHOOK"), env.get("REVISOR_ALERT_COMMAND")
    if not webhook and not command:
        return None
    if webhook and command:
        raise InvalidArgument(
            "REVISOR_ALERT_WEBHOOK and REVISOR_ALERT_COMMAND are both set",
            field="REVISOR_ALERT_COMMAND",
            accepted="one of them: a command can tell a webhook, too",
        )
    if webhook and not _is_web_address(webhook):
        # It is not quoted: there may be a token in it.
        raise InvalidArgument(
            "REVISOR_ALERT_WEBHOOK is no address to post to",
            field="REVISOR_ALERT_WEBHOOK",
            accepted="http://... or https://...",
        )
    after_s = _seconds(env, "REVISOR_ALERT_AFTER_S", 10.0)
    return AlertSettings(webhook or None, _words(command or ""), after_s, _kinds(env.get("REVISOR_ALERT_ON") or ""))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        printable = text.isascii() and text.isprintable() and " " not in text
        return printable and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidArgument(
            f"REVISOR_ALERT_COMMAND cannot be split into words: {error}",
            field="REVISOR_ALERT_COMMAND",
            accepted="a command and its arguments, quoted as for a shell",
        ) from error


def _kinds(text: str) -> frozenset[str]:
    wanted = frozenset(word.strip() for word in text.split(",") if word.strip())
    for kind in sorted(wanted - ALERT_KINDS):
        raise InvalidArgument(
            f"REVISOR_ALERT_ON has '{kind}', which is no kind of problem",
            field="REVISOR_ALERT_ON",
            value=kind,
            accepted=", ".join(sorted(ALERT_KINDS)),
        )
    return wanted or ALERT_KINDS


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value <= 0:
        raise InvalidArgument(
            f"{name} is '{text}'", field=name, value=text, accepted="a number of seconds greater than 0"
        )
    return value
