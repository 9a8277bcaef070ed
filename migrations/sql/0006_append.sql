-- The way into the log again, at half the cost: one statement locks the head and moves it, salts are drawn here, the
-- leaf is one expression, and what an append does not have (documents, a queue) costs nothing.
--
-- Returns the first position; the others follow it. An append id that is there already returns the position it had, and
-- nothing else is done. SQLSTATE RV001: the request id is taken by another command, or by the same one (the caller
-- compares). RV002: the caller no longer leads the host (fenced). RV003: the log was restored, and nothing may begin until
-- somebody has acknowledged it. unique_violation on events: somebody else appended to the stream first.

DROP FUNCTION log.append;

CREATE FUNCTION log.append(
    p_append_id uuid,
    p_actor text, p_reason text, p_ticket text, p_request_id uuid, p_correlation uuid, p_causation uuid,
    p_streams uuid[], p_versions bigint[], p_topics text[], p_states bytea[],
    p_documents bytea[],
    p_fingerprint bytea, p_operation uuid, p_domain uuid,
    p_lease text, p_epoch bigint,
    p_queue jsonb
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_count bigint := cardinality(p_streams);
    v_log uuid;
    v_base bigint;
    v_now timestamptz;
    v_when text;
    v_context text;
BEGIN
    UPDATE log.head SET position = position + v_count, recorded_at = greatest(recorded_at, clock_timestamp())
        RETURNING log, position - v_count, recorded_at INTO STRICT v_log, v_base, v_now;

    INSERT INTO log.appends VALUES (p_append_id, v_base + 1, v_base + v_count,
        p_actor, p_reason, p_ticket, p_request_id, p_correlation, p_causation) ON CONFLICT (append_id) DO NOTHING;
    IF NOT FOUND THEN
        UPDATE log.head SET position = v_base;
        RETURN (SELECT first_position FROM log.appends WHERE append_id = p_append_id);
    END IF;
    IF p_lease IS NOT NULL AND NOT EXISTS (
        SELECT FROM work.leases WHERE name = p_lease AND epoch = p_epoch AND worker IS NOT NULL FOR SHARE
    ) THEN
        RAISE EXCEPTION 'lease % is no longer held in epoch %', p_lease, p_epoch USING ERRCODE = 'RV002';
    END IF;
    IF (p_operation IS NOT NULL OR p_queue ?| '{requested,started}')
        AND EXISTS (SELECT FROM work.restores WHERE acknowledged_at IS NULL) THEN
        RAISE EXCEPTION 'the log was restored and nobody has acknowledged it' USING ERRCODE = 'RV003';
    END IF;
    IF p_operation IS NOT NULL AND p_request_id IS NOT NULL THEN
        INSERT INTO log.requests VALUES (p_request_id, p_fingerprint, p_operation, p_domain)
            ON CONFLICT (request_id) DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'request id % is taken', p_request_id USING ERRCODE = 'RV001';
        END IF;
    END IF;
    IF p_documents IS NOT NULL THEN
        INSERT INTO log.documents (digest, body)
            SELECT sha256(body), body FROM unnest(p_documents) AS body ON CONFLICT (digest) DO NOTHING;
    END IF;

    -- What log.leaf says (docs/reference/envelope.md), without its ten calls an event: tests compare the two.
    v_when := (extract(epoch FROM v_now) * 1000000)::bigint;
    v_context := length(v_when) || ':' || v_when || ','
        || coalesce(octet_length(p_actor) || ':' || p_actor || ',', '-')
        || coalesce(octet_length(p_reason) || ':' || p_reason || ',', '-')
        || coalesce(octet_length(p_ticket) || ':' || p_ticket || ',', '-')
        || coalesce('36:' || p_request_id || ',', '-')
        || coalesce('36:' || p_correlation || ',', '-')
        || coalesce('36:' || p_causation || ',', '-');
    INSERT INTO log.events
        SELECT e.stream, e.version, e.topic, e.state, v_base + e.n, p_append_id, v_now, e.salt,
            sha256('\x00'::bytea
                || convert_to('1:1,36:' || v_log
                    || ',' || length((v_base + e.n)::text) || ':' || (v_base + e.n)
                    || ',36:' || e.stream
                    || ',' || length(e.version::text) || ':' || e.version
                    || ',' || octet_length(e.topic) || ':' || e.topic
                    || ',' || v_context || '16:', 'UTF8')
                || e.salt || convert_to(',32:', 'UTF8') || sha256(e.state) || convert_to(',', 'UTF8'))
        FROM (
            SELECT stream, version, topic, state, n, uuid_send(gen_random_uuid()) AS salt
            FROM unnest(p_streams, p_versions, p_topics, p_states)
                WITH ORDINALITY AS given(stream, version, topic, state, n)
        ) AS e;

    IF p_queue IS NOT NULL THEN
        INSERT INTO work.operation_queue (operation, domain, host, verb, exclusive, position)
            SELECT q.operation, q.domain, q.host, q.verb, q.exclusive, v_base + q.n
            FROM jsonb_to_recordset(p_queue -> 'requested')
                AS q(operation uuid, domain uuid, host uuid, verb text, exclusive boolean, n bigint);
        UPDATE work.operation_queue SET started = true, worker = s.worker, epoch = s.epoch
            FROM jsonb_to_recordset(p_queue -> 'started') AS s(operation uuid, worker uuid, epoch bigint)
            WHERE operation_queue.operation = s.operation;
        DELETE FROM work.operation_queue
            WHERE operation IN (SELECT value::uuid FROM jsonb_array_elements_text(p_queue -> 'ended'));
    END IF;

    PERFORM pg_notify('revisor', '');
    RETURN v_base + 1;
END $$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO @application@;
