"""Which of a domain's two definitions a change is for: what it is now, what it will be, or both."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from domain_model.errors import OperationInvalid
from domain_model.flags import Affect
from drivers.simulator import lifecycle
from drivers.simulator.inventory import Domain, Inventory


@dataclass(frozen=True, slots=True)
class Affected:
    """At least one of the two."""

    live: bool
    config: bool

    @property
    def words(self) -> list[str]:
        """libvirt's words for them, in the order of ``texts``."""
        return ["live"] * self.live + ["persistent"] * self.config

    def texts(self, domain: Domain) -> list[str]:
        """The definitions as they are, the live one first."""
        return [domain.live or ""] * self.live + [domain.definition or ""] * self.config

    def edit(self, inventory: Inventory, domain: Domain, change: Callable[[str], str]) -> None:
        """Change the text of each."""
        if self.live:
            domain.live = change(domain.live or "")
        if self.config:
            domain.definition = change(domain.definition or "")
        inventory.put_domain(domain)


def affected(domain: Domain, flags: IntFlag) -> Affected:
    """LIVE, CONFIG, both, or with neither whatever the domain is now. Raises OperationInvalid (55)."""
    live, config = bool(int(flags) & Affect.LIVE), bool(int(flags) & Affect.CONFIG)
    if not live and not config:
        live, config = domain.active, not domain.active
    if live:
        lifecycle.require_active(domain)
    if config and not domain.persistent:
        raise OperationInvalid("transient domains do not have any persistent config")
    return Affected(live, config)
