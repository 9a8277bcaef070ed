"""Settings, read once from the environment into a frozen object; nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain_model.errors import InvalidArgument

_SOCKET_PATH_BYTES = 107
"""What the kernel leaves of sockaddr_un.sun_path (unix(7): 108 bytes with the closing zero)."""


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
    fail_points: Path | None = None
    """Of tests: the folder that says at which steps agents are to die (``revisor.fail_points``)."""

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
    def master_key(self) -> Path:
        return self.master_key_file or self.home / "master.key"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises InvalidArgument (8) naming the variable for a home whose socket path would be too long, or a time that is
    not a number.
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
