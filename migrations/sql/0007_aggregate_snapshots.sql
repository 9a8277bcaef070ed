-- What a stream of events came to at some version, so that a long one need not be folded from its beginning. Taken by a
-- worker, made anew when the code of the model is another, and worth nothing without the events: any row may be deleted at any time.

CREATE TABLE work.aggregate_snapshots (
    stream  uuid PRIMARY KEY,
    version bigint NOT NULL,
    model   text NOT NULL,
    state   bytea NOT NULL
);
ALTER TABLE work.aggregate_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, UPDATE, DELETE ON work.aggregate_snapshots TO @application@;
