-- What a farm follows that does not follow the whole index: the packages that somebody asked for by name, and all that
-- they depend on.

CREATE TABLE selection (
    package varchar(200) COLLATE "C" PRIMARY KEY,
    requirement text NOT NULL,
    requested boolean NOT NULL,
    state varchar(10) NOT NULL CHECK (state IN ('NEW', 'RESOLVED', 'UNKNOWN', 'UNMATCHED')),
    version varchar(200) COLLATE "C",
    message text DEFAULT '' NOT NULL,
    CHECK (state <> 'RESOLVED' OR version IS NOT NULL)
);
COMMENT ON TABLE selection IS 'Packages that are followed: requirement as PEP 508 text, and the version chosen';
GRANT SELECT ON selection TO {username};


-- An entry that is no longer asked for stays while another one needs it. What extras brought in cannot be seen here
-- (a wheel's dependencies are stored without their markers), so whenever something has changed the chosen versions'
-- wheels are examined again, and the follower enters anew what it finds missing.
CREATE FUNCTION set_selection(p_packages text[], p_requirements text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    LOCK TABLE selection IN SHARE ROW EXCLUSIVE MODE;
    IF NOT EXISTS (
        SELECT FROM unnest(p_packages, p_requirements) AS r (package, requirement)
        FULL JOIN (SELECT * FROM selection WHERE requested) s ON s.package = r.package
        WHERE s.requirement IS DISTINCT FROM r.requirement) THEN
        RETURN;
    END IF;

    UPDATE selection SET requested = false WHERE requested AND package <> ALL (p_packages);
    INSERT INTO selection AS s (package, requirement, requested, state)
    SELECT r.package, r.requirement, true, 'NEW' FROM unnest(p_packages, p_requirements) AS r (package, requirement)
    ON CONFLICT (package) DO UPDATE SET
        requested = true,
        requirement = excluded.requirement,
        state = CASE WHEN s.requirement = excluded.requirement THEN s.state ELSE 'NEW' END,
        version = CASE WHEN s.requirement = excluded.requirement THEN s.version END,
        message = CASE WHEN s.requirement = excluded.requirement THEN s.message ELSE '' END;

    DELETE FROM selection WHERE package NOT IN (SELECT n.package FROM selection_needed() n);
    UPDATE builds b SET examined = false
    FROM selection s WHERE b.package = s.package AND b.version = s.version AND b.examined;
END;
$sql$;
COMMENT ON FUNCTION set_selection IS 'Replaces what is asked for by name; dependencies stay while still needed';
REVOKE ALL ON FUNCTION set_selection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_selection TO {username};


CREATE FUNCTION selection_needed() RETURNS TABLE (package varchar)
LANGUAGE sql STABLE
AS $sql$
    WITH RECURSIVE needed AS (
        SELECT s.package FROM selection s WHERE s.requested
        UNION
        SELECT s.package
        FROM needed n
            JOIN selection c ON c.package = n.package
            JOIN builds b ON b.package = c.package AND b.version = c.version
            JOIN files f ON f.build_id = b.build_id
            JOIN dependencies d ON d.filename = f.filename AND d.tool = 'pip'
            JOIN selection s ON s.package = canonical_name(d.dependency)
    )
    SELECT n.package FROM needed n;
$sql$;
COMMENT ON FUNCTION selection_needed IS 'What is asked for, and what the chosen versions'' wheels depend on';
REVOKE ALL ON FUNCTION selection_needed FROM PUBLIC;


CREATE FUNCTION get_selection() RETURNS SETOF selection
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT * FROM selection ORDER BY package;
$sql$;
COMMENT ON FUNCTION get_selection IS 'All entries, requested ones and dependencies';
REVOKE ALL ON FUNCTION get_selection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_selection TO {username};


-- The version chosen is one that somebody waits for: it goes before fresh releases and the backlog.
CREATE FUNCTION update_selection(
    p_package text, p_requirement text, p_requested boolean, p_state text, p_version text, p_message text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    INSERT INTO selection AS s (package, requirement, requested, state, version, message)
    VALUES (p_package, p_requirement, p_requested, p_state, p_version, p_message)
    ON CONFLICT (package) DO UPDATE SET
        requirement = excluded.requirement, requested = excluded.requested, state = excluded.state,
        version = excluded.version, message = excluded.message;

    PERFORM lock_package(p_package);
    UPDATE versions v SET priority = 0
    WHERE v.package = p_package AND v.version = p_version AND v.priority > 0
        AND EXISTS (SELECT FROM releases_pending r WHERE r.package = p_package AND r.version = p_version);
    IF FOUND THEN
        PERFORM refresh_queue(p_package, p_version);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION update_selection IS 'Adds or changes one entry; the version chosen is built before others';
REVOKE ALL ON FUNCTION update_selection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION update_selection TO {username};


CREATE FUNCTION get_unexamined_files() RETURNS TABLE (build_id integer, package varchar, filename varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT b.build_id, b.package, f.filename
    FROM selection s
        JOIN builds b ON b.package = s.package AND b.version = s.version
        JOIN files f ON f.build_id = b.build_id
    WHERE b.status AND NOT b.examined
    ORDER BY b.build_id, f.filename;
$sql$;
COMMENT ON FUNCTION get_unexamined_files IS 'Wheels of the chosen versions whose requirements have not been read';
REVOKE ALL ON FUNCTION get_unexamined_files FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_unexamined_files TO {username};


CREATE FUNCTION set_examined(p_build_id integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    UPDATE builds SET examined = true WHERE build_id = p_build_id;
$sql$;
COMMENT ON FUNCTION set_examined IS 'Says that a build''s wheels have been examined';
REVOKE ALL ON FUNCTION set_examined FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_examined TO {username};


-- Settled: nothing is left to do. A farm without an active target is not: whatever is asked for is not built yet.
CREATE FUNCTION get_selection_status() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT json_build_object(
        'settled',
            NOT EXISTS (SELECT FROM selection WHERE state = 'NEW')
            AND NOT EXISTS (SELECT FROM get_unexamined_files())
            AND EXISTS (SELECT FROM targets WHERE skip = '')
            AND NOT EXISTS (SELECT FROM targets WHERE settled_from IS NOT NULL OR settled_to IS NOT NULL)
            AND NOT EXISTS (SELECT FROM build_queue)
            AND NOT EXISTS (SELECT FROM upstream_owed)
            AND NOT EXISTS (SELECT FROM rewrites_pending),
        'packages', coalesce((
            SELECT json_agg(json_build_object(
                'package', s.package,
                'requirement', s.requirement,
                'requested', s.requested,
                'state', s.state,
                'version', s.version,
                'message', s.message,
                'targets', coalesce((
                    SELECT json_agg(json_build_object(
                        'abi', t.abi_tag, 'platform', t.platform_tag, 'state', t.state, 'build_id', t.build_id)
                        ORDER BY t.platform_tag, t.abi_order, t.abi_tag)
                    FROM release_states(s.package, s.version) t WHERE s.version IS NOT NULL), '[]'))
                ORDER BY s.package)
            FROM selection s), '[]'));
$sql$;
COMMENT ON FUNCTION get_selection_status IS 'Whether all is done, and how each chosen version stands on each target';
REVOKE ALL ON FUNCTION get_selection_status FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_selection_status TO {username};
