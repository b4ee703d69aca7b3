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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET piwheels.backlog = 'on'
AS $sql$
#variable_conflict use_column
DECLARE
    v_known record;
BEGIN
    PERFORM lock_packages(p_packages || p_release_packages);
    FOR v_known IN
        SELECT p.package, NULL::varchar AS version
        FROM unnest(p_packages) AS n (package)
            CROSS JOIN LATERAL (SELECT * FROM packages p WHERE p.package = n.package OFFSET 0) AS p
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


-- In the order of their names, and before any that are there already are locked: so nobody waits in a circle. What
-- else a new package has, its name and the pages it is owed, comes with what its run has to say of these.
CREATE FUNCTION ensure_packages(p_packages text[]) RETURNS text[]
LANGUAGE plpgsql SET enable_hashagg = off
AS $sql$
DECLARE
    v_new text[];
BEGIN
    WITH
        added AS (
            INSERT INTO packages (package)
            SELECT n.package
            FROM (SELECT DISTINCT n.package COLLATE "C" AS package FROM unnest(p_packages) AS n (package)) AS n
                LEFT JOIN LATERAL (SELECT p.package FROM packages p WHERE p.package = n.package OFFSET 0) AS p ON true
            WHERE p.package IS NULL
            ORDER BY n.package
            ON CONFLICT (package) DO NOTHING
            RETURNING package),
        undescribed AS (
            INSERT INTO descriptions_owed (package) SELECT a.package FROM added a)
    SELECT array_agg(a.package) INTO v_new FROM added a;
    RETURN coalesce(v_new, '{}');
END;
$sql$;
COMMENT ON FUNCTION ensure_packages IS
    'Registers the packages that are unknown, and answers them; they are owed descriptions';
REVOKE ALL ON FUNCTION ensure_packages FROM PUBLIC;


-- The canonical names of new packages, and the spellings seen. One of these that came with a release that is known is
-- passed over; any other has its package come back where that was marked as deleted. Called under lock_packages():
-- p_skipped are those that are skipped.
CREATE FUNCTION see_names(
    p_new text[], p_packages text[], p_names text[], p_seen timestamptz[], p_releases text[],
    p_known_packages text[], p_known_versions text[], p_skipped text[])
RETURNS void
LANGUAGE plpgsql SET enable_hashagg = off
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
    SELECT array_agg(n.package), array_agg(n.name), array_agg(n.seen AT TIME ZONE 'UTC')
    INTO v_packages, v_names, v_seen
    FROM unnest(p_packages, p_names, p_seen, p_releases) AS n (package, name, seen, release)
    WHERE NOT EXISTS (
        SELECT FROM unnest(p_known_packages, p_known_versions) AS k (package, version)
        WHERE k.package = n.package AND k.version = n.release);

    IF cardinality(p_skipped) > 0 THEN
        FOR v_package IN
            SELECT p.package
            FROM (SELECT unnest(p_skipped) INTERSECT SELECT unnest(v_packages)) AS n (package)
                CROSS JOIN LATERAL (
                    SELECT p.package FROM packages p
                    WHERE p.package = n.package AND p.skip = 'deleted' OFFSET 0) AS p
        LOOP
            PERFORM skip_package(v_package, '');
        END LOOP;
    END IF;
    INSERT INTO package_names AS n (package, name, seen)
    SELECT s.package, s.name, max(s.seen)
    FROM (
        SELECT w.package COLLATE "C", w.package COLLATE "C", timestamp '1970-01-01' FROM unnest(p_new) AS w (package)
        UNION ALL
        SELECT w.package COLLATE "C", w.name COLLATE "C", w.seen
        FROM unnest(v_packages, v_names, v_seen) AS w (package, name, seen)) AS s (package, name, seen)
    GROUP BY s.package, s.name
    ON CONFLICT (name) DO UPDATE SET seen = excluded.seen WHERE excluded.seen > n.seen;
END;
$sql$;
COMMENT ON FUNCTION see_names IS 'Enters new packages'' names, and spellings that were seen';
REVOKE ALL ON FUNCTION see_names FROM PUBLIC;


