-- The one way into the log. A locked head row gives positions 1..n without a hole, in commit order, so that a reader
-- who tails by position can never skip; recorded_at never goes back.
--
-- SQLSTATE RV001: the request id is taken by another command, or by the same one (the caller compares).
-- SQLSTATE RV002: the caller no longer leads the host (fenced).
-- unique_violation on events: somebody else appended to the stream first.

CREATE FUNCTION log.append(
    p_append_id uuid,
    p_actor text, p_reason text, p_ticket text, p_request_id uuid, p_correlation uuid, p_causation uuid,
    p_streams uuid[], p_versions bigint[], p_topics text[], p_states bytea[], p_salts bytea[],
    p_documents bytea[],
    p_fingerprint bytea, p_operation uuid, p_domain uuid,
    p_lease text, p_epoch bigint,
    p_queue jsonb
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_log uuid;
    v_base bigint;
    v_before timestamptz;
    v_now timestamptz;
    v_count bigint := cardinality(p_streams);
    v_context bytea;
BEGIN
    SELECT head.log, head.position, head.recorded_at INTO STRICT v_log, v_base, v_before FROM log.head FOR UPDATE;

    RETURN QUERY SELECT generate_series(first_position, last_position) FROM log.appends WHERE append_id = p_append_id;
    IF FOUND THEN
        RETURN;
    END IF;
    IF p_lease IS NOT NULL AND NOT EXISTS (
        SELECT FROM work.leases WHERE name = p_lease AND epoch = p_epoch AND worker IS NOT NULL FOR SHARE
    ) THEN
        RAISE EXCEPTION 'lease % is no longer held in epoch %', p_lease, p_epoch USING ERRCODE = 'RV002';
    END IF;
    IF p_operation IS NOT NULL AND p_request_id IS NOT NULL THEN
        INSERT INTO log.requests VALUES (p_request_id, p_fingerprint, p_operation, p_domain) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'request id % is taken', p_request_id USING ERRCODE = 'RV001';
        END IF;
    END IF;

    v_now := greatest(v_before, clock_timestamp());
    v_context := log.field(p_actor) || log.field(p_reason) || log.field(p_ticket) || log.field(p_request_id::text)
        || log.field(p_correlation::text) || log.field(p_causation::text);
    INSERT INTO log.documents (digest, body)
        SELECT sha256(body), body FROM unnest(p_documents) AS body ON CONFLICT DO NOTHING;
    INSERT INTO log.events
        SELECT e.stream, e.version, e.topic, e.state, v_base + e.n, p_append_id, v_now, e.salt,
               log.leaf(v_log, v_base + e.n, e.stream, e.version, e.topic, v_now, v_context, e.salt, e.state)
        FROM unnest(p_streams, p_versions, p_topics, p_states, p_salts)
            WITH ORDINALITY AS e(stream, version, topic, state, salt, n);
    INSERT INTO log.appends VALUES (p_append_id, v_base + 1, v_base + v_count,
        p_actor, p_reason, p_ticket, p_request_id, p_correlation, p_causation);
    UPDATE log.head SET position = v_base + v_count, recorded_at = v_now;

    INSERT INTO work.operation_queue (operation, domain, host, verb, exclusive, position)
        SELECT q.operation, q.domain, q.host, q.verb, q.exclusive, v_base + q.n
        FROM jsonb_to_recordset(p_queue -> 'requested')
            AS q(operation uuid, domain uuid, host uuid, verb text, exclusive boolean, n bigint);
    UPDATE work.operation_queue SET started = true, worker = s.worker, epoch = s.epoch
        FROM jsonb_to_recordset(p_queue -> 'started') AS s(operation uuid, worker uuid, epoch bigint)
        WHERE operation_queue.operation = s.operation;
    DELETE FROM work.operation_queue
        WHERE operation IN (SELECT value::uuid FROM jsonb_array_elements_text(p_queue -> 'ended'));

    PERFORM pg_notify('revisor', (v_base + v_count)::text);
    RETURN QUERY SELECT generate_series(v_base + 1, v_base + v_count);
END $$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO @application@;
GRANT EXECUTE ON FUNCTION log.leaf, log.field(bytea), log.field(text) TO @application@;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO @application@;
