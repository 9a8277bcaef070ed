"""The database that comes along: PostgreSQL from a wheel, run by us; ``server.EmbeddedPostgres`` is its front."""
