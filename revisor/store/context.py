"""The context of a request: who asks, why, and what it belongs to. Every append carries one."""

from dataclasses import dataclass
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class Context:
    """``correlation`` joins everything that came of one request; ``causation`` is the operation that caused this."""

    actor: str
    reason: str | None = None
    ticket: str | None = None
    request_id: UUID | None = None
    correlation: UUID | None = None
    causation: UUID | None = None

    @property
    def correlation_or_new(self) -> UUID:
        return self.correlation or self.request_id or uuid4()
