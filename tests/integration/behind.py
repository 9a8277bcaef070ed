"""Acting on a simulated host behind Revisor's back, and what is told of it: for tests of drift and of adoption."""

from typing import Any
from uuid import UUID

from drivers.simulator import SimulatorDriver
from revisor.store.context import Context
from tests.integration.product import ALICE, Product

_ROUND_S = 60.0
SNAPSHOT = "<domainsnapshot><name>{}</name></domainsnapshot>"


class Behind:
    """The product with ``web`` on alpha, and a hand on the hypervisor behind its back."""

    def __init__(self, product: Product, simulator: SimulatorDriver) -> None:
        self.product = product
        self.simulator = simulator
        self._now = 0.0

    @property
    def web(self) -> str:
        return next(seen.uuid for seen in self.simulator.domains() if seen.name == "web")

    def look(self) -> None:
        """The agents of all hosts look around, closely, and all is folded that they saw."""
        self.see()
        self.product.queries.wait_for(self.product.application.reader.head(), 10)

    def see(self) -> None:
        """The agents of all hosts look around, closely."""
        for _ in range(12):
            self._now += _ROUND_S
            for agent in self.product.agents.values():
                agent.run_once(self._now + 1e9)

    def drift(self, domain: str | None = None, host: str | None = None) -> dict[str, tuple[Any, Any]]:
        """After a look: by domain and aspect what is recorded and what is observed."""
        self.look()
        return {
            " ".join(filter(None, (item["domain"], item["aspect"], item["snapshot"]))): (
                item["recorded"],
                item["observed"],
            )
            for item in self.product.service.drifts.found(domain, host)
        }

    def heal(self, context: Context = ALICE, **said: Any) -> list[dict[str, Any]]:
        """Heal until nothing waits any more; returns the last answers, operations ended."""
        items: list[dict[str, Any]] = []
        while True:
            asked = self.product.service.drifts.heal(context, **({"domain": "web"} | said))
            self._end(asked)
            items += [item for item in asked if not item["waits"]]
            if said.get("plan") or not any(item["waits"] for item in asked):
                return asked if said.get("plan") else items

    def accept(self, context: Context = ALICE, **said: Any) -> list[dict[str, Any]]:
        return self.product.service.drifts.accept(context, **({"domain": "web"} | said))

    def _end(self, asked: list[dict[str, Any]]) -> None:
        for item in asked:
            if item["operation"] is not None:
                item["state"] = self.product.settled(UUID(item["operation"]))["state"]
