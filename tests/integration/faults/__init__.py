"""Faults of the event store, made on purpose under load: what is promised about each is in docs/reference/faults.md."""
