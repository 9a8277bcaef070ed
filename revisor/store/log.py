"""The log as the eventsourcing library sees it: load an aggregate, append what it decided."""

from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment, EnvType

from revisor.store.database import Database
from revisor.store.mapper import EventMapper
from revisor.store.queue import queue_changes
from revisor.store.recorder import LogFactory, Request, Save, refusal_of
from revisor.store.repository import NEWEST, Repository

AnyAggregate = TypeVar("AnyAggregate", bound=Aggregate)


class EventLog(Application[UUID]):
    """Streams of events in PostgreSQL: saved as the library saves them, through our recorder,
    and loaded by our repository.
    """

    name = "revisor"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._aggregates = Repository(database)
        super().__init__()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing from os.environ: settings come from the composition root."""
        return Environment(name, env or {})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LogFactory(env, self._database)

    def construct_mapper(self) -> Mapper[UUID]:
        return EventMapper()

    def _take_snapshots(self, *_: object) -> None:
        """A worker takes them: done here they could make ``save`` raise although the events are stored."""

    def load(self, cls: type[AnyAggregate], stream: UUID, version: int = NEWEST) -> AnyAggregate | None:
        """The aggregate as of now or as of a version, or None when its stream is empty."""
        loaded = self._aggregates.get(stream, version)
        if loaded is None:
            return None
        assert isinstance(loaded, cls), f"stream {stream} is a {type(loaded).__name__}, not a {cls.__name__}"
        return loaded

    def append(self, *aggregates: Aggregate, save: Save) -> int:
        """Store the pending events of all aggregates in one transaction; returns the last position, 0 for none.

        After any exception (StreamConflict, RequestRepeated, Fenced: nothing stored) the aggregates must be thrown
        away: their pending events are gone.
        """
        pending = [event for aggregate in aggregates for event in aggregate.pending_events]
        recordings = self.save(*aggregates, save=replace(save, queue=queue_changes(pending)))
        return recordings[-1].notification.id if recordings else 0

    def claim(self, request: Request) -> None:
        """Have a request id claimed by what changes nothing. Raises RequestRepeated when it is taken."""
        claimed = (request.operation, request.fingerprint, request.operation, request.domain)
        try:
            self._database.fetch_one("SELECT log.claim(%s, %s, %s, %s)", *claimed)
        except psycopg.Error as error:
            raise (refusal_of(error) or error) from error
