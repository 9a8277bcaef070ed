"""The composition root: the one place that knows every concrete thing and puts them together."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain_model.errors import InvalidArgument
from drivers.port import Driver
from revisor.application import Application
from revisor.embedded_postgres.server import EmbeddedPostgres
from revisor.settings import Settings
from revisor.store.database import Database
from revisor.store.master_key import SEALED_KEYS, open_master_key
from revisor.store.vault import Vault
from revisor.uris import check_uri


def dsn_of(settings: Settings) -> str:
    """Where the application's role connects to."""
    if settings.dsn is None:
        return EmbeddedPostgres(settings.home).dsn("revisor")
    return _checked("REVISOR_DSN", settings.dsn)


def owner_dsn_of(settings: Settings) -> str:
    """Where the owner's role connects to.

    An external database without one: the application's may neither migrate nor import.
    """
    if settings.dsn is None:
        return EmbeddedPostgres(settings.home).dsn("revisor_owner")
    if settings.owner_dsn is None:
        raise InvalidArgument(
            "REVISOR_OWNER_DSN is not set",
            field="REVISOR_OWNER_DSN",
            accepted="where the database's owner connects to; it is used for migrations, import and restore only",
        )
    return _checked("REVISOR_OWNER_DSN", settings.owner_dsn)


def _checked(variable: str, dsn: str) -> str:
    """Raises InvalidArgument (8), which does not quote it: there may be a password in it."""
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise InvalidArgument(
            f"{variable} cannot be read",
            field=variable,
            accepted="postgresql://USER:PASSWORD@HOST/DATABASE with special characters %-encoded, or key=value pairs",
        ) from None
    return dsn


def application_of(settings: Settings, database: Database) -> Application:
    """The application on an open database. Raises as ``master_key_of``."""
    return Application(database, Vault(database, master_key_of(settings, database)))


def master_key_of(settings: Settings, database: Database) -> bytes:
    """The key of the vault in that database; in a home it is made for a vault in which nothing is sealed yet.

    Raises OperationInvalid (55) for one that does not open all that is sealed.
    """
    sealed = [(row["domain"], bytes(row["wrapped"])) for row in database.fetch(SEALED_KEYS)]
    return open_master_key(settings.master_key, sealed, make=settings.master_key_file is None)


def driver_for(uri: str, settings: Settings) -> Driver:
    """The driver a host's URI names. Raises InvalidArgument (8) for a URI no driver can take."""
    check_uri(uri)
    parts = urlsplit(uri)
    if parts.scheme == "simulator":
        from drivers.simulator import SimulatorDriver  # noqa: PLC0415  (a driver is loaded when it is needed)

        name = parts.path.removeprefix("/")
        settings.simulators.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SimulatorDriver(Path(settings.simulators, f"{name}.sqlite"), name)
    from drivers.libvirt import LibvirtDriver  # noqa: PLC0415  (an optional extra)

    return LibvirtDriver(uri, settings.silence_s)
