-- Builds that failed for a reason that passes (a full disk, the network, memory, time) say nothing about the release. They
-- are deferred, and tried again after a while, which grows with each time; after so many times they are recorded as
-- failed. Who decides is the master, by what the slave says and its own settings; what has been decided is
-- deferred_builds, in the transaction that decides it.

-- Answers when it is tried again; null: it has been tried often enough, and is to be recorded with log_build(). p_delays
-- are those before the second attempt, the third, and so on. A source that is not there a day after the release does not
-- come: that failure is none that passes. A request that was deferred before changes nothing, and is answered as then.
CREATE FUNCTION defer_build(
    p_package text, p_version text, p_built_by integer, p_abi_tag text, p_platform_tag text,
    p_class text, p_evidence text, p_delays interval[], p_request uuid DEFAULT NULL)
RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_target_id integer;
    v_released timestamp;
    v_attempts integer;
    v_retry_at timestamptz;
    v_before bigint;
BEGIN
    PERFORM lock_package(p_package);
    SELECT r.answer INTO v_before FROM requests_done r WHERE r.request = p_request AND r.function = 'defer_build';
    IF FOUND THEN
        RETURN 'epoch'::timestamptz + v_before * interval '1 microsecond';
    END IF;
    SELECT v.released INTO v_released FROM versions v WHERE v.package = p_package AND v.version = p_version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such release: % %', p_package, p_version USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT t.target_id INTO v_target_id FROM targets t
    WHERE t.abi_tag = p_abi_tag AND t.platform_tag = p_platform_tag;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing is built for % on % here', p_abi_tag, p_platform_tag
            USING ERRCODE = 'foreign_key_violation';
    END IF;

    SELECT d.attempts INTO v_attempts FROM deferred_builds d
    WHERE d.package = p_package AND d.version = p_version AND d.target_id = v_target_id;
    v_attempts := coalesce(v_attempts, 0);
    v_retry_at := clock_timestamp() + p_delays[v_attempts + 1];
    IF v_retry_at IS NULL
        OR p_class = 'no-source' AND v_released < (now() AT TIME ZONE 'UTC') - interval '1 day' THEN
        RETURN NULL;
    END IF;
    PERFORM claim_request(p_request, 'defer_build', (extract(epoch FROM v_retry_at) * 1000000)::bigint);

    INSERT INTO deferred_builds AS d (
        package, version, target_id, attempts, held, retry_at, built_by, class, evidence)
    VALUES (
        p_package, p_version, v_target_id, 1, true, v_retry_at AT TIME ZONE 'UTC', p_built_by, p_class, p_evidence)
    ON CONFLICT (package, version, target_id) DO UPDATE SET
        attempts = d.attempts + 1, held = true, retry_at = excluded.retry_at, failed_at = excluded.failed_at,
        built_by = excluded.built_by, class = excluded.class, evidence = excluded.evidence;
    PERFORM refresh_queue(p_package, p_version);
    PERFORM owe_rewrite(p_package, 'PROJECT');
    RETURN v_retry_at;
END;
$sql$;
COMMENT ON FUNCTION defer_build IS 'Has a failed build tried again later; answers when, or null when that is over';
REVOKE ALL ON FUNCTION defer_build FROM PUBLIC;
GRANT EXECUTE ON FUNCTION defer_build TO {username};


