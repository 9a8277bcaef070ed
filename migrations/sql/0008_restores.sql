-- Restores of the log: it was put back from a backup, or is not what somebody remembers of it, so it may be older than the
-- world. Until one is acknowledged nothing new is begun: log.append refuses requests and starts (SQLSTATE RV003).

CREATE TABLE work.restores (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    found_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    why                text NOT NULL,
    position           bigint NOT NULL,
    witnessed_log      uuid,
    witnessed_position bigint,
    witnessed_leaf     bytea,
    acknowledged_at    timestamptz
);

-- Whether a look at a host is to take in domains nobody recorded, and those it left, by name, each with why.
ALTER TABLE work.sightings ADD COLUMN adopting boolean NOT NULL DEFAULT false;
ALTER TABLE work.sightings ADD COLUMN left_alone jsonb NOT NULL DEFAULT '{}';

GRANT SELECT, INSERT, UPDATE, DELETE ON work.restores TO @application@;
