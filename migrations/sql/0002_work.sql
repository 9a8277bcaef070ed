-- Coordination of workers: rows that come and go, all of them derivable from the log or worthless after a restart.
-- The application may change them; log.append keeps the queue in step with the events, in the same transaction.

CREATE TABLE work.operation_queue (
    operation uuid PRIMARY KEY,
    domain    uuid NOT NULL,
    host      uuid NOT NULL,
    verb      text NOT NULL,
    exclusive boolean NOT NULL,
    position  bigint NOT NULL,
    started   boolean NOT NULL DEFAULT false,
    worker    uuid,
    epoch     bigint,
    progress  jsonb
);
CREATE INDEX operation_queue_claim ON work.operation_queue (host, position);
CREATE INDEX operation_queue_domain ON work.operation_queue (domain, position);

CREATE TABLE work.leases (
    name   text PRIMARY KEY,
    worker uuid,
    epoch  bigint NOT NULL,
    beat   bigint NOT NULL
);

-- When each host was last looked at, and whether somebody waits for a fresh look.
CREATE TABLE work.sightings (
    host        uuid PRIMARY KEY,
    wanted      bigint NOT NULL DEFAULT 0,
    satisfied   bigint NOT NULL DEFAULT 0,
    observed_at timestamptz,
    problem     text
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA work TO @application@;
