"""The routes of what a person may do about an operation: withdraw it, or say how it ended."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from domain_model.operations import OperationState
from revisor.http.answers import operation_answer
from revisor.http.asking import AskingGiven, ServiceGiven
from revisor.http.domains import OPERATION
from revisor.http.models import Cancellation, Settlement

routes = APIRouter(prefix="/v1/operations", tags=["history"])


@routes.post("/{id}/cancel", responses=OPERATION, response_class=Response)
def cancel_operation(
    service: ServiceGiven, asking: AskingGiven, id: UUID, asked: Cancellation | None = None
) -> Response:
    """Withdraw an operation before it is started; one that was withdrawn before stays so, one that was started, or
    has ended otherwise, is refused (55).
    """
    return operation_answer(service, service.settlements.cancel(id, asking.context(asked or Cancellation())))


@routes.post("/{id}/settle", responses=OPERATION, response_class=Response)
def settle_operation(service: ServiceGiven, asking: AskingGiven, id: UUID, asked: Settlement) -> Response:
    """Say how an operation ended whose outcome is unknown; of any other this is refused (55)."""
    outcome = OperationState(asked.outcome)
    return operation_answer(service, service.settlements.settle(id, outcome, asked.evidence, asking.context(asked)))
