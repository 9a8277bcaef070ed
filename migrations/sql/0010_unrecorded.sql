-- What a host's agent sees there that nobody recorded: {uuid: {name, since}}. It is no history of ours, so it is not in the log.
-- And the UUIDs of those that somebody wants to be taken in by the next look.

ALTER TABLE work.sightings ADD COLUMN unrecorded jsonb NOT NULL DEFAULT '{}';
ALTER TABLE work.sightings ADD COLUMN adopt text[] NOT NULL DEFAULT '{}';