-- Those that are due are looked for first, and once more under the locks of their packages.
CREATE FUNCTION resume_builds(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_due deferred_builds[];
    v_row record;
    v_resumed bigint := 0;
BEGIN
    v_due := ARRAY(
        SELECT d FROM deferred_builds d WHERE d.held AND d.retry_at <= now() AT TIME ZONE 'UTC'
        ORDER BY d.retry_at LIMIT p_limit);
    IF cardinality(v_due) = 0 THEN
        RETURN 0;
    END IF;
    PERFORM lock_packages(ARRAY(SELECT u.package FROM unnest(v_due) u));
    FOR v_row IN
        WITH resumed AS (
            UPDATE deferred_builds d SET held = false
            FROM unnest(v_due) u
            WHERE d.package = u.package AND d.version = u.version AND d.target_id = u.target_id
                AND d.held AND d.retry_at = u.retry_at
            RETURNING d.package, d.version)
        SELECT r.package, r.version, count(*) AS targets FROM resumed r GROUP BY r.package, r.version
        ORDER BY r.package, r.version
    LOOP
        PERFORM refresh_queue(v_row.package, v_row.version);
        PERFORM owe_rewrite(v_row.package, 'PROJECT');
        v_resumed := v_resumed + v_row.targets;
    END LOOP;
    RETURN v_resumed;
END;
$sql$;
COMMENT ON FUNCTION resume_builds IS 'Brings deferred builds back into the queue whose time has come; answers how many';
REVOKE ALL ON FUNCTION resume_builds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resume_builds TO {username};


-- Called under lock_package(). Where an attempt has been recorded, or a wheel runs, there is nothing to be tried again.
CREATE FUNCTION forget_deferred(p_package text, p_version text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF EXISTS (SELECT FROM deferred_builds d WHERE d.package = p_package AND d.version = p_version) THEN
        DELETE FROM deferred_builds d
        WHERE d.package = p_package AND d.version = p_version
            AND d.target_id IN (SELECT t.target_id FROM targets_done(p_package, p_version) t);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION forget_deferred IS 'Removes deferrals of a release on targets that are done';
REVOKE ALL ON FUNCTION forget_deferred FROM PUBLIC;


-- Called under lock_package(). Somebody asks for it now, so it begins anew, with all its attempts.
CREATE FUNCTION retry_deferred(p_package text, p_version text) RETURNS text[]
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_versions text[];
BEGIN
    WITH gone AS (
        DELETE FROM deferred_builds d
        WHERE d.package = p_package AND d.version = coalesce(p_version, d.version) AND d.held
        RETURNING d.version)
    SELECT coalesce(array_agg(DISTINCT g.version::text), '{}') INTO v_versions FROM gone g;
    PERFORM refresh_queue(p_package, v) FROM unnest(v_versions) AS v;
    RETURN v_versions;
END;
$sql$;
COMMENT ON FUNCTION retry_deferred IS 'Has deferred builds of a package, or a version, tried at once; answers the versions';
REVOKE ALL ON FUNCTION retry_deferred FROM PUBLIC;


CREATE FUNCTION get_deferred_builds(p_limit integer)
RETURNS TABLE (
    package varchar, version varchar, abi_tag varchar, platform_tag varchar, attempts integer, held boolean,
    retry_at timestamptz, failed_at timestamptz, built_by integer, class varchar, evidence varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        d.package, d.version, t.abi_tag, t.platform_tag, d.attempts, d.held,
        d.retry_at AT TIME ZONE 'UTC', d.failed_at AT TIME ZONE 'UTC', d.built_by, d.class, d.evidence
    FROM deferred_builds d JOIN targets t USING (target_id)
    ORDER BY d.held, d.retry_at, d.package, d.version, t.target_id
    LIMIT p_limit;
$sql$;
COMMENT ON FUNCTION get_deferred_builds IS 'Builds that are tried again: those that are in the queue again, then the others by their time';
REVOKE ALL ON FUNCTION get_deferred_builds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_deferred_builds TO {username};


-- Apart from get_project_data: most packages have none, and are not asked for them. One row a build that failed and says
-- why, and one a release and target that waits to be tried again.
CREATE FUNCTION get_project_failures(p_package text)
RETURNS TABLE (
    build_id integer, version varchar, abi_tag varchar, platform_tag varchar, class varchar, evidence varchar,
    apt_package varchar, retry_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT f.build_id, b.version, b.abi_tag, b.platform_tag, f.class, f.evidence, f.apt_package, NULL::timestamptz
    FROM builds b JOIN failures f ON f.build_id = b.build_id
    WHERE b.package = p_package AND NOT b.status
    UNION ALL
    SELECT NULL, d.version, t.abi_tag, t.platform_tag, d.class, d.evidence, NULL, d.retry_at AT TIME ZONE 'UTC'
    FROM deferred_builds d JOIN targets t ON t.target_id = d.target_id
    WHERE d.package = p_package AND d.held;
$sql$;
COMMENT ON FUNCTION get_project_failures IS 'Why builds of a package failed, and which are tried again when';
REVOKE ALL ON FUNCTION get_project_failures FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_failures TO {username};
