-- What has to be built, kept up to date by each change.
--
-- A target is an ABI on a platform. A release is done on a target when a wheel of it runs there, or when a build was
-- tried there, with whatever result; or when upstream has a wheel that runs there and is left to it (policies defer and
-- link). Of the targets that are not done only the lowest ABI of each platform waits: most
-- releases turn out pure, and one build then covers all.
--
-- A build that failed for a reason that passes is deferred: nothing of the release waits on that platform while the
-- deferral is held (42_retries.sql). That is a column which somebody sets, not a question of the hour, so that the rule
-- says the same at any time.
--
-- releases_pending is the rule. refresh_queue() applies it to one release and is called by all that changes one; requeue()
-- to a range of packages, for changes of the targets (45_targets.sql). builds_pending says it once more as one plain query
-- over everything: for audits, for tables filled in bulk, and for the test that holds the queue against it after each
-- step of any history.

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


-- 2036 for 2.36, as manylinux tags count (PEP 513, 571, 599, 600); 0 for a tag that names none. Tags are strangers' words:
-- what is too large is as good as never. The program has the same as Glibc.
CREATE FUNCTION glibc_of(p_platform_tag text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT CASE
        WHEN p_platform_tag LIKE 'manylinux1\_%' THEN 2005
        WHEN p_platform_tag LIKE 'manylinux2010\_%' THEN 2012
        WHEN p_platform_tag LIKE 'manylinux2014\_%' THEN 2017
        WHEN p_platform_tag ~ '^manylinux_[0-9]+_[0-9]+_' THEN (
            least(substring(p_platform_tag FROM '^manylinux_([0-9]+)_')::numeric, 999) * 1000
            + least(substring(p_platform_tag FROM '^manylinux_[0-9]+_([0-9]+)_')::numeric, 999))::integer
        ELSE 0
    END;
$sql$;
COMMENT ON FUNCTION glibc_of IS 'The oldest GNU C library that a wheel for this platform runs with';
REVOKE ALL ON FUNCTION glibc_of FROM PUBLIC;


-- The rule for upstream's wheels, but for the Python that they require. They were not made on the farm's machines, so the C
-- library counts: where a target's is not known, it is taken to be that of manylinux2014. And a wheel of upstream's has
-- one name and is listed under it alone: what is for linux_armv7l is none for linux_armv6l, whatever the setting says of
-- ours. The program has the same rule as Coverage.CoversUpstream.
CREATE FUNCTION upstream_runs_on(
    p_py_tags text, p_abi_tags text, p_platform_tags text, p_abi_tag text, p_platform_tag text, p_glibc integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT wheel_runs_on(
        p_py_tags, p_abi_tags,
        (
            SELECT string_agg(tag, '.') FROM unnest(string_to_array(p_platform_tags, '.')) AS tag
            WHERE glibc_of(tag) <= coalesce(p_glibc, 2017)),
        p_abi_tag, p_platform_tag, false);
$sql$;
COMMENT ON FUNCTION upstream_runs_on IS 'Whether a wheel of upstream''s with these tags runs on that target';
REVOKE ALL ON FUNCTION upstream_runs_on FROM PUBLIC;


CREATE FUNCTION lets_in(p_pythons int4multirange, p_python integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT p_pythons IS NULL OR p_pythons @> p_python;
$sql$;
COMMENT ON FUNCTION lets_in IS 'Whether a wheel that requires one of these Pythons takes that one';
REVOKE ALL ON FUNCTION lets_in FROM PUBLIC;


-- A change of a target concerns every release, so it takes effect package by package (45_targets.sql): for the packages
-- after settled_from and up to settled_to what skip says holds already, for all others still the opposite. Both null, as
-- nearly always: it holds everywhere. removed: the row goes when that is so. glibc: the oldest C library of its machines
-- (see glibc_of), 0 for another one than GNU's, null where nobody has told.
CREATE TABLE targets (
    target_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    abi_tag varchar(100) COLLATE "C" NOT NULL CHECK (abi_tag NOT IN ('', 'none')),
    platform_tag varchar(100) COLLATE "C" NOT NULL CHECK (platform_tag NOT IN ('', 'any')),
    skip varchar(100) DEFAULT '' NOT NULL,
    abi_order integer GENERATED ALWAYS AS (python_of(abi_tag)) STORED,
    removed boolean DEFAULT false NOT NULL,
    settled_from varchar(200) COLLATE "C",
    settled_to varchar(200) COLLATE "C",
    settled_versions bigint DEFAULT 0 NOT NULL,
    step_versions integer DEFAULT 2000 NOT NULL CHECK (step_versions > 0),
    step_after timestamp DEFAULT '1970-01-01' NOT NULL,
    glibc integer CHECK (glibc >= 0),
    UNIQUE (abi_tag, platform_tag),
    CONSTRAINT targets_settled_on_one_side CHECK (settled_from IS NULL OR settled_to IS NULL),
    CONSTRAINT targets_removed_skip CHECK (NOT removed OR skip <> '')
);
COMMENT ON TABLE targets IS 'ABIs on platforms that wheels are built for; skip says why one is not';
GRANT SELECT ON targets TO {username};


-- The one place that says which targets count for a package.
CREATE FUNCTION is_active(p_target targets, p_package text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT (p_target.skip = '') = (
        coalesce(p_package > p_target.settled_from, true) AND coalesce(p_package <= p_target.settled_to, true));
$sql$;
COMMENT ON FUNCTION is_active IS 'Whether the package is to be built for the target, as far as that depends on the target';
REVOKE ALL ON FUNCTION is_active FROM PUBLIC;

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

-- Without foreign keys: looking for version and target of each row took longer than writing it. What writes here holds
-- the locks that keep both in their places; what deletes versions has their rows go (build_queue_forgets); a target goes
-- when nothing waits for it any more; and the audit would find what is left over.
CREATE TABLE build_queue (
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    target_id integer NOT NULL,
    priority smallint NOT NULL,
    released timestamp NOT NULL,
    PRIMARY KEY (package, version, target_id)
);
CREATE INDEX build_queue_order ON build_queue (target_id, priority, released, package, version);
COMMENT ON TABLE build_queue IS 'Releases that wait for a slave, by target, in the order of priority, released, name';
GRANT SELECT ON build_queue TO {username};


-- One row for each release and target whose last attempt failed for a reason that passes. held: it waits for retry_at;
-- then it is in the queue again, and the row says how many attempts there were.
CREATE TABLE deferred_builds (
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    target_id integer NOT NULL REFERENCES targets ON DELETE CASCADE,
    attempts integer NOT NULL CHECK (attempts > 0),
    held boolean NOT NULL,
    retry_at timestamp NOT NULL,
    failed_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL,
    built_by integer NOT NULL CHECK (built_by >= 0),
    class varchar(30) COLLATE "C" NOT NULL CHECK (class <> ''),
    evidence varchar(300) DEFAULT '' NOT NULL,
    PRIMARY KEY (package, version, target_id),
    FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
CREATE INDEX deferred_builds_due ON deferred_builds (retry_at) WHERE held;
COMMENT ON TABLE deferred_builds IS 'Builds that failed for a reason that passes, and are tried again';
GRANT SELECT ON deferred_builds TO {username};


-- The rule is these two functions and the view; where the functions stand in FROM the planner makes them part of the
-- query (their bodies are plain and stable), so a question about a few releases, or a range of packages, costs in
-- proportion to them.

CREATE FUNCTION targets_done(p_package text, p_version text) RETURNS TABLE (target_id integer)
LANGUAGE sql STABLE
AS $sql$
    SELECT t.target_id
    FROM builds b JOIN targets t ON t.abi_tag = b.abi_tag AND t.platform_tag = b.platform_tag
    WHERE b.package = p_package AND b.version = p_version
    UNION ALL
    SELECT unnest(w.target_ids)
    FROM builds b
        JOIN files f ON f.build_id = b.build_id
        JOIN wheel_tags w
            ON w.py_version_tag = f.py_version_tag AND w.abi_tag = f.abi_tag AND w.platform_tag = f.platform_tag
    WHERE b.package = p_package AND b.version = p_version AND b.status;
$sql$;
COMMENT ON FUNCTION targets_done IS 'Where a release was tried, or a wheel of it runs';
REVOKE ALL ON FUNCTION targets_done FROM PUBLIC;


-- By wheel_tags, as our own; of these, by what is different for upstream's where it can be: most wheels have no manylinux
-- tag, and few targets are for linux_armv6l.
CREATE FUNCTION targets_upstream(p_package text, p_version text) RETURNS TABLE (target_id integer, linked boolean)
LANGUAGE sql STABLE
AS $sql$
    SELECT t.target_id, u.linked
    FROM upstream_wheels u
        JOIN wheel_tags w
            ON w.py_version_tag = u.py_version_tag AND w.abi_tag = u.abi_tag AND w.platform_tag = u.platform_tag
        JOIN targets t ON t.target_id = ANY (w.target_ids)
    WHERE u.package = p_package AND u.version = p_version
        AND lets_in(u.pythons, t.abi_order)
        AND (
            u.platform_tag NOT LIKE '%manylinux%' AND t.platform_tag <> 'linux_armv6l'
            OR upstream_runs_on(
                u.py_version_tag, u.abi_tag, u.platform_tag, t.abi_tag, t.platform_tag, t.glibc));
$sql$;
COMMENT ON FUNCTION targets_upstream IS 'Where a wheel of upstream''s of a release runs; nothing where the policy is rebuild';
REVOKE ALL ON FUNCTION targets_upstream FROM PUBLIC;


CREATE FUNCTION lowest_targets(p_package text, p_done integer[])
RETURNS TABLE (target_id integer, platform_tag varchar)
LANGUAGE sql STABLE
AS $sql$
    SELECT DISTINCT ON (t.platform_tag) t.target_id, t.platform_tag FROM targets t
    WHERE is_active(t, p_package) AND t.target_id <> ALL (p_done)
    ORDER BY t.platform_tag, t.abi_order, t.abi_tag;
$sql$;
COMMENT ON FUNCTION lowest_targets IS 'Where a release waits that is done on these targets: at most one target a platform';
REVOKE ALL ON FUNCTION lowest_targets FROM PUBLIC;


-- OFFSET 0 has what is done gathered once a release, however many targets there are. CASE has upstream's wheels looked at
-- only where there are some.
CREATE VIEW releases_pending AS
SELECT v.package, v.version, t.platform_tag, t.target_id, v.priority, v.released
FROM packages p
    JOIN versions v ON v.package = p.package
    CROSS JOIN LATERAL (
        SELECT ARRAY(SELECT d.target_id FROM targets_done(v.package, v.version) d)
            || CASE WHEN v.upstream THEN ARRAY(SELECT u.target_id FROM targets_upstream(v.package, v.version) u) END
            AS target_ids
        OFFSET 0) AS done
    CROSS JOIN LATERAL lowest_targets(v.package, done.target_ids) AS t
WHERE p.skip = '' AND v.skip = ''
    AND NOT EXISTS (
        SELECT FROM deferred_builds d
        WHERE d.package = v.package AND d.version = v.version AND d.target_id = t.target_id AND d.held);
COMMENT ON VIEW releases_pending IS 'What has to be built: the rule that the queue is kept by';
GRANT SELECT ON releases_pending TO {username};

-- The same by plain joins over everything, with the coverage of all tags worked out anew: it trusts neither queue nor
-- wheel_tags.
CREATE VIEW builds_pending AS
WITH
    runs AS MATERIALIZED (
        SELECT f.py_version_tag, f.abi_tag, f.platform_tag, t.target_id
        FROM (SELECT DISTINCT py_version_tag, abi_tag, platform_tag FROM files) AS f
            CROSS JOIN targets t
            CROSS JOIN configuration c
        WHERE wheel_runs_on(
            f.py_version_tag, f.abi_tag, f.platform_tag, t.abi_tag, t.platform_tag, c.armv6_alias)),
    upstream_runs AS MATERIALIZED (
        SELECT u.py_version_tag, u.abi_tag, u.platform_tag, t.target_id, t.abi_order
        FROM (SELECT DISTINCT py_version_tag, abi_tag, platform_tag FROM upstream_wheels) AS u CROSS JOIN targets t
        WHERE upstream_runs_on(u.py_version_tag, u.abi_tag, u.platform_tag, t.abi_tag, t.platform_tag, t.glibc)),
    done AS (
        SELECT b.package, b.version, t.target_id
        FROM builds b JOIN targets t ON t.abi_tag = b.abi_tag AND t.platform_tag = b.platform_tag
        UNION ALL
        SELECT b.package, b.version, r.target_id
        FROM builds b JOIN files f USING (build_id) JOIN runs r
            ON r.py_version_tag = f.py_version_tag AND r.abi_tag = f.abi_tag AND r.platform_tag = f.platform_tag
        WHERE b.status
        UNION ALL
        SELECT u.package, u.version, r.target_id
        FROM upstream_wheels u JOIN upstream_runs r
            ON r.py_version_tag = u.py_version_tag AND r.abi_tag = u.abi_tag AND r.platform_tag = u.platform_tag
        WHERE lets_in(u.pythons, r.abi_order))
SELECT
    abi_tag, platform_tag,
    row_number() OVER (
        PARTITION BY abi_tag, platform_tag ORDER BY priority, released, package, version) AS position,
    package, version, priority, released
FROM (
    SELECT DISTINCT ON (v.package, v.version, t.platform_tag)
        t.target_id, t.abi_tag, t.platform_tag, v.package, v.version, v.priority, v.released
    FROM packages p
        JOIN versions v ON v.package = p.package
        CROSS JOIN targets t
    WHERE p.skip = '' AND v.skip = '' AND is_active(t, v.package)
        AND NOT EXISTS (
            SELECT FROM done d
            WHERE d.package = v.package AND d.version = v.version AND d.target_id = t.target_id)
    ORDER BY v.package, v.version, t.platform_tag, python_of(t.abi_tag), t.abi_tag) AS pending
WHERE (package, version, target_id) NOT IN (
    SELECT d.package, d.version, d.target_id FROM deferred_builds d WHERE d.held);
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


CREATE FUNCTION build_queue_forgets() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    DELETE FROM build_queue q USING gone g WHERE q.package = g.package AND q.version = g.version;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION build_queue_forgets IS 'Trigger: what is deleted does not wait any more';
REVOKE ALL ON FUNCTION build_queue_forgets FROM PUBLIC;

CREATE TRIGGER build_queue_forgets AFTER DELETE ON versions REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_forgets();


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


-- On the way of every build, so it asks for one release what the view says of all, in two questions that are faster
-- than one. Called under lock_package().
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
        v_done := ARRAY(SELECT d.target_id FROM targets_done(p_package, p_version) d);
        IF v_release.upstream THEN
            v_done := v_done || ARRAY(SELECT u.target_id FROM targets_upstream(p_package, p_version) u);
        END IF;
        v_wanted := ARRAY(
            SELECT t.target_id FROM lowest_targets(p_package, v_done) t
            WHERE NOT EXISTS (
                SELECT FROM deferred_builds d
                WHERE d.package = p_package AND d.version = p_version AND d.target_id = t.target_id AND d.held));
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


-- For many releases at once: one platform's, of the packages after one and up to another (null: to the last). Called
-- under lock_targets().
CREATE FUNCTION requeue(p_platform_tag text, p_after text, p_to text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    WITH
        wanted AS MATERIALIZED (
            SELECT * FROM releases_pending r
            WHERE r.platform_tag = p_platform_tag AND r.package > p_after AND (p_to IS NULL OR r.package <= p_to)),
        gone AS (
            DELETE FROM build_queue q USING targets t
            WHERE t.target_id = q.target_id AND t.platform_tag = p_platform_tag
                AND q.package > p_after AND (p_to IS NULL OR q.package <= p_to)
                AND NOT EXISTS (
                    SELECT FROM wanted w
                    WHERE w.package = q.package AND w.version = q.version AND w.target_id = q.target_id))
    INSERT INTO build_queue (package, version, target_id, priority, released)
    SELECT package, version, target_id, priority, released FROM wanted
    ON CONFLICT (package, version, target_id) DO NOTHING;
END;
$sql$;
COMMENT ON FUNCTION requeue IS 'Brings a platform''s queue up to date with a range of packages';
REVOKE ALL ON FUNCTION requeue FROM PUBLIC;


-- For tables that were filled in bulk: everything about it is worked out anew, by the plain query. Called under
-- lock_targets(), or by whoever has the database to himself.
CREATE FUNCTION remake_queue(p_platform_tag text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO wheel_tags (py_version_tag, abi_tag, platform_tag, target_ids)
    SELECT f.py_version_tag, f.abi_tag, f.platform_tag, '{}'::integer[] FROM files f
    UNION
    SELECT u.py_version_tag, u.abi_tag, u.platform_tag, '{}' FROM upstream_wheels u
    ON CONFLICT DO NOTHING;
    UPDATE wheel_tags w SET target_ids = wheel_targets(w.py_version_tag, w.abi_tag, w.platform_tag);

    DELETE FROM build_queue q USING targets t WHERE t.target_id = q.target_id AND t.platform_tag = p_platform_tag;
    INSERT INTO build_queue (package, version, target_id, priority, released)
    SELECT b.package, b.version, t.target_id, b.priority, b.released
    FROM builds_pending b JOIN targets t ON t.abi_tag = b.abi_tag AND t.platform_tag = b.platform_tag
    WHERE b.platform_tag = p_platform_tag;
END;
$sql$;
COMMENT ON FUNCTION remake_queue IS 'Makes the whole queue of a platform, whatever was there before';
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


-- Every active target has a row at least; its package is null when nothing waits there.
CREATE FUNCTION get_build_queue(p_limit integer)
RETURNS TABLE (abi_tag varchar, platform_tag varchar, package varchar, version varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT t.abi_tag, t.platform_tag, q.package, q.version
    FROM targets t
        LEFT JOIN LATERAL (
            SELECT b.* FROM build_queue b
            WHERE b.target_id = t.target_id
                AND NOT EXISTS (
                    SELECT FROM held_builds h
                    WHERE h.package = b.package AND h.version = b.version AND h.target_id = b.target_id)
            ORDER BY b.priority, b.released, b.package, b.version
            LIMIT p_limit) AS q ON true
    WHERE t.skip = ''
    ORDER BY t.target_id, q.priority, q.released, q.package, q.version;
$sql$;
COMMENT ON FUNCTION get_build_queue IS 'The first releases to be built for each active target, in order, without those that are held';
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
        SELECT f.py_version_tag AS py, f.abi_tag AS abi, f.platform_tag AS platform
        FROM builds b JOIN files f ON f.build_id = b.build_id
        WHERE b.package = p_package AND b.version = p_version
        UNION
        SELECT u.py_version_tag, u.abi_tag, u.platform_tag
        FROM upstream_wheels u
        WHERE u.package = p_package AND u.version = p_version
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
