-- The vault. Its rows are in the application's hands like the others of `work`, but they are in no other place: nothing
-- brings back a lost key or secret. Deleting a domain's key erases its secrets and leaves the log as it is.

CREATE TABLE work.vault_keys (
    domain  uuid PRIMARY KEY,
    wrapped bytea NOT NULL
);
CREATE TABLE work.vault_secrets (
    domain    uuid NOT NULL,
    reference text NOT NULL,
    sealed    bytea NOT NULL,
    PRIMARY KEY (domain, reference)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON work.vault_keys, work.vault_secrets TO @application@;
