"""Why an operation that has not ended does not go on, as far as the database tells.

What its agent will not do (``HostAgent``, ``AgentRecords.queued``) is told here in words; what this does not know of,
it does not guess at.
"""

from typing import Any

from domain_model.host import OPERATIONS, disabled_in_words
from domain_model.times import moment_in_words
from revisor.silence import OVERDUE
from revisor.status import UNOBSERVED_S

FOUND = f"""
CASE WHEN q.operation IS NOT NULL THEN jsonb_build_object(
    'started', q.started,
    'restored', EXISTS (SELECT FROM work.restores WHERE acknowledged_at IS NULL),
    'disabled', to_jsonb(h) -> 'disabled',
    'problem', s.problem,
    'seen', CASE WHEN {OVERDUE}
                   OR coalesce(s.observed_at, h.added_at) < clock_timestamp() - interval '{UNOBSERVED_S} s'
            THEN to_char(coalesce(s.observed_at, h.added_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
    'before', (SELECT jsonb_build_object('operation', earlier.operation, 'verb', earlier.verb)
               FROM work.operation_queue earlier
               WHERE q.exclusive AND earlier.exclusive AND earlier.domain = q.domain AND earlier.position < q.position
               ORDER BY earlier.position LIMIT 1),
    'limit', coalesce((to_jsonb(h) ->> 'operations')::integer, {OPERATIONS}),
    'under_way', CASE WHEN q.exclusive THEN busy.started ELSE 0 END
) END
"""  # noqa: S608 - numbers of ours
"""Of an operation ``q`` in the queue, its host ``h``, the sightings ``s`` there and ``BESIDE``.

NULL of one that has ended.
"""
BESIDE = """
LEFT JOIN work.leases l ON l.name = 'host:' || o.host
LEFT JOIN (SELECT host, count(*) FILTER (WHERE started AND exclusive) AS started FROM work.operation_queue GROUP BY host)
    AS busy ON busy.host = q.host
"""
"""Of an operation ``o``: the lease of its host, and how much is under way there, counted once for all operations."""


def held_up(found: dict[str, Any], host: str) -> str | None:
    """What ``FOUND`` comes to in words, each reason on its own; None of one that nothing is known to hold up."""
    reasons = [_log(found), *([] if found["started"] else [_disabled(found, host)]), _away(found, host)]
    if not found["started"]:
        reasons += [_turn(found), _limit(found, host)]
    return "; ".join(reason for reason in reasons if reason is not None) or None


def _log(found: dict[str, Any]) -> str | None:
    words = "the log was restored, and nothing goes on before 'revisor acknowledge-restore'"
    return words if found["restored"] else None


def _disabled(found: dict[str, Any], host: str) -> str | None:
    return None if found["disabled"] is None else disabled_in_words(host, found["disabled"])


def _away(found: dict[str, Any], host: str) -> str | None:
    """That a host cannot be reached its agent has told; that an agent is away only its silence tells."""
    if found["problem"] is not None:
        return f"host '{host}' cannot be reached: {found['problem']}"
    return (
        None
        if found["seen"] is None
        else f"no agent has looked at host '{host}' since {moment_in_words(found['seen'])}"
    )


def _turn(found: dict[str, Any]) -> str | None:
    before = found["before"]
    return None if before is None else f"operation {before['operation']} ({before['verb']}) of the same domain is first"


def _limit(found: dict[str, Any], host: str) -> str | None:
    if found["before"] is not None or found["under_way"] < found["limit"]:
        return None
    return f"host '{host}' carries out {found['limit']} at once, and is busy with as many"
