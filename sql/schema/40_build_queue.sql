-- What has to be built, kept up to date by each change.
--
-- A target is an ABI on a platform. A release is done on a target when a wheel of it runs there, or when a build was
-- tried there, with whatever result. Of the targets that are not done only the lowest ABI of each platform waits: most
-- releases turn out pure, and one build then covers all.
--
-- releases_pending is the rule. refresh_queue() applies it to one release or package and is called by all that changes
-- one; remake_queue() applies it to a platform, for changes of the targets. builds_pending says the same once more
-- as one plain query over everything: for audits, and for the test that holds the queue against it.

-- "cp311" is Python 3011, "py3" is 3000, "pypy39_pp73" is 3009: to be compared as numbers, cp39 before cp311.
CREATE FUNCTION python_of(p_tag text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT coalesce(substring(p_tag FROM '^[a-z]+([0-9])')::integer, 0) * 1000
        + coalesce(substring(p_tag FROM '^[a-z]+[0-9]([0-9]{1,3})')::integer, 0);
$sql$;
COMMENT ON FUNCTION python_of IS 'The Python version in a tag of PEP 425: 1000 times major, plus minor';
REVOKE ALL ON FUNCTION python_of FROM PUBLIC;


-- The rule of coverage: whether an installer on the target takes a wheel with these tags (PEP 425; tags may be sets
-- joined by dots). Wheels without an ABI run on their Python and later ones of the same major, or on that very
-- interpreter; abi3 wheels on their CPython and later ones, not on free-threaded builds; others on their ABI alone.
-- A manylinux wheel made on a machine runs there (PEP 600). The program has the same rule as Coverage.
CREATE FUNCTION wheel_runs_on(
    p_py_tags text, p_abi_tags text, p_platform_tags text, p_abi_tag text, p_platform_tag text, p_armv6_alias boolean)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT
        EXISTS (
            SELECT
            FROM unnest(string_to_array(p_py_tags, '.')) AS py, unnest(string_to_array(p_abi_tags, '.')) AS abi
            WHERE CASE
                WHEN abi NOT IN ('none', 'abi3') THEN abi = p_abi_tag
                WHEN py !~ '^[a-z]+[0-9]{1,4}([^0-9]|$)' OR p_abi_tag !~ '^[a-z]+[0-9]{1,4}([^0-9]|$)' THEN false
                WHEN abi = 'abi3' THEN
                    py ~ '^cp3[0-9]*$' AND p_abi_tag ~ '^cp3[0-9]+[^t]*$' AND python_of(py) <= python_of(p_abi_tag)
                WHEN py ~ '^py[0-9]+$' THEN
                    python_of(py) / 1000 = python_of(p_abi_tag) / 1000 AND python_of(py) <= python_of(p_abi_tag)
                ELSE
                    python_of(py) = python_of(p_abi_tag)
                    AND regexp_replace(substring(py FROM '^[a-z]+'), '^pypy$', 'pp')
                        = regexp_replace(substring(p_abi_tag FROM '^[a-z]+'), '^pypy$', 'pp')
            END)
        AND EXISTS (
            SELECT
            FROM unnest(string_to_array(p_platform_tags, '.')) AS tag,
                regexp_replace(tag, '^manylinux(1|2010|2014|_[0-9]+_[0-9]+)_', 'linux_') AS platform
            WHERE platform IN ('any', p_platform_tag)
                OR p_armv6_alias AND platform = 'linux_armv7l' AND p_platform_tag = 'linux_armv6l');
$sql$;
COMMENT ON FUNCTION wheel_runs_on IS 'Whether a wheel with these tags runs on that target (PEP 425, PEP 600)';
REVOKE ALL ON FUNCTION wheel_runs_on FROM PUBLIC;


CREATE TABLE targets (
    target_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    abi_tag varchar(100) COLLATE "C" NOT NULL CHECK (abi_tag NOT IN ('', 'none')),
    platform_tag varchar(100) COLLATE "C" NOT NULL CHECK (platform_tag NOT IN ('', 'any')),
    skip varchar(100) DEFAULT '' NOT NULL,
    abi_order integer GENERATED ALWAYS AS (python_of(abi_tag)) STORED,
    UNIQUE (abi_tag, platform_tag)
);
COMMENT ON TABLE targets IS 'ABIs on platforms that wheels are built for; skip says why one is not';
GRANT SELECT ON targets TO {username};

-- The rule of coverage, remembered for each combination of tags that ever occurred (a few hundred at PyPI's size): a
-- question about millions of files becomes a plain join.
CREATE TABLE wheel_tags (
    py_version_tag varchar(100) COLLATE "C",
    abi_tag varchar(100) COLLATE "C",
    platform_tag varchar(100) COLLATE "C",
    target_ids integer[] NOT NULL,
    PRIMARY KEY (py_version_tag, abi_tag, platform_tag)
);
COMMENT ON TABLE wheel_tags IS 'On which targets wheels with these tags run';
GRANT SELECT ON wheel_tags TO {username};

CREATE TABLE build_queue (
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    target_id integer NOT NULL REFERENCES targets ON DELETE CASCADE,
    priority smallint NOT NULL,
    released timestamp NOT NULL,
    PRIMARY KEY (package, version, target_id),
    FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
CREATE INDEX build_queue_order ON build_queue (target_id, priority, released, package, version);
COMMENT ON TABLE build_queue IS 'Releases that wait for a slave, by target, in the order of priority, released, name';
GRANT SELECT ON build_queue TO {username};


CREATE VIEW releases_pending AS
SELECT DISTINCT ON (v.package, v.version, t.platform_tag)
    v.package, v.version, t.platform_tag, t.target_id, v.priority, v.released
FROM packages p
    JOIN versions v ON v.package = p.package
    CROSS JOIN targets t
WHERE p.skip = '' AND v.skip = '' AND t.skip = ''
    AND NOT EXISTS (
        SELECT FROM builds b
        WHERE b.package = v.package AND b.version = v.version
            AND b.abi_tag = t.abi_tag AND b.platform_tag = t.platform_tag)
    AND NOT EXISTS (
        SELECT FROM builds b
            JOIN files f ON f.build_id = b.build_id
            JOIN wheel_tags w
                ON w.py_version_tag = f.py_version_tag AND w.abi_tag = f.abi_tag AND w.platform_tag = f.platform_tag
        WHERE b.package = v.package AND b.version = v.version AND b.status AND t.target_id = ANY (w.target_ids))
ORDER BY v.package, v.version, t.platform_tag, t.abi_order, t.abi_tag;
COMMENT ON VIEW releases_pending IS 'What has to be built: the rule that refresh_queue and remake_queue apply';
GRANT SELECT ON releases_pending TO {username};

CREATE VIEW builds_pending AS
SELECT
    abi_tag, platform_tag,
    row_number() OVER (
        PARTITION BY abi_tag, platform_tag ORDER BY priority, released, package, version) AS position,
    package, version, priority, released
FROM (
    SELECT DISTINCT ON (v.package, v.version, t.platform_tag)
        t.abi_tag, t.platform_tag, v.package, v.version, v.priority, v.released
    FROM packages p
        JOIN versions v ON v.package = p.package
        CROSS JOIN targets t
        CROSS JOIN configuration c
    WHERE p.skip = '' AND v.skip = '' AND t.skip = ''
        AND NOT EXISTS (
            SELECT FROM builds b LEFT JOIN files f ON f.build_id = b.build_id
            WHERE b.package = v.package AND b.version = v.version
                AND (b.abi_tag = t.abi_tag AND b.platform_tag = t.platform_tag
                    OR b.status AND wheel_runs_on(
                        f.py_version_tag, f.abi_tag, f.platform_tag, t.abi_tag, t.platform_tag, c.armv6_alias)))
    ORDER BY v.package, v.version, t.platform_tag, python_of(t.abi_tag), t.abi_tag) AS pending;
COMMENT ON VIEW builds_pending IS 'What has to be built, by one plain query over everything, for audits';
GRANT SELECT ON builds_pending TO {username};


-- What cascades changes the queue too, so triggers count what waits for each target (see counter_changes) and tell of
-- it. Listeners hear when it is committed; notices of one transaction are one.

CREATE FUNCTION build_queue_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'waiting:' || a.target_id, 'total', '1970-01-01', count(*) FROM added a GROUP BY a.target_id;
    IF FOUND THEN
        NOTIFY piwheels_build_queue;
    END IF;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION build_queue_added IS 'Trigger: counts what is to be built, and tells of it';
REVOKE ALL ON FUNCTION build_queue_added FROM PUBLIC;

CREATE TRIGGER build_queue_added AFTER INSERT ON build_queue REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_added();


CREATE FUNCTION build_queue_removed() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'waiting:' || g.target_id, 'total', '1970-01-01', -count(*) FROM gone g GROUP BY g.target_id;
    IF FOUND THEN
        NOTIFY piwheels_build_queue;
    END IF;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION build_queue_removed IS 'Trigger: counts what is no longer to be built, and tells of it';
REVOKE ALL ON FUNCTION build_queue_removed FROM PUBLIC;

CREATE TRIGGER build_queue_removed AFTER DELETE ON build_queue REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_removed();


-- By row: only what is urgent changes its place, while most statements that might change one change none.
CREATE FUNCTION build_queue_moved() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    NOTIFY piwheels_build_queue;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION build_queue_moved IS 'Trigger: tells that the order has changed';
REVOKE ALL ON FUNCTION build_queue_moved FROM PUBLIC;

CREATE TRIGGER build_queue_moved AFTER UPDATE ON build_queue
    FOR EACH ROW EXECUTE FUNCTION build_queue_moved();


CREATE FUNCTION lowest_targets(p_done integer[]) RETURNS integer[]
LANGUAGE plpgsql STABLE
AS $sql$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT ON (t.platform_tag) t.target_id FROM targets t
        WHERE t.skip = '' AND t.target_id <> ALL (p_done)
        ORDER BY t.platform_tag, t.abi_order, t.abi_tag);
END;
$sql$;
COMMENT ON FUNCTION lowest_targets IS 'Where a release waits that is done on these targets: one target of each platform';
REVOKE ALL ON FUNCTION lowest_targets FROM PUBLIC;


-- On the way of every build, so it asks for one release what releases_pending says of all: what is done, then the
-- lowest of what is left. Called under lock_package().
CREATE FUNCTION refresh_queue(p_package text, p_version text) RETURNS boolean
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_release versions;
    v_done integer[];
    v_wanted integer[] := '{}';
BEGIN
    SELECT v.* INTO v_release FROM versions v JOIN packages p ON p.package = v.package
    WHERE v.package = p_package AND v.version = p_version AND v.skip = '' AND p.skip = '';
    IF FOUND THEN
        v_done := ARRAY(
            SELECT t.target_id
            FROM builds b JOIN targets t ON t.abi_tag = b.abi_tag AND t.platform_tag = b.platform_tag
            WHERE b.package = p_package AND b.version = p_version
            UNION ALL
            SELECT unnest(w.target_ids)
            FROM builds b
                JOIN files f ON f.build_id = b.build_id
                JOIN wheel_tags w
                    ON w.py_version_tag = f.py_version_tag AND w.abi_tag = f.abi_tag
                    AND w.platform_tag = f.platform_tag
            WHERE b.package = p_package AND b.version = p_version AND b.status);
        v_wanted := lowest_targets(v_done);
    END IF;

    DELETE FROM build_queue q
    WHERE q.package = p_package AND q.version = p_version AND q.target_id <> ALL (v_wanted);
    IF cardinality(v_wanted) > 0 THEN
        INSERT INTO build_queue AS q (package, version, target_id, priority, released)
        SELECT p_package, p_version, w.target_id, v_release.priority, v_release.released
        FROM unnest(v_wanted) AS w (target_id)
        ON CONFLICT (package, version, target_id) DO UPDATE
            SET priority = excluded.priority, released = excluded.released
            WHERE (q.priority, q.released) <> (excluded.priority, excluded.released);
    END IF;
    RETURN cardinality(v_wanted) > 0;
END;
$sql$;
COMMENT ON FUNCTION refresh_queue IS 'Brings the queue up to date with one release; answers whether it waits';
REVOKE ALL ON FUNCTION refresh_queue FROM PUBLIC;


-- The first step of every change to the targets: waits until no package is being changed, and keeps it so.
CREATE FUNCTION lock_targets() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    LOCK TABLE targets IN EXCLUSIVE MODE;
END;
$sql$;
COMMENT ON FUNCTION lock_targets IS 'Keeps all others from changing targets and packages';
REVOKE ALL ON FUNCTION lock_targets FROM PUBLIC;


-- Called under lock_targets(). A change of the targets concerns every release, so this is one query over all of them.
CREATE FUNCTION remake_queue(p_platform_tag text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    UPDATE wheel_tags w SET target_ids = wheel_targets(w.py_version_tag, w.abi_tag, w.platform_tag);
    WITH
        wanted AS MATERIALIZED (SELECT * FROM releases_pending WHERE platform_tag = p_platform_tag),
        gone AS (
            DELETE FROM build_queue q USING targets t
            WHERE t.target_id = q.target_id AND t.platform_tag = p_platform_tag
                AND NOT EXISTS (
                    SELECT FROM wanted w
                    WHERE w.package = q.package AND w.version = q.version AND w.target_id = q.target_id))
    INSERT INTO build_queue (package, version, target_id, priority, released)
    SELECT package, version, target_id, priority, released FROM wanted
    ON CONFLICT (package, version, target_id) DO NOTHING;
END;
$sql$;
COMMENT ON FUNCTION remake_queue IS 'Brings the queue of a platform up to date with its targets';
REVOKE ALL ON FUNCTION remake_queue FROM PUBLIC;


CREATE FUNCTION wheel_targets(p_py_tags text, p_abi_tags text, p_platform_tags text) RETURNS integer[]
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(array_agg(t.target_id ORDER BY t.target_id), '{}')
    FROM targets t CROSS JOIN configuration c
    WHERE wheel_runs_on(p_py_tags, p_abi_tags, p_platform_tags, t.abi_tag, t.platform_tag, c.armv6_alias);
$sql$;
COMMENT ON FUNCTION wheel_targets IS 'The targets that wheels with these tags run on';
REVOKE ALL ON FUNCTION wheel_targets FROM PUBLIC;


CREATE FUNCTION learn_wheel_tags(p_py_version_tags text[], p_abi_tags text[], p_platform_tags text[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF EXISTS (
        SELECT FROM unnest(p_py_version_tags, p_abi_tags, p_platform_tags) AS n (py, abi, platform)
        WHERE NOT EXISTS (
            SELECT FROM wheel_tags w
            WHERE w.py_version_tag = n.py AND w.abi_tag = n.abi AND w.platform_tag = n.platform)) THEN
        INSERT INTO wheel_tags (py_version_tag, abi_tag, platform_tag, target_ids)
        SELECT n.py, n.abi, n.platform, wheel_targets(n.py, n.abi, n.platform)
        FROM (SELECT DISTINCT * FROM unnest(p_py_version_tags, p_abi_tags, p_platform_tags)) AS n (py, abi, platform)
        ORDER BY n.py, n.abi, n.platform
        ON CONFLICT DO NOTHING;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION learn_wheel_tags IS 'Works out the targets of tags that have not occurred before';
REVOKE ALL ON FUNCTION learn_wheel_tags FROM PUBLIC;


CREATE FUNCTION get_build_abis(p_exclude_skipped boolean) RETURNS TABLE (abi_tag varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT DISTINCT t.abi_tag FROM targets t WHERE t.skip = '' OR NOT p_exclude_skipped;
$sql$;
COMMENT ON FUNCTION get_build_abis IS 'The ABI tags of all targets, or of the active ones';
REVOKE ALL ON FUNCTION get_build_abis FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_build_abis TO {username};


CREATE FUNCTION get_targets() RETURNS TABLE (abi_tag varchar, platform_tag varchar, skip varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT t.abi_tag, t.platform_tag, t.skip FROM targets t ORDER BY t.platform_tag, t.abi_order, t.abi_tag;
$sql$;
COMMENT ON FUNCTION get_targets IS 'All targets, by platform, lowest ABI first';
REVOKE ALL ON FUNCTION get_targets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_targets TO {username};


CREATE FUNCTION add_target(p_abi_tag text, p_platform_tag text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    IF EXISTS (SELECT FROM targets WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag) THEN
        RETURN false;
    END IF;
    PERFORM lock_targets();
    INSERT INTO targets (abi_tag, platform_tag) VALUES (p_abi_tag, p_platform_tag) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM remake_queue(p_platform_tag);
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_target IS 'Adds a target; false when it is known already';
REVOKE ALL ON FUNCTION add_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_target TO {username};


CREATE FUNCTION skip_target(p_abi_tag text, p_platform_tag text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_targets();
    UPDATE targets SET skip = p_reason
    WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag AND skip <> p_reason;
    IF FOUND THEN
        PERFORM remake_queue(p_platform_tag);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION skip_target IS 'Sets why nothing is built for a target; an empty reason activates it again';
REVOKE ALL ON FUNCTION skip_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION skip_target TO {username};


-- Builds made for it stay, and so do their wheels.
CREATE FUNCTION remove_target(p_abi_tag text, p_platform_tag text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_targets();
    DELETE FROM targets WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag;
    IF FOUND THEN
        PERFORM remake_queue(p_platform_tag);
    END IF;
END;
$sql$;
COMMENT ON FUNCTION remove_target IS 'Removes a target; builds and wheels made for it stay';
REVOKE ALL ON FUNCTION remove_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_target TO {username};


CREATE FUNCTION set_armv6_alias(p_on boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_targets();
    UPDATE configuration SET armv6_alias = p_on WHERE armv6_alias <> p_on;
    IF FOUND THEN
        PERFORM remake_queue('linux_armv6l');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_armv6_alias IS 'Sets whether a wheel for linux_armv7l counts as one for linux_armv6l';
REVOKE ALL ON FUNCTION set_armv6_alias FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_armv6_alias TO {username};


-- Every active target has a row at least; its package is null when nothing waits there.
CREATE FUNCTION get_build_queue(p_limit integer)
RETURNS TABLE (abi_tag varchar, platform_tag varchar, package varchar, version varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT t.abi_tag, t.platform_tag, q.package, q.version
    FROM targets t
        LEFT JOIN LATERAL (
            SELECT b.* FROM build_queue b WHERE b.target_id = t.target_id
            ORDER BY b.priority, b.released, b.package, b.version
            LIMIT p_limit) AS q ON true
    WHERE t.skip = ''
    ORDER BY t.target_id, q.priority, q.released, q.package, q.version;
$sql$;
COMMENT ON FUNCTION get_build_queue IS 'The first releases to be built for each active target, in order';
REVOKE ALL ON FUNCTION get_build_queue FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_build_queue TO {username};


CREATE FUNCTION get_build_queue_lengths() RETURNS TABLE (abi_tag varchar, platform_tag varchar, waiting bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT t.abi_tag, t.platform_tag, counter_total('waiting:' || t.target_id)
    FROM targets t WHERE t.skip = '';
$sql$;
COMMENT ON FUNCTION get_build_queue_lengths IS 'How many releases wait for each active target, zeros included';
REVOKE ALL ON FUNCTION get_build_queue_lengths FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_build_queue_lengths TO {username};


-- One query, so of one snapshot: each change brings rows and counters along in its own transaction, and no snapshot
-- shows half of one. Answers a row for each place in the queue that is kept and not due, due and not kept, or another
-- one than is due (priority and date are its order); and for each target a row without a package: its length as it is
-- and as counted. A count of no target has no tags. What it calls is PARALLEL SAFE, or it takes several times as long.
CREATE FUNCTION audit_queue() RETURNS TABLE (
    abi_tag varchar, platform_tag varchar, package varchar, version varchar,
    kept_priority smallint, kept_released timestamptz, due_priority smallint, due_released timestamptz,
    kept_length bigint, counted_length bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    WITH
        due AS (
            SELECT t.target_id, b.package, b.version, b.priority, b.released
            FROM builds_pending b JOIN targets t ON t.abi_tag = b.abi_tag AND t.platform_tag = b.platform_tag),
        compared AS (
            SELECT
                target_id, package, version, q.priority AS kept_priority, q.released AS kept_released,
                d.priority AS due_priority, d.released AS due_released
            FROM build_queue q FULL JOIN due d USING (package, version, target_id)
            WHERE (q.priority, q.released) IS DISTINCT FROM (d.priority, d.released))
    SELECT
        t.abi_tag, t.platform_tag, c.package, c.version,
        c.kept_priority, c.kept_released AT TIME ZONE 'UTC', c.due_priority, c.due_released AT TIME ZONE 'UTC',
        NULL::bigint, NULL::bigint
    FROM compared c JOIN targets t USING (target_id)
    UNION ALL
    SELECT l.abi_tag, l.platform_tag, NULL, NULL, NULL, NULL, NULL, NULL, l.kept, l.counted
    FROM queue_lengths() l;
$sql$;
COMMENT ON FUNCTION audit_queue IS 'Where queue and lengths differ from what plain queries over everything say';
REVOKE ALL ON FUNCTION audit_queue FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_queue TO {username};


CREATE FUNCTION queue_lengths()
RETURNS TABLE (counter text, abi_tag varchar, platform_tag varchar, kept bigint, counted bigint)
LANGUAGE sql STABLE PARALLEL SAFE
AS $sql$
    SELECT
        coalesce(c.counter, 'waiting:' || t.target_id), t.abi_tag, t.platform_tag,
        coalesce(k.amount, 0), coalesce(c.amount, 0)
    FROM targets t
        LEFT JOIN (SELECT q.target_id, count(*) AS amount FROM build_queue q GROUP BY q.target_id) k USING (target_id)
        FULL JOIN (
            SELECT v.counter, sum(v.amount)::bigint AS amount FROM counter_values v
            WHERE v.counter LIKE 'waiting:%' AND v.period = 'total' GROUP BY v.counter) c
            ON c.counter = 'waiting:' || t.target_id
    WHERE t.target_id IS NOT NULL OR c.amount <> 0;
$sql$;
COMMENT ON FUNCTION queue_lengths IS 'The rows of each target''s queue, counted now, and as its counter has them';
REVOKE ALL ON FUNCTION queue_lengths FROM PUBLIC;


-- What an audit saw may have changed since, so the rule decides again, under the lock. The rule goes by wheel_tags:
-- what these say of the release's wheels is made right first.
CREATE FUNCTION fix_queue(p_package text, p_version text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_before build_queue[];
    v_wrong bigint;
BEGIN
    PERFORM lock_package(p_package);
    PERFORM correct_wheel_tags(p_package, p_version);
    v_before := ARRAY(SELECT q FROM build_queue q WHERE q.package = p_package AND q.version = p_version);
    PERFORM refresh_queue(p_package, p_version);
    SELECT count(*) INTO v_wrong
    FROM unnest(v_before) b
        FULL JOIN (
            SELECT * FROM build_queue q WHERE q.package = p_package AND q.version = p_version) a USING (target_id)
    WHERE (b.priority, b.released) IS DISTINCT FROM (a.priority, a.released);
    RETURN v_wrong;
END;
$sql$;
COMMENT ON FUNCTION fix_queue IS 'Brings the queue up to date with one release; answers how many rows were wrong';
REVOKE ALL ON FUNCTION fix_queue FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fix_queue TO {username};


-- Called under lock_package(). Other packages have the same tags: one after the other, in the order of their key, so
-- that two who correct at once wait for each other in one direction alone.
CREATE FUNCTION correct_wheel_tags(p_package text, p_version text) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_tags record;
BEGIN
    FOR v_tags IN
        SELECT DISTINCT f.py_version_tag AS py, f.abi_tag AS abi, f.platform_tag AS platform
        FROM builds b JOIN files f ON f.build_id = b.build_id
        WHERE b.package = p_package AND b.version = p_version
        ORDER BY py, abi, platform
    LOOP
        INSERT INTO wheel_tags AS w (py_version_tag, abi_tag, platform_tag, target_ids)
        VALUES (
            v_tags.py, v_tags.abi, v_tags.platform, wheel_targets(v_tags.py, v_tags.abi, v_tags.platform))
        ON CONFLICT (py_version_tag, abi_tag, platform_tag) DO UPDATE SET target_ids = excluded.target_ids
            WHERE w.target_ids <> excluded.target_ids;
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION correct_wheel_tags IS 'Works out the targets of a release''s wheels once more';
REVOKE ALL ON FUNCTION correct_wheel_tags FROM PUBLIC;


-- Rows and counters change together, so what lies between them in one snapshot is what is wrong, whatever else is under
-- way. Two at once would each set the same right: the second waits, and finds nothing.
CREATE FUNCTION fix_queue_lengths() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_wrong bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('piwheels.fix_queue_lengths'));
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT l.counter, 'total', '1970-01-01', l.kept - l.counted FROM queue_lengths() l WHERE l.kept <> l.counted;
    GET DIAGNOSTICS v_wrong = ROW_COUNT;
    RETURN v_wrong;
END;
$sql$;
COMMENT ON FUNCTION fix_queue_lengths IS 'Sets the counted lengths of queues right; answers how many were wrong';
REVOKE ALL ON FUNCTION fix_queue_lengths FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fix_queue_lengths TO {username};
