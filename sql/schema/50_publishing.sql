-- What the pages show, and which pages are owed.

-- added_at is when it was first asked for. Each request takes a new revision, so whoever has written pages from data of
-- an earlier one has not answered it.
CREATE SEQUENCE rewrites_pending_revision;
CREATE TABLE rewrites_pending (
    package varchar(200) COLLATE "C" PRIMARY KEY REFERENCES packages ON DELETE CASCADE,
    added_at timestamp NOT NULL,
    command varchar(8) NOT NULL CHECK (command IN ('PROJECT', 'BOTH')),
    revision bigint DEFAULT nextval('rewrites_pending_revision') NOT NULL
);
CREATE INDEX rewrites_pending_order ON rewrites_pending (added_at);
COMMENT ON TABLE rewrites_pending IS 'Packages whose project page, or that and the simple index, are to be written';
GRANT SELECT ON rewrites_pending TO {username};


-- Called in the transaction that changes what the pages show: a kill at any moment leaves both or neither. PL/pgSQL keeps
-- the plan, where a function in SQL would be planned at each call.
CREATE FUNCTION owe_rewrite(p_package text, p_command text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO rewrites_pending AS r (package, added_at, command)
    SELECT p.package, now() AT TIME ZONE 'UTC', p_command FROM packages p WHERE p.package = p_package
    ON CONFLICT (package) DO UPDATE SET
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
END;
$sql$;
COMMENT ON FUNCTION owe_rewrite IS 'Enters that a package''s pages are to be written';
REVOKE ALL ON FUNCTION owe_rewrite FROM PUBLIC;


CREATE FUNCTION load_rewrites_pending() RETURNS TABLE (package varchar, added_at timestamptz, command varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT r.package, r.added_at AT TIME ZONE 'UTC', r.command FROM rewrites_pending r ORDER BY r.added_at, r.package;
$sql$;
COMMENT ON FUNCTION load_rewrites_pending IS 'The pages that are owed, the longest waiting first';
REVOKE ALL ON FUNCTION load_rewrites_pending FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_rewrites_pending TO {username};


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
        added_at = least(r.added_at, excluded.added_at),
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
$sql$;
COMMENT ON FUNCTION save_rewrites_pending IS 'Enters pages that are owed: BOTH wins over PROJECT, the earliest time stands';
REVOKE ALL ON FUNCTION save_rewrites_pending FROM PUBLIC;
GRANT EXECUTE ON FUNCTION save_rewrites_pending TO {username};


CREATE FUNCTION rewrite_done(p_package text, p_command text, p_revision bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    DELETE FROM rewrites_pending
    WHERE package = p_package AND revision <= p_revision AND command IN ('PROJECT', p_command);
$sql$;
COMMENT ON FUNCTION rewrite_done IS 'Strikes out what has been written, unless it was asked for again since';
REVOKE ALL ON FUNCTION rewrite_done FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rewrite_done TO {username};


-- A wheel that runs there is a success, whoever built it. Else a skipped package or version says so; else the last
-- attempt on that target counts: it failed, or it is recorded as good and none of its wheels is left or runs there.
-- Without an attempt a skipped target is skipped, and all others wait.
CREATE FUNCTION release_states(p_package text, p_version text DEFAULT NULL)
RETURNS TABLE (
    version varchar, abi_tag varchar, platform_tag varchar, abi_order integer, state text, build_id integer)
LANGUAGE sql STABLE
AS $sql$
    WITH
        attempts AS MATERIALIZED (
            SELECT b.* FROM builds b WHERE b.package = p_package AND (p_version IS NULL OR b.version = p_version)),
        last_attempts AS (
            SELECT DISTINCT ON (a.version, a.abi_tag, a.platform_tag) a.* FROM attempts a
            ORDER BY a.version, a.abi_tag, a.platform_tag, a.build_id DESC),
        covered AS (
            SELECT a.version, c.target_id, max(a.build_id) AS build_id
            FROM attempts a
                JOIN files f ON f.build_id = a.build_id
                JOIN wheel_tags w
                    ON w.py_version_tag = f.py_version_tag AND w.abi_tag = f.abi_tag
                    AND w.platform_tag = f.platform_tag
                CROSS JOIN unnest(w.target_ids) AS c (target_id)
            WHERE a.status
            GROUP BY a.version, c.target_id)
    SELECT
        v.version, t.abi_tag, t.platform_tag, t.abi_order,
        CASE
            WHEN c.build_id IS NOT NULL THEN 'SUCCESS'
            WHEN p.skip <> '' OR v.skip <> '' THEN 'SKIP'
            WHEN l.status THEN 'ERROR'
            WHEN NOT l.status THEN 'FAIL'
            WHEN t.skip <> '' THEN 'SKIP'
            ELSE 'PENDING'
        END,
        coalesce(c.build_id, l.build_id)
    FROM packages p
        JOIN versions v ON v.package = p.package
        CROSS JOIN targets t
        LEFT JOIN covered c ON c.version = v.version AND c.target_id = t.target_id
        LEFT JOIN last_attempts l
            ON l.version = v.version AND l.abi_tag = t.abi_tag AND l.platform_tag = t.platform_tag
    WHERE p.package = p_package AND (p_version IS NULL OR v.version = p_version);
$sql$;
COMMENT ON FUNCTION release_states IS 'How the releases of a package, or one, stand on each target';
REVOKE ALL ON FUNCTION release_states FROM PUBLIC;


-- Null for an unknown package. One statement, so that data and revision are of the same moment.
CREATE FUNCTION get_project_data(p_package text) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    WITH
        states AS (
            SELECT s.version, json_agg(json_build_object(
                    'abi', s.abi_tag, 'platform', s.platform_tag, 'state', s.state, 'build_id', s.build_id)
                    ORDER BY s.platform_tag, s.abi_order, s.abi_tag) AS targets
            FROM release_states(p_package) s GROUP BY s.version),
        wheels AS MATERIALIZED (
            SELECT b.version, b.abi_tag AS builder_abi, b.built_at, f.*
            FROM builds b JOIN files f ON f.build_id = b.build_id WHERE b.package = p_package AND b.status),
        needs AS (
            SELECT
                w.filename,
                json_agg(d.dependency ORDER BY d.dependency) FILTER (
                    WHERE d.tool = 'apt' AND NOT EXISTS (
                        SELECT FROM preinstalled_apt_packages i
                        WHERE i.abi_tag = w.builder_abi AND i.apt_package = d.dependency)) AS apt,
                json_agg(d.dependency ORDER BY d.dependency) FILTER (WHERE d.tool = 'pip') AS pip
            FROM wheels w JOIN dependencies d ON d.filename = w.filename GROUP BY w.filename),
        listed AS (
            SELECT w.version, json_agg(json_build_object(
                    'filename', w.filename,
                    'file_size', w.filesize,
                    'file_hash', w.filehash,
                    'builder_abi', w.builder_abi,
                    'file_abi_tag', w.abi_tag,
                    'platform_tag', w.platform_tag,
                    'requires_python', w.requires_python,
                    'location', w.location,
                    'built_at', w.built_at AT TIME ZONE 'UTC',
                    'apt_dependencies', coalesce(n.apt, '[]'),
                    'pip_dependencies', coalesce(n.pip, '[]')) ORDER BY w.filename) AS files
            FROM wheels w LEFT JOIN needs n ON n.filename = w.filename GROUP BY w.version)
    SELECT json_build_object(
        'display_name', coalesce(get_project_display_name(p.package), p.package),
        'description', p.description,
        'skip', p.skip,
        'aliases', coalesce((SELECT json_agg(a.name) FROM get_package_aliases(p.package) a), '[]'),
        'revision', coalesce((SELECT r.revision FROM rewrites_pending r WHERE r.package = p.package), 0),
        'versions', coalesce((
            SELECT json_agg(json_build_object(
                'version', v.version,
                'released', v.released AT TIME ZONE 'UTC',
                'yanked', v.yanked,
                'skip', coalesce(nullif(v.skip, ''), p.skip),
                'files', coalesce(l.files, '[]'),
                'targets', coalesce(s.targets, '[]')))
            FROM versions v
                LEFT JOIN listed l ON l.version = v.version
                LEFT JOIN states s ON s.version = v.version
            WHERE v.package = p.package), '[]'))
    FROM packages p WHERE p.package = p_package;
$sql$;
COMMENT ON FUNCTION get_project_data IS 'Everything for a package''s pages';
REVOKE ALL ON FUNCTION get_project_data FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_project_data TO {username};


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


-- Packages about to be deleted are not found any more.
CREATE FUNCTION get_search_index() RETURNS TABLE (package varchar, downloads_recent bigint, downloads_all bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM advance_download_window();
    RETURN QUERY
    SELECT p.package, coalesce(d.recent, 0), coalesce(d.total, 0)
    FROM packages p LEFT JOIN package_downloads d ON d.package = p.package
    WHERE p.skip <> 'deleted'
    ORDER BY p.package;
END;
$sql$;
COMMENT ON FUNCTION get_search_index IS 'Each package with its downloads of 30 days, and in all';
REVOKE ALL ON FUNCTION get_search_index FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_search_index TO {username};
