"""What is known to be different about each hypervisor that the driver contract is held up against.

The contract is libvirt's QEMU driver. Where another one differs the reason stands beside, with the row of
libvirt-semantics.md where there is one.
"""

SIMULATOR, TEST, QEMU = "simulator", "test", "qemu"

ACCEPTED = None
"""In place of a number: this one does not refuse."""

KNOWN_DIFFERENCES: dict[tuple[str, str], tuple[int | None, str]] = {
    # (subject, what is refused): (number it gives instead, why)
    (TEST, "start while active"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "suspend while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "suspend while paused"): (1, "semantics 2.3: to the test driver only a running domain can be suspended"),
    (TEST, "resume while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "resume while running"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "shutdown while inactive"): (1, "semantics 2.3: the test driver has 1 where QEMU has 55"),
    (TEST, "shutdown while paused"): (ACCEPTED, "semantics 2.3: the test driver stops any active domain"),
    (TEST, "start paused"): (8, "the test driver rejects START_PAUSED, for start and create"),
    (TEST, "undefine a transient domain"): (ACCEPTED, "semantics 1.7: the test driver silently accepts it"),
    (TEST, "snapshot name with a slash"): (ACCEPTED, "semantics 1.2: the test driver keeps no file by that name"),
    (TEST, "snapshot name with a leading dot"): (ACCEPTED, "semantics 1.2: the test driver keeps no file by that name"),
    (TEST, "snapshot without metadata"): (8, "semantics 1.1: the test driver rejects NO_METADATA"),
    (TEST, "snapshot of nothing"): (ACCEPTED, "semantics 1.2: the disk rules are QEMU's"),
    (TEST, "REDEFINE with LIVE"): (1, "semantics 1.1: that LIVE excludes REDEFINE is QEMU's rule"),
    (TEST, "QUIESCE without DISK_ONLY"): (ACCEPTED, "semantics 1.1: the test driver accepts QUIESCE and ignores it"),
    (TEST, "LIVE without external memory"): (ACCEPTED, "semantics 1.1: the test driver accepts LIVE and ignores it"),
    (TEST, "definition that is not well-formed"): (35, "libvirt's own parser speaks: XML_DETAIL"),
    (QEMU, "definition that is not well-formed"): (35, "libvirt's own parser speaks: XML_DETAIL"),
    (SIMULATOR, "device that is not well-formed"): (27, "our own parser speaks"),
    (SIMULATOR, "metadata that is not well-formed"): (27, "our own parser speaks"),
    # Saving: the test driver knows one way of each.
    (TEST, "restore to run"): (8, "semantics 2.3: the test driver takes no flags for save and restore"),
    (TEST, "save with a definition"): (74, "semantics 2.3: xml modification unsupported by the test driver"),
    (TEST, "start anew"): (8, "semantics 1.7: the test driver rejects START_FORCE_BOOT"),
    (TEST, "remove a managed save that is not there"): (ACCEPTED, "semantics 1.7: it is a mark, not a file"),
    (TEST, "dump live"): (8, "the test driver takes no flag for dumps but CRASH"),
    (TEST, "dump and reset"): (8, "the test driver takes no flag for dumps but CRASH"),
    (TEST, "dump memory only"): (8, "the test driver takes no flag for dumps but CRASH"),
    (TEST, "dump compressed"): (8, "the test driver takes no flag for dumps but CRASH"),
    (SIMULATOR, "save into a folder that is not there"): (ACCEPTED, "a simulated host has no folders"),
    (SIMULATOR, "dump into a folder that is not there"): (ACCEPTED, "a simulated host has no folders"),
    # Tuning.
    (TEST, "autostart of a transient domain"): (ACCEPTED, "semantics 1.7: the test driver allows it"),
    (TEST, "rename with a managed save"): (ACCEPTED, "semantics 1.7: that a managed save forbids it is QEMU's rule"),
    (TEST, "memory with <Memory.LIVE|CONFIG: 3>"): (8, "the test driver changes one definition at a time"),
    (TEST, "memory of an inactive domain, <Memory.LIVE|CONFIG: 3>"): (8, "it refuses both at once first"),
    (TEST, "memory of a transient domain, <Memory.LIVE|CONFIG: 3>"): (8, "it refuses both at once first"),
    (TEST, "most memory of an active domain, <Memory.LIVE|CONFIG|MAXIMUM: 7>"): (8, "it refuses both at once first"),
    (TEST, "most processors, both"): (8, "the test driver compares with the most there are first"),
    (TEST, "the guest's processors of an inactive domain"): (8, "the test driver rejects VCPU_GUEST"),
    (TEST, "the guest's processors without an agent"): (8, "the test driver rejects VCPU_GUEST"),
    # Flags of the lifecycle.
    (TEST, "start with 4"): (8, "the test driver takes no flag to start with"),
    (TEST, "start with 8"): (8, "the test driver takes no flag to start with"),
    (TEST, "start with 32"): (8, "the test driver takes no flag to start with"),
    (TEST, "destroy with 2"): (8, "the test driver keeps no logs"),
    (TEST, "undefine with 4"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "undefine with 8"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "undefine with 16"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "undefine with 32"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "undefine with 64"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "undefine and keep what is thrown away"): (8, "semantics 1.7: the test driver knows the flags 1 and 2"),
    (TEST, "shutdown with 1"): (8, "the test driver takes no flag to shut down with"),
    (TEST, "shutdown with 3"): (8, "the test driver takes no flag to shut down with"),
    (TEST, "shutdown by an agent"): (8, "the test driver takes no flag to shut down with"),
    (TEST, "shutdown by an agent while inactive"): (8, "the test driver takes no flag to shut down with"),
    (TEST, "shutdown by button while inactive"): (8, "the test driver takes no flag to shut down with"),
    (TEST, "shutdown by agent or button while inactive"): (8, "the test driver takes no flag to shut down with"),
    (QEMU, "shutdown by agent or button while inactive"): (ACCEPTED, "semantics 2.3 holds; QEMU's refusal gets lost"),
    (TEST, "reboot in a way that is not there"): (ACCEPTED, "the test driver does not look at the flags"),
    (TEST, "reboot by an agent"): (ACCEPTED, "the test driver does not look at the flags"),
    (SIMULATOR, "define with a schema"): (ACCEPTED, "a simulated host has no schemas: the doors have"),
    (SIMULATOR, "create with a schema"): (ACCEPTED, "a simulated host has no schemas: the doors have"),
    # Guests: the test driver plays an agent in each, which answers also while they are paused.
    (TEST, "abort a job"): (3, "the test driver has no such call"),
    (TEST, "abort a job while inactive"): (3, "the test driver has no such call"),
    (TEST, "sleep for some time"): (3, "the test driver has no such call"),
    (TEST, "sleep without an agent"): (3, "the test driver has no such call"),
    (TEST, "sleep while paused"): (3, "the test driver has no such call"),
    (TEST, "sleep while inactive"): (3, "the test driver has no such call"),
    (TEST, "wake while inactive"): (3, "the test driver has no such call"),
    **{
        (TEST, f"{question} {situation}"): (ACCEPTED, "the test driver plays an agent")
        for question in ("freeze", "freeze some", "thaw", "set the clock", "set the clock by the other")
        for situation in ("without an agent", "while paused")
    },
    (TEST, "read the clock without an agent"): (ACCEPTED, "the test driver plays an agent"),
    (TEST, "set the clock while inactive"): (55, "that it looks for QEMU's command first is QEMU's"),
    (TEST, "set the clock by the other while inactive"): (55, "that it looks for QEMU's command first is QEMU's"),
    (TEST, "checkpoint with QUIESCE"): (ACCEPTED, "the test driver accepts QUIESCE and ignores it"),
    (TEST, "REDEFINE_VALIDATE of a checkpoint"): (8, "the test driver has no bitmaps to validate, and no such flag"),
    (TEST, "REDEFINE_VALIDATE while inactive"): (8, "the test driver has no bitmaps to validate, and no such flag"),
    (TEST, "redefine a checkpoint while inactive"): (84, "the test driver wants a running domain for that, too"),
    (TEST, "delete a checkpoint while inactive"): (ACCEPTED, "the test driver has no bitmaps to merge"),
    (TEST, "undefine with checkpoints"): (ACCEPTED, "semantics 1.7: the test driver does not look at checkpoints"),
    (TEST, "backup"): (3, "the test driver has no backups"),
    (TEST, "backup while inactive"): (3, "the test driver has no backups"),
    (TEST, "backup since an unknown checkpoint"): (3, "the test driver has no backups"),
    (TEST, "XML of no backup"): (3, "the test driver has no backups"),
}

KNOWN_STATES: dict[tuple[str, str], tuple[tuple[int, int], str]] = {
    # (subject, after what): (state and reason it shows instead, why)
    (TEST, "restore of a paused one"): ((1, 3), "semantics 2.3: what the test driver restores runs"),
    (TEST, "start from a managed save"): ((1, 1), "semantics 1.7: the test driver just clears the managed save"),
    (TEST, "save that was called off"): ((1, 1), "the test driver writes the file before it stops anything"),
    (TEST, "reboot while paused"): ((1, 1), "what the test driver reboots runs afterwards"),
    (TEST, "dump"): ((1, 1), "a guest that is none need not be paused while it is dumped"),
}
