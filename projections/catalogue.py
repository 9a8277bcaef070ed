"""All read models of this release, for the composition root and for whoever rebuilds one by its name."""

from projections.checkpoints import Checkpoints
from projections.domains import Domains
from projections.drift import Drift
from projections.holds import Holds
from projections.hosts import Hosts
from projections.operations import Operations
from projections.projection import Projection
from projections.schedules import Schedules
from projections.snapshots import Snapshots


def all_projections() -> tuple[Projection, ...]:
    """Every projection, in the order in which people read about them."""
    return (Hosts(), Domains(), Snapshots(), Holds(), Checkpoints(), Operations(), Schedules(), Drift())
