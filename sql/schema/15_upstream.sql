-- What a farm follows that does not follow the whole index. People write requests and constraints; from them the
-- master's follower works out which packages are followed, which versions of each are built, and what those need.

-- Who asked: UP is what `piw up` was started with, replaced at its next start; FOLLOW is what `piw follow` added.
CREATE TABLE selection_requests (
    package varchar(200) COLLATE "C" NOT NULL,
    origin varchar(10) COLLATE "C" NOT NULL CHECK (origin IN ('UP', 'FOLLOW')),
    requirement text COLLATE "C" NOT NULL CHECK (octet_length(requirement) <= 2000),
    all_versions boolean NOT NULL,
    PRIMARY KEY (package, origin, requirement)
);
COMMENT ON TABLE selection_requests IS 'Packages asked for by name: in which words, and whether all versions';
GRANT SELECT ON selection_requests TO {username};

CREATE TABLE selection_constraints (
    package varchar(200) COLLATE "C" NOT NULL,
    origin varchar(10) COLLATE "C" NOT NULL CHECK (origin IN ('UP', 'FOLLOW')),
    requirement text COLLATE "C" NOT NULL CHECK (octet_length(requirement) <= 2000),
    PRIMARY KEY (package, origin, requirement)
);
COMMENT ON TABLE selection_constraints IS 'What limits versions, whoever asks for the package, as pip''s constraints';
GRANT SELECT ON selection_constraints TO {username};

CREATE TABLE selection_revision (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    revision bigint DEFAULT 0 NOT NULL
);
COMMENT ON TABLE selection_revision IS 'Counts the changes of requests and constraints; one row';
GRANT SELECT ON selection_revision TO {username};

INSERT INTO selection_revision DEFAULT VALUES;

CREATE TABLE selection (
    package varchar(200) COLLATE "C" PRIMARY KEY,
    state varchar(10) NOT NULL CHECK (state IN ('NEW', 'RESOLVED', 'UNKNOWN', 'UNMATCHED', 'ELSEWHERE')),
    message text DEFAULT '' NOT NULL
);
COMMENT ON TABLE selection IS 'Packages that are followed: those asked for by name, and all that they need';
GRANT SELECT ON selection TO {username};

-- urgent: somebody waits for it, so it goes before fresh releases and the backlog
CREATE TABLE selection_versions (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES selection ON DELETE CASCADE,
    version varchar(200) COLLATE "C" NOT NULL,
    urgent boolean NOT NULL,
    PRIMARY KEY (package, version)
);
COMMENT ON TABLE selection_versions IS 'The versions chosen of each package that is followed';
GRANT SELECT ON selection_versions TO {username};

CREATE TABLE selection_needs (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES selection ON DELETE CASCADE,
    needs varchar(200) COLLATE "C" NOT NULL,
    requirement text COLLATE "C" NOT NULL CHECK (octet_length(requirement) <= 2000),
    PRIMARY KEY (package, needs, requirement)
);
COMMENT ON TABLE selection_needs IS 'What the chosen versions of a package require: another one, in which words';
GRANT SELECT ON selection_needs TO {username};


CREATE FUNCTION selection_needed() RETURNS TABLE (package varchar)
LANGUAGE sql STABLE
AS $sql$
    WITH RECURSIVE needed AS (
        SELECT r.package FROM selection_requests r
        UNION
        SELECT s.needs FROM needed n JOIN selection_needs s ON s.package = n.package
    )
    SELECT n.package FROM needed n;
$sql$;
COMMENT ON FUNCTION selection_needed IS 'What is asked for, and what that needs, and so on';
REVOKE ALL ON FUNCTION selection_needed FROM PUBLIC;


