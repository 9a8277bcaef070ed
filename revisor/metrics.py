"""How Revisor is, as Prometheus reads it.

The figures are those of ``revisor.status`` and nothing is kept between two scrapes: a page is made from one look, in a
registry of its own. Every metric is in docs/reference/metrics.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from revisor.health import problems_of
from revisor.status import HostStatus, LogStatus, PoolStatus, ProjectionStatus, Status

_OF_PROJECTIONS: Sequence[tuple[str, str, Callable[[ProjectionStatus], float]]] = (
    ("revisor_projection_position", "How far a projection is.", lambda of: of.position),
    ("revisor_projection_lag_events", "Events it has not folded.", lambda of: of.behind),
    ("revisor_projection_lag_seconds", "Age of the oldest event it has not folded.", lambda of: of.lag_s),
    ("revisor_projection_parked", "Whether it met an event it cannot fold.", lambda of: of.parked_at is not None),
)
_OF_HOSTS: Sequence[tuple[str, str, Callable[[HostStatus], float]]] = (
    ("revisor_operations_queued", "Operations that wait for their turn.", lambda of: of.queued),
    ("revisor_operations_started", "Operations that were started and have not ended.", lambda of: of.started),
    (
        "revisor_oldest_queued_operation_age_seconds",
        "How long the operation that waits longest has waited; 0 when none does.",
        lambda of: of.oldest_queued_s,
    ),
    (
        "revisor_host_observation_age_seconds",
        "How long ago a host was last looked at or, if it never was, added.",
        lambda of: of.unobserved_s,
    ),
    ("revisor_host_reachable", "Whether the last look at a host succeeded.", lambda of: of.problem is None),
    ("revisor_host_lease_held", "Whether a worker holds a host's lease.", lambda of: of.worker is not None),
    (
        "revisor_host_led",
        "Whether a worker holds a host's lease and goes on renewing it.",
        lambda of: of.worker is not None and not of.silent,
    ),
    ("revisor_lease_epoch", "Epoch of a host's lease: it grows when the leader changes.", lambda of: of.epoch),
)


def page(version: str, pool: PoolStatus, status: Status | None, accept: str = "") -> tuple[bytes, str]:
    """The metrics and their content type: the text format 0.0.4, or OpenMetrics where ``accept`` asks for it.

    Without ``status``, as when the database does not answer, there is only what this process knows by itself.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(version, pool, status))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Figures(Collector):
    def __init__(self, version: str, pool: PoolStatus, status: Status | None) -> None:
        self._version = version
        self._pool = pool
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield _info("revisor_build", "The Revisor that answers.", self._version)
        yield _gauge("revisor_database_up", "Whether the database answered in time.", self._status is not None)
        yield from _of_pool(self._pool)
        if self._status is not None:
            yield _info("revisor_database", "The PostgreSQL server.", self._status.postgres)
            yield _gauge("revisor_problems", "How many problems revisor status names.", len(problems_of(self._status)))
            waits = self._status.restore is not None
            yield _gauge("revisor_restore_pending", "Whether a restore of the log waits to be acknowledged.", waits)
            yield _gauge("revisor_operations_unknown", "Operations whose outcome is unknown.", self._status.unknown)
            scheduler = self._status.scheduler
            runs = scheduler.worker is not None and not scheduler.silent
            yield _gauge("revisor_scheduler_running", "Whether a scheduler goes on renewing its lease.", runs)
            yield _gauge("revisor_schedules_enabled", "Schedules that are enabled.", scheduler.schedules)
            late = len(self._status.overdue)
            yield _gauge(
                "revisor_schedules_overdue", "Schedules that should have run and did not, or cannot be kept.", late
            )
            yield from _of_log(self._status.log)
            for name, words, figure in _OF_PROJECTIONS:
                values = [(each.name, figure(each)) for each in self._status.projections]
                yield _gauges(name, words, "projection", values)
            for name, words, of_host in _OF_HOSTS:
                yield _gauges(name, words, "host", [(each.name, of_host(each)) for each in self._status.hosts])


def _of_pool(pool: PoolStatus) -> Iterator[Metric]:
    yield _gauges(
        "revisor_database_pool_connections",
        "Connections of the API's pool, in use or idle.",
        "state",
        [("used", pool.used), ("idle", pool.idle)],
    )
    yield _gauge("revisor_database_pool_connections_max", "At most so many connections.", pool.most)
    yield _gauge("revisor_database_pool_waiting", "Callers that wait for a connection.", pool.waiting)


def _of_log(log: LogStatus) -> Iterator[Metric]:
    yield _gauge("revisor_log_head_position", "Position of the newest event.", log.position)
    yield _gauge("revisor_log_size_bytes", "Size of the log on disk, with indexes and documents.", log.size_bytes)
    if log.recorded_at is not None:
        words = "When the newest event was recorded, in seconds since 1970."
        yield _gauge("revisor_log_head_recorded_timestamp_seconds", words, log.recorded_at.timestamp())


def _info(name: str, words: str, version: str) -> Metric:
    return InfoMetricFamily(name, words, value={"version": version})


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _gauges(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for of, value in values:
        family.add_metric([of], value)
    return family
