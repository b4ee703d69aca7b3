-- Packages, the spellings of their names, and their versions.

CREATE TABLE packages (
    package varchar(200) COLLATE "C" PRIMARY KEY CHECK (package ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    skip varchar(100) DEFAULT '' NOT NULL,
    description varchar(200) DEFAULT '' NOT NULL
);
COMMENT ON TABLE packages IS 'Projects by canonical name (PEP 503); skip says why one is not built';
GRANT SELECT ON packages TO {username};

-- Each release moves a name's seen on: room on the page spares the indexes
CREATE TABLE package_names (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES packages ON DELETE CASCADE,
    name varchar(200) COLLATE "C" PRIMARY KEY,
    seen timestamp DEFAULT '1970-01-01' NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX package_names_package ON package_names (package);
COMMENT ON TABLE package_names IS 'All spellings of a name, the canonical one included; the latest seen is displayed';
GRANT SELECT ON package_names TO {username};

-- priority: 0 asked for by somebody, 1 released just before it was registered, 2 backlog; see the build queue.
-- upstream: there are rows of it in upstream_wheels; who has the version at hand need not look there
CREATE TABLE versions (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES packages ON DELETE CASCADE,
    version varchar(200) COLLATE "C" NOT NULL CHECK (version <> ''),
    released timestamp DEFAULT '1970-01-01' NOT NULL,
    skip varchar(100) DEFAULT '' NOT NULL,
    yanked boolean DEFAULT false NOT NULL,
    priority smallint DEFAULT 2 NOT NULL CHECK (priority BETWEEN 0 AND 2),
    upstream boolean DEFAULT false NOT NULL,
    PRIMARY KEY (package, version)
);
-- Few ever: what a selection chose, and then did not need before it was built
CREATE INDEX versions_not_followed ON versions (package, version) WHERE skip = 'not followed';
COMMENT ON TABLE versions IS 'Releases as the index spells them; skip says why one is not built';
GRANT SELECT ON versions TO {username};


CREATE FUNCTION canonical_name(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT lower(regexp_replace(p_name, '[-_.]+', '-', 'g'));
$sql$;
COMMENT ON FUNCTION canonical_name IS 'PEP 503: lower case, runs of -, _ and . as one -';
REVOKE ALL ON FUNCTION canonical_name FROM PUBLIC;


-- The first step of every change to a package. Its row is locked until the transaction ends, and the targets cannot
-- change meanwhile. Two transactions on one package go one after the other; on two packages they do not meet.
CREATE FUNCTION lock_package(p_package text) RETURNS boolean
LANGUAGE plpgsql
AS $sql$
BEGIN
    LOCK TABLE targets IN ROW SHARE MODE;
    PERFORM FROM packages WHERE package = p_package FOR NO KEY UPDATE;
    RETURN FOUND;
END;
$sql$;
COMMENT ON FUNCTION lock_package IS 'Keeps all others from changing the package; false when it is unknown';
REVOKE ALL ON FUNCTION lock_package FROM PUBLIC;


-- The same for many, in the order of their names: whoever locks more than one does it so, and none waits in a circle.
-- LATERAL has each looked up by its key: to the planner some thousands seem worth a scan of the whole table. Most come
-- in order, so sorting them costs less than hashing.
CREATE FUNCTION lock_packages(p_packages text[]) RETURNS text[]
LANGUAGE plpgsql SET enable_hashagg = off
AS $sql$
DECLARE
    v_skipped text[];
BEGIN
    LOCK TABLE targets IN ROW SHARE MODE;
    SELECT array_agg(p.package) FILTER (WHERE p.skip <> '') INTO v_skipped
    FROM (SELECT DISTINCT n.package COLLATE "C" AS package FROM unnest(p_packages) AS n (package) ORDER BY 1) AS n
        CROSS JOIN LATERAL (
            SELECT p.package, p.skip FROM packages p WHERE p.package = n.package FOR NO KEY UPDATE) AS p;
    RETURN coalesce(v_skipped, '{}');
END;
$sql$;
COMMENT ON FUNCTION lock_packages IS
    'Keeps all others from changing the packages; unknown ones are passed over; answers which are skipped';
REVOKE ALL ON FUNCTION lock_packages FROM PUBLIC;


-- A request that added it, and is asked again, is answered as the first time (requests_done).
CREATE FUNCTION add_new_package(p_package text, p_skip text, p_description text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    INSERT INTO packages (package, skip, description) VALUES (p_package, p_skip, p_description)
    ON CONFLICT (package) DO NOTHING;
    IF NOT FOUND THEN
        RETURN request_is_done(p_request, 'add_new_package');
    END IF;
    PERFORM claim_request(p_request, 'add_new_package');
    INSERT INTO package_names (package, name) VALUES (p_package, p_package);
    PERFORM owe_rewrite(p_package, 'BOTH');
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_new_package IS 'Registers a package; false when it is known already';
REVOKE ALL ON FUNCTION add_new_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_package TO {username};


-- As many as there are, in the order of their names, so that two such batches wait for each other in one direction alone.
-- Answers for each whether it is new; what comes twice is new once.
CREATE FUNCTION add_new_packages(p_packages text[], p_skips text[], p_descriptions text[]) RETURNS boolean[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $sql$
DECLARE
    v_new boolean[];
BEGIN
    WITH
        given AS MATERIALIZED (
            SELECT n.*, row_number() OVER (PARTITION BY n.package ORDER BY n.place) = 1 AS first
            FROM unnest(p_packages, p_skips, p_descriptions) WITH ORDINALITY
                AS n (package, skip, description, place)),
        added AS (
            INSERT INTO packages (package, skip, description)
            SELECT g.package, g.skip, g.description FROM given g WHERE g.first ORDER BY g.package COLLATE "C"
            ON CONFLICT (package) DO NOTHING
            RETURNING package),
        named AS (
            INSERT INTO package_names (package, name) SELECT a.package, a.package FROM added a),
        owed AS (
            INSERT INTO rewrites_pending (package, added_at, command)
            SELECT a.package, now() AT TIME ZONE 'UTC', 'BOTH' FROM added a)
    SELECT array_agg(g.first AND a.package IS NOT NULL ORDER BY g.place) INTO v_new
    FROM given g LEFT JOIN added a ON a.package = g.package;
    RETURN coalesce(v_new, '{}');
END;
$sql$;
COMMENT ON FUNCTION add_new_packages IS 'Registers packages; answers for each whether it was not known before';
REVOKE ALL ON FUNCTION add_new_packages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_packages TO {username};


-- A release of the last week comes before the backlog; one that the selection has chosen comes before all. Nothing has
-- been tried yet, so it waits on the lowest target of each platform. A request that added it, and is asked again, is
-- answered as the first time.
CREATE FUNCTION add_new_package_version(
    p_package text, p_version text, p_released timestamptz, p_skip text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET jit = off
AS $sql$
DECLARE
    v_version versions;
BEGIN
    IF NOT lock_package(p_package) THEN
        RAISE EXCEPTION 'no such package: %', p_package USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO versions (package, version, released, skip, priority)
    VALUES (
        p_package, p_version, coalesce(p_released, now()) AT TIME ZONE 'UTC', p_skip,
        CASE
            WHEN EXISTS (
                SELECT FROM selection_versions s
                WHERE s.package = p_package AND s.version = p_version AND s.urgent) THEN 0
            WHEN coalesce(p_released, now()) > now() - interval '7 days' THEN 1
            ELSE 2
        END)
    ON CONFLICT (package, version) DO NOTHING
    RETURNING * INTO v_version;
    IF NOT FOUND THEN
        RETURN request_is_done(p_request, 'add_new_package_version');
    END IF;
    PERFORM claim_request(p_request, 'add_new_package_version');
    IF p_skip = '' THEN
        INSERT INTO build_queue (package, version, target_id, priority, released)
        SELECT p.package, p_version, t.target_id, v_version.priority, v_version.released
        FROM packages p CROSS JOIN lowest_targets(p_package, '{}') t
        WHERE p.package = p_package AND p.skip = '';
    END IF;
    PERFORM owe_rewrite(p_package, 'PROJECT');
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_new_package_version IS 'Registers a version; false when it is known already';
REVOKE ALL ON FUNCTION add_new_package_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_package_version TO {username};


-- As add_new_package_version(), for many at once. Called under lock_packages(), of known packages: p_skipped are those
-- of them that are skipped. The versions are unknown, and none comes twice; p_yanked null: none is. The pages that this
-- changes are up to the caller.
CREATE FUNCTION register_versions(
    p_packages text[], p_versions text[], p_released timestamptz[], p_skips text[], p_yanked boolean[],
    p_skipped text[])
RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_lowest integer[];
BEGIN
    -- As long as no target settles, all packages have the same
    IF NOT EXISTS (SELECT FROM targets t WHERE t.settled_from IS NOT NULL OR t.settled_to IS NOT NULL) THEN
        v_lowest := ARRAY(SELECT t.target_id FROM lowest_targets('', '{}') t);
    END IF;
    WITH
        added AS (
            INSERT INTO versions (package, version, released, skip, yanked, priority)
            SELECT
                n.package, n.version, coalesce(n.released, now()) AT TIME ZONE 'UTC', n.skip, coalesce(n.yanked, false),
                CASE
                    WHEN s.package IS NOT NULL THEN 0
                    WHEN coalesce(n.released, now()) > now() - interval '7 days' THEN 1
                    ELSE 2
                END
            FROM unnest(p_packages, p_versions, p_released, p_skips, p_yanked)
                    AS n (package, version, released, skip, yanked)
                LEFT JOIN selection_versions s ON s.package = n.package AND s.version = n.version AND s.urgent
            RETURNING *)
    INSERT INTO build_queue (package, version, target_id, priority, released)
    SELECT a.package, a.version, t.target_id, a.priority, a.released
    FROM added a
        CROSS JOIN LATERAL unnest(
            coalesce(v_lowest, ARRAY(SELECT t.target_id FROM lowest_targets(a.package, '{}') t))) AS t (target_id)
    WHERE a.skip = '' AND a.package <> ALL (p_skipped);
END;
$sql$;
COMMENT ON FUNCTION register_versions IS 'Registers versions that are unknown';
REVOKE ALL ON FUNCTION register_versions FROM PUBLIC;


-- All or, where a package is unknown, none of them. OFFSET 0 has each looked up by its key, whatever the planner believes
-- of tables that have grown by millions since it was told.
CREATE FUNCTION add_new_package_versions(
    p_packages text[], p_versions text[], p_released timestamptz[], p_skips text[])
RETURNS boolean[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $sql$
DECLARE
    v_skipped text[] := lock_packages(p_packages);
    v_unknown text;
    v_new boolean[];
BEGIN
    SELECT n.package INTO v_unknown
    FROM (SELECT DISTINCT unnest(p_packages) AS package) AS n
        LEFT JOIN LATERAL (SELECT p.package FROM packages p WHERE p.package = n.package OFFSET 0) AS p ON true
    WHERE p.package IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no such package: %', v_unknown USING ERRCODE = 'foreign_key_violation';
    END IF;
    v_new := ARRAY(
        SELECT v.version IS NULL AND row_number() OVER (PARTITION BY n.package, n.version ORDER BY n.place) = 1
        FROM unnest(p_packages, p_versions) WITH ORDINALITY AS n (package, version, place)
            LEFT JOIN LATERAL (
                SELECT v.version FROM versions v
                WHERE v.package = n.package AND v.version = n.version OFFSET 0) AS v ON true
        ORDER BY n.place);
    PERFORM
        register_versions(
            array_agg(n.package), array_agg(n.version), array_agg(n.released), array_agg(n.skip),
            NULL, v_skipped),
        owe_rewrites('{}', array_agg(n.package))
    FROM unnest(p_packages, p_versions, p_released, p_skips, v_new) AS n (package, version, released, skip, new)
    WHERE n.new
    HAVING count(*) > 0;
    RETURN v_new;
END;
$sql$;
COMMENT ON FUNCTION add_new_package_versions IS 'Registers versions; answers for each whether it was not known before';
REVOKE ALL ON FUNCTION add_new_package_versions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_package_versions TO {username};


CREATE FUNCTION add_package_name(p_package text, p_name text, p_seen timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_before text;
BEGIN
    IF canonical_name(p_name) <> p_package THEN
        RAISE EXCEPTION '% is no spelling of %', p_name, p_package USING ERRCODE = 'check_violation';
    END IF;
    IF NOT lock_package(p_package) THEN
        RAISE EXCEPTION 'no such package: %', p_package USING ERRCODE = 'foreign_key_violation';
    END IF;
    v_before := get_project_display_name(p_package);
    INSERT INTO package_names AS n (package, name, seen) VALUES (p_package, p_name, p_seen AT TIME ZONE 'UTC')
    ON CONFLICT (name) DO UPDATE SET seen = excluded.seen WHERE excluded.seen > n.seen;
    IF get_project_display_name(p_package) <> v_before THEN
        PERFORM owe_rewrite(p_package, 'PROJECT');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION add_package_name IS 'Registers a spelling of a name, or moves on the time when it was last seen';
REVOKE ALL ON FUNCTION add_package_name FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_package_name TO {username};


CREATE FUNCTION get_package_description(p_package text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT description FROM packages WHERE package = p_package;
$sql$;
COMMENT ON FUNCTION get_package_description IS 'The package''s one line; null for an unknown package';
REVOKE ALL ON FUNCTION get_package_description FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_package_description TO {username};


CREATE FUNCTION set_package_description(p_package text, p_description text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    DELETE FROM descriptions_owed WHERE package = p_package;
    UPDATE packages SET description = p_description WHERE package = p_package AND description <> p_description;
    IF FOUND THEN
        PERFORM owe_rewrite(p_package, 'PROJECT');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_package_description IS 'Sets the package''s one line';
REVOKE ALL ON FUNCTION set_package_description FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_package_description TO {username};


CREATE FUNCTION get_all_packages() RETURNS TABLE (package varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT p.package FROM packages p;
$sql$;
COMMENT ON FUNCTION get_all_packages IS 'All known packages';
REVOKE ALL ON FUNCTION get_all_packages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_all_packages TO {username};


CREATE FUNCTION get_all_package_versions() RETURNS TABLE (package varchar, version varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT v.package, v.version FROM versions v;
$sql$;
COMMENT ON FUNCTION get_all_package_versions IS 'All known releases';
REVOKE ALL ON FUNCTION get_all_package_versions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_all_package_versions TO {username};


CREATE FUNCTION get_package_aliases(p_package text) RETURNS TABLE (name varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT n.name FROM package_names n WHERE n.package = p_package AND n.name <> n.package ORDER BY n.name;
$sql$;
COMMENT ON FUNCTION get_package_aliases IS 'All spellings of a name but the canonical one';
REVOKE ALL ON FUNCTION get_package_aliases FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_package_aliases TO {username};


-- The canonical name is entered as seen in 1970, so any spelling that was really seen wins over it.
CREATE FUNCTION get_project_display_name(p_package text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT n.name FROM package_names n WHERE n.package = p_package
    ORDER BY n.seen DESC, n.name <> n.package DESC, n.name LIMIT 1;
$sql$;
COMMENT ON FUNCTION get_project_display_name IS 'The spelling seen last; null for an unknown package';
REVOKE ALL ON FUNCTION get_project_display_name FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_display_name TO {username};


CREATE FUNCTION test_package(p_package text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT EXISTS (SELECT FROM packages WHERE package = p_package);
$sql$;
COMMENT ON FUNCTION test_package IS 'Whether the package is known';
REVOKE ALL ON FUNCTION test_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION test_package TO {username};


CREATE FUNCTION test_package_version(p_package text, p_version text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT EXISTS (SELECT FROM versions WHERE package = p_package AND version = p_version);
$sql$;
COMMENT ON FUNCTION test_package_version IS 'Whether the release is known';
REVOKE ALL ON FUNCTION test_package_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION test_package_version TO {username};


-- What is marked as deleted is about to lose its pages, so it is owed none.
CREATE FUNCTION skip_package(p_package text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    UPDATE packages SET skip = p_reason WHERE package = p_package AND skip <> p_reason;
    IF FOUND THEN
        DELETE FROM build_queue WHERE package = p_package;
        INSERT INTO build_queue (package, version, target_id, priority, released)
        SELECT r.package, r.version, r.target_id, r.priority, r.released
        FROM releases_pending r WHERE r.package = p_package;
        IF p_reason <> 'deleted' THEN
            PERFORM owe_rewrite(p_package, 'PROJECT');
        END IF;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION skip_package IS 'Sets why a package is not built; an empty reason has it built again';
REVOKE ALL ON FUNCTION skip_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION skip_package TO {username};


CREATE FUNCTION skip_package_version(p_package text, p_version text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    UPDATE versions SET skip = p_reason WHERE package = p_package AND version = p_version AND skip <> p_reason;
    IF FOUND THEN
        PERFORM refresh_queue(p_package, p_version);
        IF p_reason <> 'deleted' THEN
            PERFORM owe_rewrite(p_package, 'PROJECT');
        END IF;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION skip_package_version IS 'Sets why a version is not built; an empty reason has it built again';
REVOKE ALL ON FUNCTION skip_package_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION skip_package_version TO {username};


CREATE FUNCTION get_package_skip(p_package text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT skip FROM packages WHERE package = p_package;
$sql$;
COMMENT ON FUNCTION get_package_skip IS 'Why a package is not built; empty when it is, null when unknown';
REVOKE ALL ON FUNCTION get_package_skip FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_package_skip TO {username};


CREATE FUNCTION get_version_skip(p_package text, p_version text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT skip FROM versions WHERE package = p_package AND version = p_version;
$sql$;
COMMENT ON FUNCTION get_version_skip IS 'Why a version is not built; empty when it is, null when unknown';
REVOKE ALL ON FUNCTION get_version_skip FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_version_skip TO {username};


CREATE FUNCTION package_marked_deleted(p_package text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT EXISTS (SELECT FROM packages WHERE package = p_package AND skip = 'deleted');
$sql$;
COMMENT ON FUNCTION package_marked_deleted IS 'Whether the package waits for its deletion';
REVOKE ALL ON FUNCTION package_marked_deleted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION package_marked_deleted TO {username};


CREATE FUNCTION get_versions_deleted(p_package text) RETURNS TABLE (version varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT v.version FROM versions v WHERE v.package = p_package AND v.skip = 'deleted' ORDER BY v.version;
$sql$;
COMMENT ON FUNCTION get_versions_deleted IS 'The versions of a package that wait for their deletion';
REVOKE ALL ON FUNCTION get_versions_deleted FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_versions_deleted TO {username};


CREATE FUNCTION set_yanked(p_package text, p_version text, p_yanked boolean) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    UPDATE versions SET yanked = p_yanked
    WHERE package = p_package AND version = p_version AND yanked <> p_yanked;
    IF FOUND THEN
        PERFORM owe_rewrite(p_package, 'BOTH');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_yanked IS 'Sets or lifts a yank (PEP 592)';
REVOKE ALL ON FUNCTION set_yanked FROM PUBLIC;


CREATE FUNCTION yank_version(p_package text, p_version text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT set_yanked(p_package, p_version, true);
$sql$;
COMMENT ON FUNCTION yank_version IS 'Marks a version as yanked';
REVOKE ALL ON FUNCTION yank_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION yank_version TO {username};


CREATE FUNCTION unyank_version(p_package text, p_version text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT set_yanked(p_package, p_version, false);
$sql$;
COMMENT ON FUNCTION unyank_version IS 'Lifts a yank';
REVOKE ALL ON FUNCTION unyank_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unyank_version TO {username};


-- Its pages are gone before its rows are (they say which files to remove), so nothing is owed after it.
CREATE FUNCTION delete_package(p_package text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    DELETE FROM packages WHERE package = p_package;
END;
$sql$;
COMMENT ON FUNCTION delete_package IS 'Removes a package with its versions, builds and files; downloads stay';
REVOKE ALL ON FUNCTION delete_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_package TO {username};


CREATE FUNCTION delete_version(p_package text, p_version text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    DELETE FROM versions WHERE package = p_package AND version = p_version;
    IF FOUND THEN
        PERFORM owe_rewrite(p_package, 'BOTH');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION delete_version IS 'Removes a version with its builds and files; downloads stay';
REVOKE ALL ON FUNCTION delete_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_version TO {username};


-- Somebody asks for it by name. Only what waits is raised: what is built, skipped or has failed stays as it is, and the
-- answer 0 is not an error. Of rows that are asked for, the oldest release is built first.
CREATE FUNCTION raise_priority(p_package text, p_version text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_version text;
    v_raised bigint := 0;
    v_retried text[];
BEGIN
    IF NOT lock_package(p_package) THEN
        RAISE EXCEPTION 'no such package: %', p_package USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF p_version IS NOT NULL AND NOT test_package_version(p_package, p_version) THEN
        RAISE EXCEPTION 'no such release: % %', p_package, p_version USING ERRCODE = 'foreign_key_violation';
    END IF;
    v_retried := retry_deferred(p_package, p_version);
    FOR v_version IN
        UPDATE versions v SET priority = 0
        WHERE v.package = p_package AND v.version = coalesce(p_version, v.version)
            AND (v.priority > 0 OR v.version = ANY (v_retried))
            AND EXISTS (SELECT FROM releases_pending r WHERE r.package = v.package AND r.version = v.version)
        RETURNING v.version
    LOOP
        PERFORM refresh_queue(p_package, v_version);
        v_raised := v_raised
            + (SELECT count(*) FROM build_queue q WHERE q.package = p_package AND q.version = v_version);
    END LOOP;
    RETURN v_raised;
END;
$sql$;
COMMENT ON FUNCTION raise_priority IS 'Has a release, or all that waits of a package, built first; answers how many rows moved';
REVOKE ALL ON FUNCTION raise_priority FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_priority TO {username};
