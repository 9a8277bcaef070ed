-- A request id is also claimed by what found nothing to change: the same command again is answered, and not done by then.
-- SQLSTATE RV001, as of log.append: it is taken.

CREATE FUNCTION log.claim(p_request_id uuid, p_fingerprint bytea, p_operation uuid, p_domain uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO log.requests (request_id, fingerprint, operation, domain)
        VALUES (p_request_id, p_fingerprint, p_operation, p_domain) ON CONFLICT (request_id) DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'request id % is taken', p_request_id USING ERRCODE = 'RV001';
    END IF;
END $$;

REVOKE ALL ON FUNCTION log.claim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.claim TO @application@;
