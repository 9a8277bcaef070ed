"""The event store: PostgreSQL behind the eventsourcing library, and what is kept beside the events."""
