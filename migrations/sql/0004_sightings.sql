-- When each host was last looked at, and whether somebody waits for a fresh look.
CREATE TABLE work.sightings (
    host        uuid PRIMARY KEY,
    wanted      bigint NOT NULL DEFAULT 0,
    satisfied   bigint NOT NULL DEFAULT 0,
    observed_at timestamptz,
    problem     text
);
GRANT SELECT, INSERT, UPDATE, DELETE ON work.sightings TO @application@;
