-- The log: events, who asked for them, and the documents they name. Append-only for everybody, the owner included.
-- Schema `log` belongs to the owner; the application may read it and execute log.append, nothing else.

CREATE TABLE log.head (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    log         uuid NOT NULL,
    position    bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);
INSERT INTO log.head (log, position, recorded_at) VALUES (gen_random_uuid(), 0, '-infinity');

CREATE TABLE log.appends (
    append_id      uuid PRIMARY KEY,
    first_position bigint NOT NULL,
    last_position  bigint NOT NULL,
    actor          text NOT NULL,
    reason         text,
    ticket         text,
    request_id     uuid,
    correlation    uuid NOT NULL,
    causation      uuid
);

-- Column names of the event part are those the eventsourcing library's readers select.
CREATE TABLE log.events (
    originator_id      uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic              text NOT NULL,
    state              bytea NOT NULL,
    notification_id    bigint NOT NULL,
    append_id          uuid NOT NULL,
    recorded_at        timestamptz NOT NULL,
    salt               bytea NOT NULL CHECK (length(salt) = 16),
    leaf               bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX events_position ON log.events (notification_id);
CREATE INDEX events_about_people ON log.events (notification_id)
    WHERE topic IN ('attempt.refused', 'access.granted');

CREATE TABLE log.documents (
    digest bytea PRIMARY KEY,
    body   bytea NOT NULL
);

CREATE TABLE log.requests (
    request_id  uuid PRIMARY KEY,
    fingerprint bytea NOT NULL,
    operation   uuid NOT NULL,
    domain      uuid NOT NULL
);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.appends
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.documents
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.requests
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER never_emptied BEFORE DELETE OR TRUNCATE ON log.head
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- Envelope v1 (docs/reference/envelope.md): every field a netstring, an absent one a single "-".
CREATE FUNCTION log.field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN '\x2d'::bytea
                ELSE convert_to(length(value)::text || ':', 'UTF8') || value || '\x2c'::bytea END
$$;

CREATE FUNCTION log.field(value text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT log.field(convert_to(value, 'UTF8'))
$$;

CREATE FUNCTION log.leaf(
    log uuid, "position" bigint, stream uuid, version bigint, topic text, recorded_at timestamptz,
    context bytea, salt bytea, state bytea
) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256('\x00'::bytea
        || log.field('1'::text) || log.field(log::text) || log.field("position"::text)
        || log.field(stream::text) || log.field(version::text) || log.field(topic)
        || log.field((extract(epoch FROM recorded_at) * 1000000)::bigint::text)
        || context || log.field(salt) || log.field(sha256(state)))
$$;
