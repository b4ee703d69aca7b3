-- What the pages show, and which pages are owed.

-- added_at is when it was first asked for. backlog: by what takes up thousands of packages at once, and has no haste;
-- what happens now to one of them makes it a request of now. Each request takes a new revision, so whoever has written
-- pages from data of an earlier one has not answered it.
CREATE SEQUENCE rewrites_pending_revision;
CREATE TABLE rewrites_pending (
    package varchar(200) COLLATE "C" PRIMARY KEY REFERENCES packages ON DELETE CASCADE,
    added_at timestamp NOT NULL,
    command varchar(8) NOT NULL CHECK (command IN ('PROJECT', 'BOTH')),
    revision bigint DEFAULT nextval('rewrites_pending_revision') NOT NULL,
    backlog boolean DEFAULT false NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX rewrites_pending_order ON rewrites_pending (backlog, added_at);
COMMENT ON TABLE rewrites_pending IS 'Packages whose project page, or that and the simple index, are to be written';
GRANT SELECT ON rewrites_pending TO {username};


-- A function that takes up the index's log in bulk sets piwheels.backlog for all that it calls.
CREATE FUNCTION is_backlog() RETURNS boolean
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(current_setting('piwheels.backlog', true) = 'on', false);
$sql$;
COMMENT ON FUNCTION is_backlog IS 'Whether what is changed now happened long ago';
REVOKE ALL ON FUNCTION is_backlog FROM PUBLIC;


-- Called in the transaction that changes what the pages show: a kill at any moment leaves both or neither. PL/pgSQL keeps
-- the plan, where a function in SQL would be planned at each call.
CREATE FUNCTION owe_rewrite(p_package text, p_command text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO rewrites_pending AS r (package, added_at, command, backlog)
    SELECT p.package, now() AT TIME ZONE 'UTC', p_command, is_backlog() FROM packages p WHERE p.package = p_package
    ON CONFLICT (package) DO UPDATE SET
        added_at = CASE WHEN r.backlog AND NOT excluded.backlog THEN excluded.added_at ELSE r.added_at END,
        backlog = r.backlog AND excluded.backlog,
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
END;
$sql$;
COMMENT ON FUNCTION owe_rewrite IS 'Enters that a package''s pages are to be written';
REVOKE ALL ON FUNCTION owe_rewrite FROM PUBLIC;


-- The same for many that are known. In the order of their names, so that nobody waits in a circle.
CREATE FUNCTION owe_rewrites(p_both text[], p_project text[]) RETURNS void
LANGUAGE plpgsql SET enable_hashagg = off
AS $sql$
DECLARE
    v_backlog boolean := is_backlog();
BEGIN
    INSERT INTO rewrites_pending AS r (package, added_at, command, backlog)
    SELECT n.package, now() AT TIME ZONE 'UTC', min(n.command), v_backlog
    FROM (
        SELECT b.package COLLATE "C", 'BOTH' COLLATE "C" FROM unnest(p_both) AS b (package)
        UNION ALL
        SELECT o.package COLLATE "C", 'PROJECT' COLLATE "C" FROM unnest(p_project) AS o (package)) AS n (package, command)
    GROUP BY n.package
    ORDER BY n.package
    ON CONFLICT (package) DO UPDATE SET
        added_at = CASE WHEN r.backlog AND NOT excluded.backlog THEN excluded.added_at ELSE r.added_at END,
        backlog = r.backlog AND excluded.backlog,
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
END;
$sql$;
COMMENT ON FUNCTION owe_rewrites IS 'Enters that packages'' pages are to be written: both, or the project page alone';
REVOKE ALL ON FUNCTION owe_rewrites FROM PUBLIC;


-- Whoever writes pages asks again when it has written most of these.
CREATE FUNCTION load_rewrites_pending() RETURNS TABLE (package varchar, added_at timestamptz, command varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT r.package, r.added_at AT TIME ZONE 'UTC', r.command FROM rewrites_pending r
    WHERE NOT r.backlog
    ORDER BY r.added_at, r.package LIMIT 20000;
$sql$;
COMMENT ON FUNCTION load_rewrites_pending IS
    'The pages that are owed, but the backlog: the longest waiting first, 20,000 at most';
REVOKE ALL ON FUNCTION load_rewrites_pending FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_rewrites_pending TO {username};


-- After a first sync a million packages wait.
CREATE FUNCTION load_rewrites_backlog() RETURNS TABLE (package varchar, added_at timestamptz, command varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT r.package, r.added_at AT TIME ZONE 'UTC', r.command FROM rewrites_pending r
    WHERE r.backlog
    ORDER BY r.added_at, r.package LIMIT 20000;
$sql$;
COMMENT ON FUNCTION load_rewrites_backlog IS
    'The backlog of pages that are owed: the longest waiting first, 20,000 at most';
REVOKE ALL ON FUNCTION load_rewrites_backlog FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_rewrites_backlog TO {username};


CREATE FUNCTION save_rewrites_pending(p_packages text[], p_added_at timestamptz[], p_commands text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    INSERT INTO rewrites_pending AS r (package, added_at, command)
    SELECT p.package, min(n.added_at AT TIME ZONE 'UTC'), min(n.command)
    FROM unnest(p_packages, p_added_at, p_commands) AS n (package, added_at, command)
        JOIN packages p ON p.package = n.package
    GROUP BY p.package
    ORDER BY p.package
    ON CONFLICT (package) DO UPDATE SET
        added_at = CASE WHEN r.backlog THEN excluded.added_at ELSE least(r.added_at, excluded.added_at) END,
        backlog = false,
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
$sql$;
COMMENT ON FUNCTION save_rewrites_pending IS 'Enters pages that are owed now: BOTH wins over PROJECT, the earliest time stands';
REVOKE ALL ON FUNCTION save_rewrites_pending FROM PUBLIC;
GRANT EXECUTE ON FUNCTION save_rewrites_pending TO {username};


-- Behind what happens now, and in steps: a million rows at once would keep the builds waiting that enter one of them. A
-- package that is being deleted is waited for, and passed over.
CREATE FUNCTION owe_all_rewrites(p_command text, p_after text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_packages text[];
BEGIN
    SELECT array_agg(s.package) INTO v_packages
    FROM (
        SELECT p.package FROM packages p
        WHERE p.package > p_after COLLATE "C"
        ORDER BY p.package LIMIT 5000 FOR KEY SHARE) AS s;
    INSERT INTO rewrites_pending AS r (package, added_at, command, backlog)
    SELECT n.package, now() AT TIME ZONE 'UTC', p_command, true FROM unnest(v_packages) AS n (package)
    ORDER BY n.package COLLATE "C"
    ON CONFLICT (package) DO UPDATE SET
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
    RETURN (SELECT max(n.package COLLATE "C") FROM unnest(v_packages) AS n (package));
END;
$sql$;
COMMENT ON FUNCTION owe_all_rewrites IS
    'Enters that the pages of the next 5,000 packages are to be written, when there is time; answers the last of them';
REVOKE ALL ON FUNCTION owe_all_rewrites FROM PUBLIC;
GRANT EXECUTE ON FUNCTION owe_all_rewrites TO {username};


CREATE FUNCTION rewrite_done(p_package text, p_command text, p_revision bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    DELETE FROM rewrites_pending
    WHERE package = p_package AND revision <= p_revision AND command IN ('PROJECT', p_command);
$sql$;
COMMENT ON FUNCTION rewrite_done IS 'Strikes out what has been written, unless it was asked for again since';
REVOKE ALL ON FUNCTION rewrite_done FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rewrite_done TO {username};


-- Given all that tells of one package: the rows of versions, of all attempts at them, and of the wheels of these, side by
-- side, build, version and tags. A wheel of ours that runs on the target is a success, whoever built it. Else upstream's
-- may, listed by us or not. Else a skipped package or version says so; else the last attempt on that target counts: it
-- failed, or it is recorded as good and none of its wheels is left or runs there. Without an attempt a skipped target is
-- skipped, and all others wait.
CREATE FUNCTION release_states(
    p_skip text, p_versions versions[], p_attempts builds[], p_wheel_builds integer[], p_wheel_versions text[],
    p_py_version_tags text[], p_abi_tags text[], p_platform_tags text[])
RETURNS TABLE (
    version varchar, abi_tag varchar, platform_tag varchar, abi_order integer, state text, build_id integer)
LANGUAGE sql STABLE
AS $sql$
    WITH
        runs_on AS MATERIALIZED (
            SELECT g.py_version_tag, g.abi_tag, g.platform_tag, t.target_id
            FROM wheel_tags g JOIN targets t ON t.target_id = ANY (g.target_ids)),
        known AS (
            SELECT
                k.version, k.target_id, max(k.build_id) FILTER (WHERE k.runs) AS made_by,
                max(k.build_id) FILTER (WHERE k.status) AS last_good,
                max(k.build_id) FILTER (WHERE NOT k.runs) AS last
            FROM (
                SELECT a.version, t.target_id, a.build_id, a.status, false AS runs
                FROM unnest(p_attempts) a
                    LEFT JOIN targets t ON t.abi_tag = a.abi_tag AND t.platform_tag = a.platform_tag
                UNION ALL
                SELECT w.version, r.target_id, w.build_id, NULL, true
                FROM unnest(p_wheel_builds, p_wheel_versions, p_py_version_tags, p_abi_tags, p_platform_tags)
                        AS w (build_id, version, py_version_tag, abi_tag, platform_tag)
                    JOIN runs_on r
                        ON r.py_version_tag = w.py_version_tag AND r.abi_tag = w.abi_tag
                        AND r.platform_tag = w.platform_tag) AS k
            GROUP BY k.version, k.target_id),
        upstream AS (
            SELECT v.version, u.target_id, bool_or(u.linked) AS linked
            FROM unnest(p_versions) v CROSS JOIN LATERAL targets_upstream(v.package, v.version) u
            WHERE v.upstream
            GROUP BY v.version, u.target_id)
    SELECT
        v.version, t.abi_tag, t.platform_tag, t.abi_order,
        CASE
            WHEN k.made_by IS NOT NULL THEN 'SUCCESS'
            WHEN u.linked THEN 'LINKED'
            WHEN NOT u.linked THEN 'UPSTREAM'
            WHEN p_skip <> '' OR v.skip <> '' THEN 'SKIP'
            WHEN k.last_good = k.last THEN 'ERROR'
            WHEN k.last IS NOT NULL THEN 'FAIL'
            WHEN t.skip <> '' THEN 'SKIP'
            ELSE 'PENDING'
        END,
        coalesce(k.made_by, k.last)
    FROM unnest(p_versions) v
        JOIN targets t ON NOT t.removed
        LEFT JOIN known k ON k.version = v.version AND k.target_id = t.target_id
        LEFT JOIN upstream u ON u.version = v.version AND u.target_id = t.target_id;
$sql$;
COMMENT ON FUNCTION release_states(text, versions[], builds[], integer[], text[], text[], text[], text[])
    IS 'How releases of a package stand on each target, given why it is skipped, and all that tells';
REVOKE ALL ON FUNCTION release_states(text, versions[], builds[], integer[], text[], text[], text[], text[]) FROM PUBLIC;


CREATE FUNCTION release_states(p_package text, p_version text DEFAULT NULL)
RETURNS TABLE (
    version varchar, abi_tag varchar, platform_tag varchar, abi_order integer, state text, build_id integer)
LANGUAGE sql STABLE
AS $sql$
    SELECT s.*
    FROM packages p
        CROSS JOIN (
            SELECT array_agg(v) AS all FROM versions v
            WHERE v.package = p_package AND (p_version IS NULL OR v.version = p_version)) AS v
        CROSS JOIN (
            SELECT array_agg(b) AS all FROM builds b
            WHERE b.package = p_package AND (p_version IS NULL OR b.version = p_version)) AS b
        CROSS JOIN LATERAL (
            SELECT
                array_agg(b.build_id) AS builds, array_agg(b.version::text) AS versions,
                array_agg(f.py_version_tag::text) AS py_version_tags, array_agg(f.abi_tag::text) AS abi_tags,
                array_agg(f.platform_tag::text) AS platform_tags
            FROM unnest(b.all) b JOIN files f ON f.build_id = b.build_id
            WHERE b.status) AS w
        CROSS JOIN LATERAL release_states(
            p.skip, v.all, b.all, w.builds, w.versions, w.py_version_tags, w.abi_tags, w.platform_tags) AS s
    WHERE p.package = p_package;
$sql$;
COMMENT ON FUNCTION release_states(text, text) IS 'How the releases of a package, or one, stand on each target';
REVOKE ALL ON FUNCTION release_states(text, text) FROM PUBLIC;


CREATE FUNCTION project_wheels(p_package text)
RETURNS TABLE (
    build_id integer, version varchar, yanked boolean, filename varchar, filesize bigint, filehash char,
    builder_abi varchar, py_version_tag varchar, abi_tag varchar, platform_tag varchar, requires_python varchar,
    location varchar, built_at timestamptz)
LANGUAGE sql STABLE
AS $sql$
    SELECT
        b.build_id, b.version, v.yanked, f.filename, f.filesize, f.filehash, b.abi_tag, f.py_version_tag, f.abi_tag,
        f.platform_tag, f.requires_python, f.location, b.built_at AT TIME ZONE 'UTC'
    FROM builds b
        JOIN files f ON f.build_id = b.build_id
        -- It is there; but what is joined like this, and not asked for, is left out of the plan
        LEFT JOIN versions v ON v.package = b.package AND v.version = b.version
    WHERE b.package = p_package AND b.status;
$sql$;
COMMENT ON FUNCTION project_wheels IS 'The wheels of a package';
REVOKE ALL ON FUNCTION project_wheels FROM PUBLIC;


-- A file that we have by the same name was built here, maybe before the policy was set: it is listed, and no other.
CREATE FUNCTION linked_wheels(p_package text) RETURNS SETOF upstream_wheels
LANGUAGE sql STABLE
AS $sql$
    SELECT u.* FROM upstream_wheels u
    WHERE u.package = p_package AND u.linked AND NOT EXISTS (SELECT FROM files f WHERE f.filename = u.filename);
$sql$;
COMMENT ON FUNCTION linked_wheels IS 'Upstream''s wheels of a package that our index lists';
REVOKE ALL ON FUNCTION linked_wheels FROM PUBLIC;


-- One row, null for an unknown package, and one statement, so that data and revision are of the same moment. What there
-- are several of comes as arrays side by side, which with a thousand versions takes half the time of JSON; whoever writes
-- and reads them pays for each element. States, and the builds that show them, are of the first version on each target,
-- then of the second, and so on.
--
-- What its files need is read in one go, since a project's files lie side by side in the key of the dependencies: all of
-- them begin with its name, in one spelling or a few, and no other project's do. It comes as one text a file, a line for
-- each need; need_files says which file, counted from 1. What is preinstalled is still to be left out of it.
--
-- The plan is made once for a connection, since making it takes longer than most packages do; how much lies between two
-- names it cannot know, and would compile itself for far too many.
CREATE FUNCTION get_project_data(p_package text)
RETURNS TABLE (
    display_name text, description text, skip text, aliases text[], revision bigint,
    versions text[], released timestamptz[], yanked boolean[], version_skips text[],
    target_abis text[], target_platforms text[], states text[], state_builds integer[],
    file_versions text[], filenames text[], filesizes bigint[], filehashes char[], builder_abis text[],
    file_abis text[], file_platforms text[], requires_pythons text[], locations text[], built_at timestamptz[],
    need_files integer[], apt_needs text[], pip_needs text[], preinstalled_abis text[], preinstalled text[],
    link_versions text[], link_filenames text[], link_urls text[], link_hashes text[], link_sizes bigint[],
    link_requires_pythons text[], link_yanked boolean[], link_metadata boolean[], link_uploaded timestamptz[],
    link_py_tags text[], link_abis text[], link_platforms text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET jit = off
AS $sql$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT
        coalesce(get_project_display_name(p.package), p.package), p.description::text, p.skip::text,
        array(SELECT a.name::text FROM get_package_aliases(p.package) a),
        coalesce((SELECT r.revision FROM rewrites_pending r WHERE r.package = p_package), 0),
        v.versions, v.released, v.yanked, v.skips, t.*, s.*,
        f.versions, f.filenames, f.filesizes, f.filehashes, f.builder_abis, f.abi_tags, f.platform_tags,
        f.requires_pythons, f.locations, f.built_at,
        n.*, i.*, l.*
    FROM packages p
        CROSS JOIN LATERAL (
            SELECT
                array_agg(v.release) AS all, array_agg(v.version::text) AS versions,
                array_agg(v.released AT TIME ZONE 'UTC') AS released, array_agg(v.yanked) AS yanked,
                array_agg(coalesce(nullif(v.skip, ''), p.skip)::text) AS skips
            FROM (
                SELECT v AS release, v.version, v.released, v.yanked, v.skip
                FROM versions v WHERE v.package = p_package ORDER BY v.version) AS v) AS v
        CROSS JOIN (SELECT array_agg(b) AS all FROM builds b WHERE b.package = p_package) AS b
        CROSS JOIN LATERAL (
            SELECT
                array_agg(w.build_id) AS builds, array_agg(w.version::text) AS versions,
                array_agg(w.filename::text) AS filenames, array_agg(w.filesize) AS filesizes,
                array_agg(w.filehash) AS filehashes, array_agg(w.builder_abi::text) AS builder_abis,
                array_agg(w.py_version_tag::text) AS py_version_tags, array_agg(w.abi_tag::text) AS abi_tags,
                array_agg(w.platform_tag::text) AS platform_tags, array_agg(w.requires_python::text) AS requires_pythons,
                array_agg(w.location::text) AS locations, array_agg(w.built_at AT TIME ZONE 'UTC') AS built_at
            FROM (
                SELECT
                    b.build_id, b.version, f.filename, f.filesize, f.filehash, b.abi_tag AS builder_abi,
                    f.py_version_tag, f.abi_tag, f.platform_tag, f.requires_python, f.location, b.built_at
                FROM unnest(b.all) b JOIN files f ON f.build_id = b.build_id
                WHERE b.status ORDER BY f.filename) AS w) AS f
        CROSS JOIN (
            SELECT array_agg(t.abi_tag::text), array_agg(t.platform_tag::text)
            FROM (
                SELECT * FROM targets t WHERE NOT t.removed ORDER BY t.platform_tag, t.abi_order, t.abi_tag) AS t) AS t
        CROSS JOIN LATERAL (
            SELECT array_agg(s.state), array_agg(s.build_id)
            FROM (
                SELECT s.state, s.build_id
                FROM release_states(
                    p.skip, v.all, b.all, f.builds, f.versions, f.py_version_tags, f.abi_tags, f.platform_tags) s
                ORDER BY
                    s.version COLLATE "C", s.platform_tag COLLATE "C", s.abi_order, s.abi_tag COLLATE "C") AS s) AS s
        CROSS JOIN LATERAL (
            SELECT array_agg(w.number::integer), array_agg(d.apt), array_agg(d.pip)
            FROM (
                SELECT min(name COLLATE "C") AS first, max(name COLLATE "C") AS last
                FROM unnest(f.filenames) name GROUP BY split_part(name, '-', 1)) AS r
                CROSS JOIN LATERAL (
                    SELECT
                        d.filename::text AS filename,
                        string_agg(d.dependency, E'\n') FILTER (WHERE d.tool = 'apt') AS apt,
                        string_agg(d.dependency, E'\n') FILTER (WHERE d.tool = 'pip') AS pip
                    FROM dependencies d
                    WHERE d.filename >= r.first AND d.filename <= r.last
                    GROUP BY d.filename) AS d
                JOIN unnest(f.filenames) WITH ORDINALITY AS w (filename, number) ON w.filename = d.filename) AS n
        CROSS JOIN LATERAL (
            SELECT array_agg(i.abi_tag::text), array_agg(i.apt_package::text)
            FROM preinstalled_apt_packages i WHERE i.abi_tag = ANY (f.builder_abis)) AS i
        CROSS JOIN (
            SELECT
                array_agg(l.version::text), array_agg(l.filename::text), array_agg(l.url),
                array_agg(l.filehash::text), array_agg(l.filesize), array_agg(l.requires_python),
                array_agg(l.yanked), array_agg(l.metadata), array_agg(l.uploaded AT TIME ZONE 'UTC'),
                array_agg(l.py_version_tag::text), array_agg(l.abi_tag::text), array_agg(l.platform_tag::text)
            FROM (SELECT * FROM linked_wheels(p_package) l ORDER BY l.filename, l.version) AS l) AS l
    WHERE p.package = p_package;
END;
$sql$;
COMMENT ON FUNCTION get_project_data IS 'Everything for a package''s pages';
REVOKE ALL ON FUNCTION get_project_data FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_data TO {username};


CREATE FUNCTION get_project_versions(p_package text)
RETURNS TABLE (
    version text, released timestamptz, yanked boolean, skip text,
    abi_tags text[], platform_tags text[], states text[], build_ids integer[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        v.version, v.released AT TIME ZONE 'UTC', v.yanked, coalesce(nullif(v.skip, ''), p.skip),
        s.abi_tags, s.platform_tags, s.states, s.build_ids
    FROM packages p
        JOIN versions v ON v.package = p.package
        LEFT JOIN (
            SELECT
                s.version,
                array_agg(s.abi_tag::text ORDER BY s.platform_tag, s.abi_order, s.abi_tag) AS abi_tags,
                array_agg(s.platform_tag::text ORDER BY s.platform_tag, s.abi_order, s.abi_tag) AS platform_tags,
                array_agg(s.state ORDER BY s.platform_tag, s.abi_order, s.abi_tag) AS states,
                array_agg(s.build_id ORDER BY s.platform_tag, s.abi_order, s.abi_tag) AS build_ids
            FROM release_states(p_package) s GROUP BY s.version) AS s ON s.version = v.version
    WHERE p.package = p_package
    ORDER BY v.version;
$sql$;
COMMENT ON FUNCTION get_project_versions IS 'The versions of a package, and how each stands on each target';
REVOKE ALL ON FUNCTION get_project_versions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_versions TO {username};


CREATE FUNCTION get_project_files(p_package text)
RETURNS TABLE (
    version text, yanked boolean, filename text, filesize bigint, filehash text, builder_abi text, file_abi text,
    platform text, requires_python text, location text, built_at timestamptz,
    apt_dependencies text[], pip_dependencies text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        w.version, w.yanked, w.filename, w.filesize, w.filehash, w.builder_abi, w.abi_tag, w.platform_tag,
        w.requires_python, w.location, w.built_at, coalesce(n.apt, '{}'), coalesce(n.pip, '{}')
    FROM project_wheels(p_package) w
        CROSS JOIN LATERAL (
            SELECT
                array_agg(d.dependency::text ORDER BY d.dependency) FILTER (WHERE d.tool = 'apt') AS apt,
                array_agg(d.dependency::text ORDER BY d.dependency) FILTER (WHERE d.tool = 'pip') AS pip
            FROM dependencies d
                LEFT JOIN preinstalled_apt_packages i
                    ON d.tool = 'apt' AND i.abi_tag = w.builder_abi AND i.apt_package = d.dependency
            WHERE d.filename = w.filename AND i.abi_tag IS NULL) AS n
    ORDER BY w.filename;
$sql$;
COMMENT ON FUNCTION get_project_files IS 'The wheels of a package with all that its page shows of them';
REVOKE ALL ON FUNCTION get_project_files FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_files TO {username};


CREATE FUNCTION get_package_files(p_package text) RETURNS TABLE (filename varchar, filehash char)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT f.filename, f.filehash FROM builds b JOIN files f ON f.build_id = b.build_id
    WHERE b.package = p_package AND b.status;
$sql$;
COMMENT ON FUNCTION get_package_files IS 'File names and SHA-256 hashes of a package''s wheels';
REVOKE ALL ON FUNCTION get_package_files FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_package_files TO {username};


CREATE FUNCTION get_version_files(p_package text, p_version text) RETURNS TABLE (filename varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT f.filename FROM builds b JOIN files f ON f.build_id = b.build_id
    WHERE b.package = p_package AND b.version = p_version AND b.status
    ORDER BY f.filename;
$sql$;
COMMENT ON FUNCTION get_version_files IS 'Names of the files of one version';
REVOKE ALL ON FUNCTION get_version_files FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_version_files TO {username};


-- Whose entry in the search index has changed, and by which transaction: what lists changes since a mark finds them
-- here, and those of downloads that are still to be added up in download_changes. Kept for an hour or two.
CREATE TABLE search_changes (
    package varchar(255) COLLATE "C" NOT NULL,
    changed_by xid8 DEFAULT pg_current_xact_id() NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX search_changes_order ON search_changes (changed_by);
COMMENT ON TABLE search_changes IS 'Packages whose entry in the search index came, went or changed of late';
GRANT SELECT ON search_changes TO {username};

-- Changes before kept_from are forgotten; those before next_from will be, an hour after next_at
CREATE TABLE search_changes_kept (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    kept_from xid8 NOT NULL,
    next_from xid8 NOT NULL,
    next_at timestamptz NOT NULL
);
INSERT INTO search_changes_kept (kept_from, next_from, next_at) VALUES ('0', '0', now());
COMMENT ON TABLE search_changes_kept IS 'From which transaction on search_changes has all changes';
GRANT SELECT ON search_changes_kept TO {username};


-- A package that is about to be deleted is not found any more, so it counts as gone.
CREATE FUNCTION list_packages() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE package_downloads d SET listed = false FROM changed c WHERE d.package = c.package AND d.listed;
    ELSE
        INSERT INTO package_downloads AS d (package, recent, total, listed)
        SELECT c.package, 0, 0, true FROM changed c WHERE c.skip <> 'deleted' ORDER BY c.package
        ON CONFLICT (package) DO UPDATE SET listed = true;
    END IF;
    INSERT INTO search_changes (package) SELECT c.package FROM changed c;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION list_packages IS 'Trigger: packages come into the search index, and leave it';
REVOKE ALL ON FUNCTION list_packages FROM PUBLIC;

CREATE TRIGGER list_packages_insert AFTER INSERT ON packages REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION list_packages();
CREATE TRIGGER list_packages_delete AFTER DELETE ON packages REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION list_packages();


CREATE FUNCTION list_package() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    UPDATE package_downloads SET listed = new.skip <> 'deleted' WHERE package = new.package;
    INSERT INTO search_changes (package) VALUES (new.package);
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION list_package IS 'Trigger: a package marked as deleted leaves the search index, or comes back';
REVOKE ALL ON FUNCTION list_package FROM PUBLIC;

CREATE TRIGGER list_package AFTER UPDATE OF skip ON packages
    FOR EACH ROW WHEN ((old.skip = 'deleted') <> (new.skip = 'deleted')) EXECUTE FUNCTION list_package();


-- Called by fold_figures, one session at a time. By the snapshot's horizon, so that what is under way is kept.
CREATE FUNCTION forget_search_changes() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_kept search_changes_kept;
BEGIN
    SELECT * INTO v_kept FROM search_changes_kept;
    IF v_kept.next_at < now() - interval '1 hour' THEN
        DELETE FROM search_changes WHERE changed_by < v_kept.next_from;
        UPDATE search_changes_kept SET
            kept_from = v_kept.next_from, next_from = pg_snapshot_xmin(pg_current_snapshot()), next_at = now();
    END IF;
END;
$sql$;
COMMENT ON FUNCTION forget_search_changes IS 'Deletes the oldest changes of the search index, every hour';
REVOKE ALL ON FUNCTION forget_search_changes FROM PUBLIC;


-- A transaction's number says nothing after the table was restored, in another cluster, or when the server went down
-- and may have lost what it had not written yet; and the 30 days end with the day. The checkpointer is as old as what
-- the server has in memory.
CREATE FUNCTION search_mark_origin() RETURNS text
LANGUAGE sql STABLE
AS $sql$
    SELECT concat_ws(
        '.', to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'), (SELECT system_identifier FROM pg_control_system()),
        'search_changes'::regclass::oid,
        (SELECT extract(epoch FROM backend_start) FROM pg_stat_activity WHERE backend_type = 'checkpointer'));
$sql$;
COMMENT ON FUNCTION search_mark_origin IS 'What a mark must have in common with the present';
REVOKE ALL ON FUNCTION search_mark_origin FROM PUBLIC;


-- One row for all, which takes a fraction of the time of 740,000 rows: names parted by blanks, and arrays in their
-- order.
CREATE FUNCTION get_search_index() RETURNS TABLE (packages text, downloads_recent bigint[], downloads_all bigint[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = on SET jit = off
AS $sql$
    SELECT string_agg(e.package, ' '), array_agg(e.downloads_recent), array_agg(e.downloads_all)
    FROM search_entries e;
$sql$;
COMMENT ON FUNCTION get_search_index IS 'All packages with their downloads of 30 days, and in all';
REVOKE ALL ON FUNCTION get_search_index FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_search_index TO {username};


-- Written as get_search_index does. The mark is the oldest transaction that is still under way, so a change that
-- commits late is after it; what was told already may be told again. A mark that is unknown, or too old, is answered
-- with the whole index.
CREATE FUNCTION get_search_changes(p_since text)
RETURNS TABLE (
    mark text, complete boolean, packages text, downloads_recent bigint[], downloads_all bigint[], gone text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off SET jit = off
AS $sql$
#variable_conflict use_column
DECLARE
    v_origin text := search_mark_origin();
    v_mark text := v_origin || '/' || pg_snapshot_xmin(pg_current_snapshot());
    v_since xid8 := CASE
        WHEN p_since ~ '^[0-9.]+/[0-9]{1,19}$' AND split_part(p_since, '/', 1) = v_origin
        THEN split_part(p_since, '/', 2)::xid8 END;
BEGIN
    IF v_since > pg_snapshot_xmin(pg_current_snapshot())
        OR NOT EXISTS (SELECT FROM search_changes_kept k WHERE k.kept_from <= v_since) THEN
        RETURN QUERY
        SELECT v_mark, true, i.packages, i.downloads_recent, i.downloads_all, NULL FROM get_search_index() i;
        RETURN;
    END IF;

    RETURN QUERY
    WITH
        changed AS MATERIALIZED (
            SELECT c.package FROM search_changes c WHERE c.changed_by >= v_since
            UNION
            SELECT c.package FROM download_changes c WHERE c.changed_by >= v_since),
        told AS (
            SELECT
                c.package, d.package IS NULL AS gone, d.recent + coalesce(u.recent, 0) AS downloads_recent,
                d.total + coalesce(u.total, 0) AS downloads_all
            FROM changed c
                LEFT JOIN LATERAL (
                    SELECT d.* FROM package_downloads d WHERE d.package = c.package AND d.listed OFFSET 0) AS d ON true
                LEFT JOIN downloads_unfolded u ON u.package = c.package)
    SELECT v_mark, false,
        string_agg(t.package, ' ') FILTER (WHERE NOT t.gone),
        array_agg(t.downloads_recent) FILTER (WHERE NOT t.gone),
        array_agg(t.downloads_all) FILTER (WHERE NOT t.gone),
        string_agg(t.package, ' ') FILTER (WHERE t.gone)
    FROM told t;
END;
$sql$;
COMMENT ON FUNCTION get_search_changes IS
    'Whose entry in the search index came, went or changed since a mark, and the next mark';
REVOKE ALL ON FUNCTION get_search_changes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_search_changes TO {username};


-- What audits of the published folder ask, page by page: nobody waits for one, and it takes no snapshot of hours.
CREATE FUNCTION get_published_packages(p_after text, p_limit integer)
RETURNS TABLE (package varchar, aliases varchar[], owed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        p.package,
        ARRAY(SELECT n.name FROM package_names n WHERE n.package = p.package AND n.name <> n.package ORDER BY n.name),
        EXISTS (SELECT FROM rewrites_pending r WHERE r.package = p.package)
    FROM packages p
    WHERE p.package > p_after COLLATE "C" AND p.skip <> 'deleted'
    ORDER BY p.package LIMIT p_limit;
$sql$;
COMMENT ON FUNCTION get_published_packages IS
    'The next packages that have pages, with the other spellings of their names, and whether pages are owed';
REVOKE ALL ON FUNCTION get_published_packages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_published_packages TO {username};


CREATE FUNCTION find_published_packages(p_names text[])
RETURNS TABLE (package varchar, aliases varchar[], owed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        p.package,
        ARRAY(SELECT n.name FROM package_names n WHERE n.package = p.package AND n.name <> n.package ORDER BY n.name),
        EXISTS (SELECT FROM rewrites_pending r WHERE r.package = p.package)
    FROM packages p
    WHERE p.package IN (SELECT n.package FROM package_names n WHERE n.name = ANY (p_names)) AND p.skip <> 'deleted'
    ORDER BY p.package;
$sql$;
COMMENT ON FUNCTION find_published_packages IS 'As get_published_packages, those with one of these names in any spelling';
REVOKE ALL ON FUNCTION find_published_packages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_published_packages TO {username};


CREATE FUNCTION get_published_files(p_packages text[])
RETURNS TABLE (package varchar, filename varchar, filesize bigint, filehash char, location varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT b.package, f.filename, f.filesize, f.filehash, f.location
    FROM builds b JOIN files f ON f.build_id = b.build_id
    WHERE b.package = ANY (p_packages) AND b.status;
$sql$;
COMMENT ON FUNCTION get_published_files IS 'The wheels of several packages';
REVOKE ALL ON FUNCTION get_published_files FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_published_files TO {username};


-- A log is written after its build is recorded.
CREATE FUNCTION get_builds_with_logs(p_after bigint, p_limit integer) RETURNS TABLE (build_id bigint, recent boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT b.build_id, b.built_at > (now() AT TIME ZONE 'UTC') - interval '10 minutes' FROM builds b
    WHERE b.build_id > p_after
    ORDER BY b.build_id LIMIT p_limit;
$sql$;
COMMENT ON FUNCTION get_builds_with_logs IS 'The next builds, and whether they are so recent that their log may be on its way';
REVOKE ALL ON FUNCTION get_builds_with_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_builds_with_logs TO {username};
