-- Which domains of a host somebody wants to be looked at closely in the next look: what a hypervisor's list of domains
-- does not show, such as checkpoints, is asked of them alone.

ALTER TABLE work.sightings ADD COLUMN closely uuid[] NOT NULL DEFAULT '{}';
