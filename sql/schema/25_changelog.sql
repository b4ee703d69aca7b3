-- The index's change log, taken up in bulk: a farm that begins, or that was away for long, has millions of events to go
-- through. The program works out what some thousands of them come to; here that takes effect, in one transaction with the
-- serial that says so.

-- Asking the index for a million descriptions takes days, so packages come without, and get theirs by and by.
CREATE TABLE descriptions_owed (
    package varchar(200) COLLATE "C" PRIMARY KEY REFERENCES packages ON DELETE CASCADE
);
COMMENT ON TABLE descriptions_owed IS 'Packages whose description the index has not been asked for yet';
GRANT SELECT ON descriptions_owed TO {username};


-- Packages with wheels come first: these are the pages that people read.
CREATE FUNCTION get_descriptions_owed(p_limit integer) RETURNS TABLE (package varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT w.package
    FROM (
        (SELECT o.package, 1 AS turn FROM descriptions_owed o
        WHERE EXISTS (SELECT FROM builds b WHERE b.package = o.package AND b.status) LIMIT p_limit)
        UNION ALL
        (SELECT o.package, 2 FROM descriptions_owed o ORDER BY o.package LIMIT p_limit)) AS w
    GROUP BY w.package ORDER BY min(w.turn), w.package LIMIT p_limit;
$sql$;
COMMENT ON FUNCTION get_descriptions_owed IS 'Some packages that wait for their description, those with wheels first';
REVOKE ALL ON FUNCTION get_descriptions_owed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_descriptions_owed TO {username};


-- The first step of a removal: from here on nothing of it is built. Answers what there is of it, a version null for a whole
-- package: builds and pages of that are dropped before apply_index_changes() removes the rows. Asked again, it answers the
-- same.
CREATE FUNCTION mark_removed(p_packages text[], p_release_packages text[], p_release_versions text[])
RETURNS TABLE (package varchar, version varchar)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $sql$
#variable_conflict use_column
DECLARE
    v_known record;
BEGIN
    PERFORM lock_packages(p_packages || p_release_packages);
    FOR v_known IN
        SELECT p.package, NULL::varchar AS version
        FROM packages p WHERE p.package = ANY (p_packages)
        UNION ALL
        SELECT v.package, v.version
        FROM unnest(p_release_packages, p_release_versions) AS n (package, version)
            CROSS JOIN LATERAL (
                SELECT * FROM versions v WHERE v.package = n.package AND v.version = n.version OFFSET 0) AS v
        ORDER BY 1, 2
    LOOP
        IF v_known.version IS NULL THEN
            PERFORM skip_package(v_known.package, 'deleted');
        ELSE
            PERFORM skip_package_version(v_known.package, v_known.version, 'deleted');
        END IF;
        package := v_known.package;
        version := v_known.version;
        RETURN NEXT;
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION mark_removed IS 'Marks what is about to be removed as deleted; answers what of it is known';
REVOKE ALL ON FUNCTION mark_removed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mark_removed TO {username};


-- In the order of their names, and before any that are there already are locked: so nobody waits in a circle.
CREATE FUNCTION ensure_packages(p_packages text[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    WITH
        added AS (
            INSERT INTO packages (package) SELECT DISTINCT n.package COLLATE "C" FROM unnest(p_packages) AS n (package)
            ORDER BY 1
            ON CONFLICT (package) DO NOTHING
            RETURNING package),
        owed AS (
            INSERT INTO rewrites_pending (package, added_at, command)
            SELECT a.package, now() AT TIME ZONE 'UTC', 'BOTH' FROM added a),
        undescribed AS (
            INSERT INTO descriptions_owed (package) SELECT a.package FROM added a)
    INSERT INTO package_names (package, name) SELECT a.package, a.package FROM added a;
END;
$sql$;
COMMENT ON FUNCTION ensure_packages IS 'Registers the packages that are unknown; they are owed their descriptions';
REVOKE ALL ON FUNCTION ensure_packages FROM PUBLIC;


-- A spelling that came with a release that is known is passed over; any other has its package come back where that was
-- marked as deleted. LATERAL with OFFSET 0 has each looked up by the key: a plan that reads millions of rows for some
-- thousands looks cheaper to the planner than it is. Called under lock_packages().
CREATE FUNCTION see_names(p_packages text[], p_names text[], p_seen timestamptz[], p_releases text[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_package text;
    v_packages text[];
    v_names text[];
    v_seen timestamp[];
BEGIN
    IF EXISTS (
        SELECT FROM unnest(p_packages, p_names) AS n (package, name)
        WHERE n.name <> n.package AND canonical_name(n.name) <> n.package) THEN
        RAISE EXCEPTION 'a name is no spelling of its package' USING ERRCODE = 'check_violation';
    END IF;
    SELECT array_agg(s.package), array_agg(s.name), array_agg(s.seen) INTO v_packages, v_names, v_seen
    FROM (
        SELECT n.package, n.name, max(n.seen) AT TIME ZONE 'UTC' AS seen
        FROM unnest(p_packages, p_names, p_seen, p_releases) AS n (package, name, seen, release)
            LEFT JOIN LATERAL (
                SELECT v.version FROM versions v
                WHERE v.package = n.package AND v.version = n.release OFFSET 0) AS v ON true
        WHERE v.version IS NULL
        GROUP BY n.package, n.name
        ORDER BY n.package COLLATE "C", n.name COLLATE "C") AS s;

    FOR v_package IN
        SELECT DISTINCT p.package
        FROM unnest(v_packages) AS n (package)
            CROSS JOIN LATERAL (
                SELECT p.package FROM packages p
                WHERE p.package = n.package AND p.skip = 'deleted' OFFSET 0) AS p
    LOOP
        PERFORM skip_package(v_package, '');
    END LOOP;
    INSERT INTO package_names AS n (package, name, seen)
    SELECT s.package, s.name, s.seen FROM unnest(v_packages, v_names, v_seen) AS s (package, name, seen)
    ON CONFLICT (name) DO UPDATE SET seen = excluded.seen WHERE excluded.seen > n.seen;
END;
$sql$;
COMMENT ON FUNCTION see_names IS 'Enters spellings that were seen';
REVOKE ALL ON FUNCTION see_names FROM PUBLIC;


-- A file makes one that was marked as deleted come back, and a source file has it built. The others are few: most releases
-- are new, or have got a file more, which changes nothing. Called under lock_packages().
CREATE FUNCTION change_known_releases(
    p_packages text[], p_versions text[], p_gone boolean[], p_released timestamptz[], p_skips text[],
    p_yanked boolean[])
RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_release record;
BEGIN
    FOR v_release IN
        SELECT
            n.*,
            n.released IS NOT NULL AND (v.skip = 'deleted' OR v.skip = 'binary only' AND n.skip <> v.skip) AS comes
        FROM unnest(p_packages, p_versions, p_gone, p_released, p_skips, p_yanked)
                AS n (package, version, gone, released, skip, yanked)
            CROSS JOIN LATERAL (
                SELECT v.skip, v.yanked FROM versions v
                WHERE v.package = n.package AND v.version = n.version OFFSET 0) AS v
        WHERE n.gone OR n.yanked <> v.yanked
            OR n.released IS NOT NULL AND (v.skip = 'deleted' OR v.skip = 'binary only' AND n.skip <> v.skip)
    LOOP
        IF v_release.gone THEN
            PERFORM delete_version(v_release.package, v_release.version);
            CONTINUE;
        END IF;
        IF v_release.comes THEN
            PERFORM skip_package_version(v_release.package, v_release.version, v_release.skip);
        END IF;
        IF v_release.yanked IS NOT NULL THEN
            PERFORM set_yanked(v_release.package, v_release.version, v_release.yanked);
        END IF;
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION change_known_releases IS 'Removes, brings back and yanks releases that are known';
REVOKE ALL ON FUNCTION change_known_releases FROM PUBLIC;


-- What the events after p_from up to p_to come to: first the packages that go; then the spellings seen, of which one that
-- came with a release counts only when that was unknown (p_name_releases; null: it counts anyway), and which bring their
-- package; then the releases: gone in between, with the first file since then, whether one of its files is a source
-- file, and how it is yanked when it is new, and when it was known. Answers the serial where the farm stands: p_to
-- when this was done, now or before; any other when it stands elsewhere than at p_from, and nothing was done. A run
-- whose serials are all below p_from has p_to = p_from: asked again, that is done again.
CREATE FUNCTION apply_index_changes(
    p_from bigint, p_to bigint, p_gone_packages text[],
    p_name_packages text[], p_names text[], p_seen timestamptz[], p_name_releases text[],
    p_packages text[], p_versions text[], p_gone boolean[], p_released timestamptz[], p_source boolean[],
    p_yanked_new boolean[], p_yanked_known boolean[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $sql$
DECLARE
    v_serial bigint;
    v_policy text;
    v_policy_now text;
    v_read text[] := '{}';
    v_skips text[];
    v_package text;
    v_yanked bigint[];
BEGIN
    -- One that was given up by its client, and goes on, is waited for
    PERFORM pg_advisory_xact_lock(hashtext('piwheels.apply_index_changes'));
    SELECT c.pypi_serial, c.upstream_policy INTO v_serial, v_policy FROM configuration c;
    IF v_serial <> p_from THEN
        RETURN v_serial;
    END IF;

    IF v_policy <> 'rebuild' OR EXISTS (SELECT FROM upstream_policies) THEN
        v_read := ARRAY(
            SELECT DISTINCT n.package
            FROM unnest(p_name_packages || p_packages) AS n (package)
                LEFT JOIN upstream_policies u ON u.package = n.package
            WHERE coalesce(u.policy, v_policy) <> 'rebuild');
    END IF;
    v_skips := ARRAY(
        SELECT
            CASE
                WHEN NOT n.source THEN 'binary only'
                WHEN n.package = ANY (v_read) THEN 'upstream not read yet'
                ELSE ''
            END
        FROM unnest(p_packages, p_source) WITH ORDINALITY AS n (package, source, place) ORDER BY n.place);

    LOCK TABLE targets IN ROW SHARE MODE;
    PERFORM ensure_packages(p_name_packages);
    PERFORM lock_packages(p_gone_packages || p_name_packages || p_packages);
    IF cardinality(p_gone_packages) > 0 THEN
        FOREACH v_package IN ARRAY p_gone_packages LOOP
            PERFORM delete_package(v_package);
        END LOOP;
        PERFORM ensure_packages(p_name_packages);
    END IF;
    PERFORM see_names(p_name_packages, p_names, p_seen, p_name_releases);
    PERFORM owe_rewrite(n.package, 'PROJECT')
    FROM (
        SELECT unnest(p_name_packages)
        EXCEPT
        SELECT r.package FROM unnest(p_packages, p_released) AS r (package, released) WHERE r.released IS NOT NULL
        ORDER BY 1) AS n (package);
    PERFORM change_known_releases(p_packages, p_versions, p_gone, p_released, v_skips, p_yanked_known);
    v_yanked := ARRAY(
        SELECT r.place FROM unnest(p_packages, p_versions, p_released, p_yanked_new) WITH ORDINALITY
            AS r (package, version, released, yanked, place)
        WHERE r.released IS NOT NULL AND r.yanked
            AND NOT EXISTS (SELECT FROM versions v WHERE v.package = r.package AND v.version = r.version));
    PERFORM register_versions(
        array_agg(n.package), array_agg(n.version), array_agg(n.released), array_agg(n.skip))
    FROM unnest(p_packages, p_versions, p_released, v_skips) AS n (package, version, released, skip)
        LEFT JOIN LATERAL (
            SELECT v.version FROM versions v
            WHERE v.package = n.package AND v.version = n.version OFFSET 0) AS v ON true
    WHERE n.released IS NOT NULL AND v.version IS NULL
    HAVING count(*) > 0;
    PERFORM set_yanked(p_packages[place], p_versions[place], true) FROM unnest(v_yanked) AS place;

    IF cardinality(v_read) > 0 THEN
        PERFORM owe_upstream(v_read);
    END IF;

    UPDATE configuration SET pypi_serial = p_to WHERE pypi_serial = p_from RETURNING upstream_policy INTO v_policy_now;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the serial was moved on meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    -- Who has changed it did not see these packages; who changes it from here on does
    IF v_policy_now <> v_policy THEN
        PERFORM owe_upstream(p_name_packages || p_packages);
    END IF;
    RETURN p_to;
END;
$sql$;
COMMENT ON FUNCTION apply_index_changes IS 'Has a run of the index''s events take effect, and writes the serial';
REVOKE ALL ON FUNCTION apply_index_changes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION apply_index_changes TO {username};
