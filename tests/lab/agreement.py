"""Whether what is recorded of a domain is what a hypervisor shows."""

from domain_model.domain import Domain
from drivers.port import DomainSighting


def check_agreement(domain: Domain, host: str, seen: DomainSighting | None) -> None:
    """Fails naming the first thing in which the placement on ``host``, or the tree, differs from what is seen."""
    placement = domain.placements.get(host)
    assert (placement is None) == (seen is None), "recorded is what is there"
    if placement is None or seen is None:
        return
    assert (placement.state, placement.hypervisor_id) == (seen.state, seen.hypervisor_id)
    assert (placement.name, placement.persistent, placement.autostart, placement.managed_save) == (
        seen.name,
        seen.persistent,
        seen.autostart,
        seen.managed_save,
    )
    assert {record.name for record in domain.forest} == set(seen.snapshots)
    current = domain.forest.current_snapshot
    assert (None if current is None else current.name) == seen.current_snapshot
