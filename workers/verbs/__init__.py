"""What an agent does for each verb, and how it tells afterwards whether it happened."""

from workers.verbs import changes, checkpoints, guest, lifecycle, snapshots, transfers
from workers.verbs.task import NO_TRACE, Task, Verb, Verdict
from workers.verbs.transfers import command_of, replica_differs

__all__ = ["NO_TRACE", "VERBS", "Task", "Verb", "Verdict", "command_of", "replica_differs"]

VERBS: dict[str, Verb] = {
    **lifecycle.VERBS,
    **changes.VERBS,
    **guest.VERBS,
    **snapshots.VERBS,
    **checkpoints.VERBS,
    **transfers.VERBS,
}