-- One by one, so what each asks in turn is planned once: apply_index_changes() has its own planned anew.
CREATE FUNCTION delete_packages(p_packages text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = auto
AS $sql$
DECLARE
    v_package text;
BEGIN
    FOREACH v_package IN ARRAY p_packages LOOP
        PERFORM delete_package(v_package);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION delete_packages IS 'Removes packages';
REVOKE ALL ON FUNCTION delete_packages FROM PUBLIC;


-- A file makes one that was marked as deleted come back, and a source file has it built. The others are few: most releases
-- are new, or have got a file more, which changes nothing. Called under lock_packages(). As in delete_packages(), plans
-- are kept.
CREATE FUNCTION change_known_releases(
    p_packages text[], p_versions text[], p_gone boolean[], p_released timestamptz[], p_skips text[],
    p_yanked boolean[])
RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = auto
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
-- came with a release counts only when that was unknown (p_name_releases, one of the releases; null: it counts anyway),
-- and which bring their package; then the releases, each once: gone in between, with the first file since then, whether
-- one of its files is a source file, and how it is yanked when it is new, and when it was known. Answers the serial where
-- the farm stands: p_to when this was done, now or before; any other when it stands elsewhere than at p_from, and nothing
-- was done. A run whose serials are all below p_from has p_to = p_from: asked again, that is done again.
CREATE FUNCTION apply_index_changes(
    p_from bigint, p_to bigint, p_gone_packages text[],
    p_name_packages text[], p_names text[], p_seen timestamptz[], p_name_releases text[],
    p_packages text[], p_versions text[], p_gone boolean[], p_released timestamptz[], p_source boolean[],
    p_yanked_new boolean[], p_yanked_known boolean[])
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
    SET piwheels.backlog = 'on'
AS $sql$
DECLARE
    v_serial bigint;
    v_policy text;
    v_policy_now text;
    v_read text[] := '{}';
    v_skips text[];
    v_new text[];
    v_skipped text[];
    v_known_packages text[];
    v_known_versions text[];
    v_kept_packages text[];
    v_kept_versions text[];
    v_changed boolean;
    v_packages text[];
    v_versions text[];
    v_released timestamptz[];
    v_yanked boolean[];
    v_yanked_packages text[];
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
    v_new := ensure_packages(p_name_packages);
    v_skipped := lock_packages(p_gone_packages || p_name_packages || p_packages);
    IF cardinality(p_gone_packages) > 0 THEN
        PERFORM delete_packages(p_gone_packages);
        v_new := v_new || ensure_packages(p_name_packages);
    END IF;

    -- LATERAL with OFFSET 0 has each looked up by the key: a plan that reads millions of rows for some thousands looks
    -- cheaper to the planner than it is
    SELECT
        array_agg(n.package), array_agg(n.version),
        array_agg(n.package) FILTER (WHERE NOT n.gone), array_agg(n.version) FILTER (WHERE NOT n.gone),
        bool_or(n.gone OR n.yanked <> v.yanked
            OR n.released IS NOT NULL AND (v.skip = 'deleted' OR v.skip = 'binary only' AND n.skip <> v.skip))
    INTO v_known_packages, v_known_versions, v_kept_packages, v_kept_versions, v_changed
    FROM unnest(p_packages, p_versions, p_gone, p_released, v_skips, p_yanked_known)
            AS n (package, version, gone, released, skip, yanked)
        CROSS JOIN LATERAL (
            SELECT v.skip, v.yanked FROM versions v
            WHERE v.package = n.package AND v.version = n.version OFFSET 0) AS v;
    PERFORM see_names(
        v_new, p_name_packages, p_names, p_seen, p_name_releases, v_known_packages, v_known_versions, v_skipped);
    IF v_changed THEN
        PERFORM change_known_releases(p_packages, p_versions, p_gone, p_released, v_skips, p_yanked_known);
    END IF;
    IF cardinality(v_skipped) > 0 THEN
        v_skipped := ARRAY(
            SELECT n.package
            FROM unnest(v_skipped) AS n (package)
                CROSS JOIN LATERAL (SELECT p.skip FROM packages p WHERE p.package = n.package OFFSET 0) AS p
            WHERE p.skip <> '');
    END IF;
    SELECT
        array_agg(n.package), array_agg(n.version), array_agg(n.released), array_agg(n.skip), array_agg(n.yanked),
        array_agg(n.package) FILTER (WHERE n.yanked)
    INTO v_packages, v_versions, v_released, v_skips, v_yanked, v_yanked_packages
    FROM unnest(p_packages, p_versions, p_released, v_skips, p_yanked_new)
        AS n (package, version, released, skip, yanked)
    WHERE n.released IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM unnest(v_kept_packages, v_kept_versions) AS k (package, version)
            WHERE k.package = n.package AND k.version = n.version);
    PERFORM register_versions(v_packages, v_versions, v_released, v_skips, v_yanked, v_skipped);
    PERFORM owe_rewrites(v_new || v_yanked_packages, v_packages || ARRAY(
        SELECT unnest(p_name_packages)
        EXCEPT
        SELECT r.package FROM unnest(p_packages, p_released) AS r (package, released) WHERE r.released IS NOT NULL));

    -- As set_upstream_policy() locks: this row first, what is owed after it
    UPDATE configuration SET pypi_serial = p_to WHERE pypi_serial = p_from RETURNING upstream_policy INTO v_policy_now;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the serial was moved on meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    -- Who has changed it did not see these packages; who changes it from here on does
    IF v_policy_now <> v_policy THEN
        v_read := p_name_packages || p_packages;
    END IF;
    IF cardinality(v_read) > 0 THEN
        PERFORM owe_upstream(v_read);
    END IF;
    RETURN p_to;
END;
$sql$;
COMMENT ON FUNCTION apply_index_changes IS 'Has a run of the index''s events take effect, and writes the serial';
REVOKE ALL ON FUNCTION apply_index_changes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION apply_index_changes TO {username};