-- What nobody needs any more is not built any more either: a version that still waits is skipped, and comes back when
-- it is chosen again. What has been built stays.
CREATE FUNCTION unfollow_version(p_package text, p_version text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    DELETE FROM selection_versions WHERE package = p_package AND version = p_version;
    UPDATE versions v SET skip = 'not followed'
    WHERE v.package = p_package AND v.version = p_version AND v.skip = ''
        AND EXISTS (SELECT FROM build_queue q WHERE q.package = p_package AND q.version = p_version);
    IF FOUND THEN
        PERFORM refresh_queue(p_package, p_version);
        PERFORM owe_rewrite(p_package, 'PROJECT');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION unfollow_version IS 'Takes a version back that was chosen';
REVOKE ALL ON FUNCTION unfollow_version FROM PUBLIC;


-- An urgent version is built before fresh releases and the backlog.
CREATE FUNCTION follow_version(p_package text, p_version text, p_urgent boolean) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    INSERT INTO selection_versions (package, version, urgent) VALUES (p_package, p_version, p_urgent)
    ON CONFLICT (package, version) DO UPDATE SET urgent = excluded.urgent;
    UPDATE versions SET skip = '' WHERE package = p_package AND version = p_version AND skip = 'not followed';
    IF FOUND THEN
        PERFORM refresh_queue(p_package, p_version);
        PERFORM owe_rewrite(p_package, 'PROJECT');
    END IF;
    UPDATE versions v SET priority = 0
    WHERE p_urgent AND v.package = p_package AND v.version = p_version AND v.priority > 0
        AND EXISTS (SELECT FROM releases_pending r WHERE r.package = p_package AND r.version = p_version);
    IF FOUND THEN
        PERFORM refresh_queue(p_package, p_version);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION follow_version IS 'Has a version built that was chosen';
REVOKE ALL ON FUNCTION follow_version FROM PUBLIC;


-- Packages in the order of their names, so that two transactions cannot wait for each other.
CREATE FUNCTION trim_selection() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_gone text[] := ARRAY(SELECT s.package FROM selection s EXCEPT SELECT n.package FROM selection_needed() n);
    v_version selection_versions;
BEGIN
    FOR v_version IN
        SELECT * FROM selection_versions WHERE package = ANY (v_gone) ORDER BY package, version
    LOOP
        PERFORM unfollow_version(v_version.package, v_version.version);
    END LOOP;
    DELETE FROM selection WHERE package = ANY (v_gone);
END;
$sql$;
COMMENT ON FUNCTION trim_selection IS 'Drops the packages that nobody needs any more';
REVOKE ALL ON FUNCTION trim_selection FROM PUBLIC;


-- The first step of every change of requests and constraints, so that no two changes are made at a time.
CREATE FUNCTION lock_selection() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM FROM selection_revision FOR UPDATE;
END;
$sql$;
COMMENT ON FUNCTION lock_selection IS 'Keeps all others from changing the selection';
REVOKE ALL ON FUNCTION lock_selection FROM PUBLIC;


-- Called under lock_selection(). The follower sees the new revision, and looks at these packages again.
CREATE FUNCTION selection_changed(p_packages text[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    UPDATE selection_revision SET revision = revision + 1;
    INSERT INTO selection (package, state) SELECT DISTINCT r.package, 'NEW' FROM selection_requests r
    ON CONFLICT (package) DO NOTHING;
    UPDATE selection SET state = 'NEW', message = '' WHERE package = ANY (p_packages);
    PERFORM trim_selection();
END;
$sql$;
COMMENT ON FUNCTION selection_changed IS 'What follows from a change of the requests for, or constraints of, packages';
REVOKE ALL ON FUNCTION selection_changed FROM PUBLIC;


-- p_replaced and p_unlimited: the packages whose requests, and whose constraints, of this origin give way to these.
CREATE FUNCTION replace_requests(
    p_origin text, p_replaced text[], p_packages text[], p_requirements text[], p_all_versions boolean,
    p_unlimited text[], p_constrained text[], p_constraints text[]) RETURNS boolean
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_changed text[];
BEGIN
    WITH
        before AS (
            SELECT 'request' AS kind, package, requirement, all_versions FROM selection_requests
            WHERE origin = p_origin AND package = ANY (p_replaced)
            UNION ALL
            SELECT 'constraint', package, requirement, false FROM selection_constraints
            WHERE origin = p_origin AND package = ANY (p_unlimited)),
        after AS (
            SELECT 'request' AS kind, r.package, r.requirement, p_all_versions AS all_versions
            FROM unnest(p_packages, p_requirements) AS r (package, requirement)
            UNION ALL
            SELECT 'constraint', c.package, c.requirement, false
            FROM unnest(p_constrained, p_constraints) AS c (package, requirement))
    SELECT array_agg(DISTINCT coalesce(b.package, a.package)) INTO v_changed
    FROM before b FULL JOIN after a USING (kind, package, requirement, all_versions)
    WHERE b.package IS NULL OR a.package IS NULL;
    IF v_changed IS NULL THEN
        RETURN false;
    END IF;

    DELETE FROM selection_requests WHERE origin = p_origin AND package = ANY (p_replaced);
    DELETE FROM selection_constraints WHERE origin = p_origin AND package = ANY (p_unlimited);
    INSERT INTO selection_requests (origin, package, requirement, all_versions)
    SELECT DISTINCT p_origin, r.package, r.requirement, p_all_versions
    FROM unnest(p_packages, p_requirements) AS r (package, requirement);
    INSERT INTO selection_constraints (origin, package, requirement)
    SELECT DISTINCT p_origin, c.package, c.requirement
    FROM unnest(p_constrained, p_constraints) AS c (package, requirement);
    PERFORM selection_changed(v_changed);
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION replace_requests IS 'Replaces some requests and constraints; false when nothing changes';
REVOKE ALL ON FUNCTION replace_requests FROM PUBLIC;


CREATE FUNCTION set_requests(
    p_origin text, p_packages text[], p_requirements text[], p_all_versions boolean,
    p_constrained text[], p_constraints text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_selection();
    RETURN replace_requests(
        p_origin,
        ARRAY(SELECT package FROM selection_requests WHERE origin = p_origin) || p_packages,
        p_packages, p_requirements, p_all_versions,
        ARRAY(SELECT package FROM selection_constraints WHERE origin = p_origin) || p_constrained,
        p_constrained, p_constraints);
END;
$sql$;
COMMENT ON FUNCTION set_requests IS 'Replaces all requests and constraints of an origin; false when nothing changes';
REVOKE ALL ON FUNCTION set_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_requests TO {username};


CREATE FUNCTION add_requests(
    p_origin text, p_packages text[], p_requirements text[], p_all_versions boolean,
    p_constrained text[], p_constraints text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_selection();
    RETURN replace_requests(
        p_origin, p_packages, p_packages, p_requirements, p_all_versions, p_constrained, p_constrained, p_constraints);
END;
$sql$;
COMMENT ON FUNCTION add_requests IS 'Adds requests and constraints, in place of the origin''s own of the same packages';
REVOKE ALL ON FUNCTION add_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_requests TO {username};


CREATE FUNCTION remove_requests(p_packages text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_selection();
    DELETE FROM selection_requests WHERE package = ANY (p_packages);
    IF FOUND THEN
        PERFORM selection_changed(p_packages);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION remove_requests IS 'Asks for packages no more, whoever did; they stay while others need them';
REVOKE ALL ON FUNCTION remove_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_requests TO {username};


CREATE FUNCTION remove_constraints(p_packages text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_selection();
    DELETE FROM selection_constraints WHERE package = ANY (p_packages);
    IF FOUND THEN
        PERFORM selection_changed(p_packages);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION remove_constraints IS 'Limits the versions of packages no more, whoever did';
REVOKE ALL ON FUNCTION remove_constraints FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_constraints TO {username};


CREATE FUNCTION get_selection_revision() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT revision FROM selection_revision;
$sql$;
COMMENT ON FUNCTION get_selection_revision IS 'A number that grows whenever somebody asks for something else';
REVOKE ALL ON FUNCTION get_selection_revision FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_selection_revision TO {username};


CREATE FUNCTION get_selection() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT json_build_object(
        'revision', (SELECT revision FROM selection_revision),
        'requests', coalesce((
            SELECT json_agg(json_build_object(
                'origin', r.origin, 'package', r.package, 'requirement', r.requirement, 'all_versions', r.all_versions)
                ORDER BY r.package, r.origin, r.requirement)
            FROM selection_requests r), '[]'),
        'constraints', coalesce((
            SELECT json_agg(json_build_object('origin', c.origin, 'package', c.package, 'requirement', c.requirement)
                ORDER BY c.package, c.origin, c.requirement)
            FROM selection_constraints c), '[]'),
        'packages', coalesce((
            SELECT json_agg(json_build_object(
                'package', s.package,
                'state', s.state,
                'message', s.message,
                'versions', coalesce((
                    SELECT json_agg(json_build_object('version', v.version, 'urgent', v.urgent) ORDER BY v.version)
                    FROM selection_versions v WHERE v.package = s.package), '[]'),
                'needs', coalesce((
                    SELECT json_agg(json_build_object('package', n.needs, 'requirement', n.requirement)
                        ORDER BY n.needs, n.requirement)
                    FROM selection_needs n WHERE n.package = s.package), '[]'))
                ORDER BY s.package)
            FROM selection s), '[]'));
$sql$;
COMMENT ON FUNCTION get_selection IS 'All requests, constraints and packages that are followed, at one moment';
REVOKE ALL ON FUNCTION get_selection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_selection TO {username};


-- False when somebody has asked for something else since: then nothing is written, and all is to be read again. What
-- is needed and not followed yet is entered with it, so that there is no moment at which all seems to be settled.
CREATE FUNCTION update_selection(
    p_revision bigint, p_package text, p_state text, p_message text, p_versions text[], p_urgent boolean[],
    p_needs text[], p_requirements text[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_dropped boolean;
BEGIN
    PERFORM FROM selection_revision WHERE revision = p_revision FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_state = 'RESOLVED' AND cardinality(p_versions) = 0 THEN
        RAISE EXCEPTION '% is resolved without a version', p_package USING ERRCODE = 'check_violation';
    END IF;
    UPDATE selection SET state = p_state, message = p_message WHERE package = p_package;
    IF NOT FOUND THEN
        RETURN true;
    END IF;

    PERFORM unfollow_version(v.package, v.version) FROM selection_versions v
    WHERE v.package = p_package AND v.version <> ALL (p_versions);
    PERFORM follow_version(p_package, v.version, v.urgent) FROM unnest(p_versions, p_urgent) AS v (version, urgent);

    DELETE FROM selection_needs n
    WHERE n.package = p_package
        AND (n.needs, n.requirement) NOT IN (SELECT * FROM unnest(p_needs, p_requirements));
    v_dropped := FOUND;
    INSERT INTO selection_needs (package, needs, requirement)
    SELECT p_package, n.needs, n.requirement FROM unnest(p_needs, p_requirements) AS n (needs, requirement)
    ON CONFLICT DO NOTHING;
    INSERT INTO selection (package, state) SELECT DISTINCT n, 'NEW' FROM unnest(p_needs) AS n ORDER BY n
    ON CONFLICT (package) DO NOTHING;
    IF v_dropped THEN
        PERFORM trim_selection();
    END IF;
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION update_selection IS 'Writes what was found out of a package: versions to build, and their needs';
REVOKE ALL ON FUNCTION update_selection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION update_selection TO {username};


CREATE FUNCTION get_unexamined_files()
RETURNS TABLE (build_id integer, package varchar, version varchar, filename varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT b.build_id, b.package, b.version, f.filename
    FROM selection_versions s
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
            AND NOT EXISTS (
                SELECT FROM build_queue q
                WHERE NOT EXISTS (
                    SELECT FROM held_builds h
                    WHERE h.package = q.package AND h.version = q.version AND h.target_id = q.target_id))
            AND NOT EXISTS (SELECT FROM upstream_owed)
            AND NOT EXISTS (SELECT FROM rewrites_pending),
        'packages', coalesce((
            SELECT json_agg(json_build_object(
                'package', s.package,
                'state', s.state,
                'message', s.message,
                'releases', coalesce((
                    SELECT json_agg(json_build_object(
                        'version', v.version,
                        'targets', coalesce((
                            SELECT json_agg(json_build_object(
                                'abi', t.abi_tag, 'platform', t.platform_tag, 'state', t.state, 'build_id', t.build_id)
                                ORDER BY t.platform_tag, t.abi_order, t.abi_tag)
                            FROM release_states(v.package, v.version) t), '[]'))
                        ORDER BY v.version)
                    FROM selection_versions v WHERE v.package = s.package), '[]'))
                ORDER BY s.package)
            FROM selection s), '[]'));
$sql$;
COMMENT ON FUNCTION get_selection_status IS 'Whether all is done, and how each chosen version stands on each target';
REVOKE ALL ON FUNCTION get_selection_status FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_selection_status TO {username};


-- Of a farm that follows the index's log: what has to be looked up besides when a list is changed. In a pattern * stands
-- for any characters, and ? for one.
CREATE TABLE followed_names (
    list varchar(10) COLLATE "C" NOT NULL CHECK (list IN ('ONLY', 'NEVER')),
    pattern varchar(200) COLLATE "C" NOT NULL,
    PRIMARY KEY (list, pattern)
);
COMMENT ON TABLE followed_names IS 'The lists of names by which the log is followed: only these, never those';
GRANT SELECT ON followed_names TO {username};


CREATE FUNCTION get_followed_names() RETURNS TABLE (list varchar, pattern varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT f.list, f.pattern FROM followed_names f ORDER BY f.list, f.pattern;
$sql$;
COMMENT ON FUNCTION get_followed_names IS 'The lists of names by which the log is followed';
REVOKE ALL ON FUNCTION get_followed_names FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_followed_names TO {username};


CREATE FUNCTION set_followed_names(p_only text[], p_never text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    DELETE FROM followed_names;
    INSERT INTO followed_names (list, pattern)
    SELECT 'ONLY', unnest(p_only) UNION SELECT 'NEVER', unnest(p_never);
END;
$sql$;
COMMENT ON FUNCTION set_followed_names IS 'Says by which lists of names the log is followed from now on';
REVOKE ALL ON FUNCTION set_followed_names FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_followed_names TO {username};


CREATE FUNCTION get_packages_skipped(p_reason text) RETURNS TABLE (package varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT p.package FROM packages p WHERE p.skip = p_reason AND p.skip <> '';
$sql$;
COMMENT ON FUNCTION get_packages_skipped IS 'The packages that are not built for a reason';
REVOKE ALL ON FUNCTION get_packages_skipped FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_packages_skipped TO {username};


-- Packages in the order of their names, so that two transactions cannot wait for each other.
CREATE FUNCTION change_package_skips(p_packages text[], p_from text, p_to text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_package text;
BEGIN
    FOR v_package IN
        SELECT p.package FROM packages p WHERE p.package = ANY (p_packages) AND p.skip = p_from ORDER BY p.package
    LOOP
        PERFORM lock_package(v_package);
        -- Somebody may have changed it before it was locked
        CONTINUE WHEN get_package_skip(v_package) <> p_from;
        PERFORM skip_package(v_package, p_to);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION change_package_skips IS 'Gives those of some packages that are skipped for one reason another one';
REVOKE ALL ON FUNCTION change_package_skips FROM PUBLIC;
GRANT EXECUTE ON FUNCTION change_package_skips TO {username};


-- A farm that follows the whole index builds what a selection did not want.
CREATE FUNCTION follow_all_versions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_version versions;
BEGIN
    FOR v_version IN SELECT * FROM versions WHERE skip = 'not followed' ORDER BY package, version LOOP
        PERFORM lock_package(v_version.package);
        PERFORM skip_package_version(v_version.package, v_version.version, '')
        WHERE get_version_skip(v_version.package, v_version.version) = 'not followed';
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION follow_all_versions IS 'Has all versions built again that a selection left out';
REVOKE ALL ON FUNCTION follow_all_versions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION follow_all_versions TO {username};
