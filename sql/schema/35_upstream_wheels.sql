-- Upstream's own wheels, and what the farm does about them.
--
-- rebuild: nothing, all is built here. defer: a release is not built for a target that one of them runs on. link: so
-- too, and they are listed in the farm's index, with upstream's address and hash. The policy is the package's own, else
-- the farm's. What is known of upstream's files is read package by package by the follower of the index; a change of the
-- policy only enters whose turn that is (upstream_owed), and takes effect with the package's turn. Where the policy is
-- rebuild nothing is read and nothing kept: the same tables, empty, are what such a farm has.
--
-- A version of a package with another policy than rebuild is registered as skipped for the reason 'upstream not read yet',
-- so that nobody builds what is about to turn out needless; the package's turn lifts it.

CREATE TABLE upstream_policies (
    package varchar(200) COLLATE "C" PRIMARY KEY CHECK (package ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    policy varchar(7) NOT NULL CHECK (policy IN ('rebuild', 'defer', 'link'))
);
COMMENT ON TABLE upstream_policies IS 'Policies of single packages, known here or not; all others have the farm''s';
GRANT SELECT ON upstream_policies TO {username};

-- linked: listed in our own index. Size and time of upload are null where the index does not tell them. pythons: which
-- ones requires_python lets in, in the numbers of python_of(), 0 for one that is not known; null for all. The program
-- reads it (RequiredPython), since SQL cannot order by PEP 440
CREATE TABLE upstream_wheels (
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    filename varchar(255) COLLATE "C" NOT NULL CHECK (filename <> ''),
    url text NOT NULL CHECK (url ~ '^https?://'),
    filehash char(64) NOT NULL CHECK (length(filehash) = 64 AND filehash !~ '[^0-9a-f]'),
    filesize bigint CHECK (filesize >= 0),
    requires_python text,
    pythons int4multirange,
    yanked boolean NOT NULL,
    metadata boolean NOT NULL,
    uploaded timestamp,
    py_version_tag varchar(100) COLLATE "C" NOT NULL,
    abi_tag varchar(100) COLLATE "C" NOT NULL,
    platform_tag varchar(100) COLLATE "C" NOT NULL,
    linked boolean NOT NULL,
    PRIMARY KEY (package, version, filename),
    FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
COMMENT ON TABLE upstream_wheels IS 'Wheels that the index has itself, of packages whose policy is not to rebuild';
GRANT SELECT ON upstream_wheels TO {username};

-- As with pages that are owed: who has read a page for an earlier revision has not answered a later one.
CREATE SEQUENCE upstream_owed_revision;
CREATE TABLE upstream_owed (
    package varchar(200) COLLATE "C" PRIMARY KEY REFERENCES packages ON DELETE CASCADE,
    revision bigint DEFAULT nextval('upstream_owed_revision') NOT NULL
);
CREATE INDEX upstream_owed_order ON upstream_owed (revision);
COMMENT ON TABLE upstream_owed IS 'Packages whose files at the index are to be read, or forgotten, as the policy says';
GRANT SELECT ON upstream_owed TO {username};


CREATE FUNCTION upstream_policy(p_package text) RETURNS text
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(
        (SELECT u.policy FROM upstream_policies u WHERE u.package = p_package),
        (SELECT c.upstream_policy FROM configuration c));
$sql$;
COMMENT ON FUNCTION upstream_policy IS 'What is done about upstream''s wheels of a package';
REVOKE ALL ON FUNCTION upstream_policy FROM PUBLIC;


CREATE FUNCTION get_upstream_policies() RETURNS TABLE (package varchar, policy varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT NULL, c.upstream_policy FROM configuration c
    UNION ALL
    SELECT u.package, u.policy FROM upstream_policies u
    ORDER BY 1 NULLS FIRST;
$sql$;
COMMENT ON FUNCTION get_upstream_policies IS 'The farm''s policy, without a package, and those of single packages';
REVOKE ALL ON FUNCTION get_upstream_policies FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_upstream_policies TO {username};


-- In the order of their names, so that two who enter many wait for each other in one direction alone.
CREATE FUNCTION owe_upstream(p_packages text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    INSERT INTO upstream_owed AS o (package)
    SELECT p.package FROM packages p WHERE p.package = ANY (p_packages) ORDER BY p.package
    ON CONFLICT (package) DO UPDATE SET revision = excluded.revision;
$sql$;
COMMENT ON FUNCTION owe_upstream IS 'Enters packages whose files at the index are to be read; unknown ones are passed over';
REVOKE ALL ON FUNCTION owe_upstream FROM PUBLIC;
GRANT EXECUTE ON FUNCTION owe_upstream TO {username};


CREATE FUNCTION set_package_upstream_policy(p_package text, p_policy text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_before text;
BEGIN
    PERFORM lock_package(p_package);
    v_before := upstream_policy(p_package);
    IF p_policy IS NULL THEN
        DELETE FROM upstream_policies WHERE package = p_package;
    ELSE
        INSERT INTO upstream_policies AS u (package, policy) VALUES (p_package, p_policy)
        ON CONFLICT (package) DO UPDATE SET policy = excluded.policy WHERE u.policy <> excluded.policy;
    END IF;
    IF upstream_policy(p_package) = v_before THEN
        RETURN false;
    END IF;
    PERFORM owe_upstream(ARRAY[p_package]);
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION set_package_upstream_policy IS
    'Sets a package''s own policy; null: the farm''s. Answers whether that makes a difference';
REVOKE ALL ON FUNCTION set_package_upstream_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_package_upstream_policy TO {username};


-- Where nothing was looked at, all are to be; else those alone that have something upstream. What is on its way is owed
-- already, and finds the policy changed.
CREATE FUNCTION set_upstream_policy(p_policy text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_before text;
BEGIN
    SELECT c.upstream_policy INTO v_before FROM configuration c FOR NO KEY UPDATE;
    IF v_before = p_policy THEN
        RETURN false;
    END IF;
    UPDATE configuration SET upstream_policy = p_policy;
    INSERT INTO upstream_owed AS o (package)
    SELECT p.package FROM packages p
    WHERE NOT EXISTS (SELECT FROM upstream_policies u WHERE u.package = p.package)
        AND (v_before = 'rebuild' OR EXISTS (SELECT FROM upstream_wheels u WHERE u.package = p.package))
    ORDER BY p.package
    ON CONFLICT (package) DO UPDATE SET revision = excluded.revision;
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION set_upstream_policy IS 'Sets the policy of all packages without their own; false when it is that already';
REVOKE ALL ON FUNCTION set_upstream_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_upstream_policy TO {username};


CREATE FUNCTION get_upstream_owed(p_limit integer) RETURNS TABLE (package varchar, policy text, revision bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT o.package, upstream_policy(o.package), o.revision FROM upstream_owed o ORDER BY o.revision LIMIT p_limit;
$sql$;
COMMENT ON FUNCTION get_upstream_owed IS 'Whose files at the index are to be read, the longest waiting first';
REVOKE ALL ON FUNCTION get_upstream_owed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_upstream_owed TO {username};


CREATE FUNCTION count_upstream_owed() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT count(*) FROM upstream_owed;
$sql$;
COMMENT ON FUNCTION count_upstream_owed IS 'How many packages'' policies have not taken effect yet';
REVOKE ALL ON FUNCTION count_upstream_owed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_upstream_owed TO {username};


-- The arrays have one element a wheel. Without them, what was known of the package stays: its page could not be read. The
-- policy of this moment decides, not the one by which the page was asked for. Wheels of unknown versions are left out.
CREATE FUNCTION set_upstream_wheels(
    p_package text, p_revision bigint,
    p_versions text[], p_filenames text[], p_urls text[], p_filehashes text[], p_filesizes bigint[],
    p_requires_pythons text[], p_pythons int4multirange[], p_yanked boolean[], p_metadata boolean[],
    p_uploaded timestamptz[], p_py_version_tags text[], p_abi_tags text[], p_platform_tags text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
AS $sql$
DECLARE
    v_policy text;
    v_changed text[];
    v_marked text[];
BEGIN
    IF NOT lock_package(p_package) THEN
        RETURN;
    END IF;
    v_policy := upstream_policy(p_package);
    IF v_policy = 'rebuild' THEN
        WITH gone AS (DELETE FROM upstream_wheels u WHERE u.package = p_package RETURNING u.version)
        SELECT array_agg(DISTINCT g.version) INTO v_changed FROM gone g;
    ELSIF p_filenames IS NULL THEN
        WITH changed AS (
            UPDATE upstream_wheels u SET linked = NOT u.linked
            WHERE u.package = p_package AND u.linked <> (v_policy = 'link')
            RETURNING u.version)
        SELECT array_agg(DISTINCT c.version) INTO v_changed FROM changed c;
    ELSE
        PERFORM learn_wheel_tags(p_py_version_tags, p_abi_tags, p_platform_tags);
        WITH
            given AS MATERIALIZED (
                SELECT DISTINCT ON (v.version, n.filename)
                    p_package AS package, v.version, n.filename, n.url, n.filehash, n.filesize, n.requires_python,
                    n.pythons, n.yanked, n.metadata, n.uploaded AT TIME ZONE 'UTC' AS uploaded, n.py_version_tag, n.abi_tag,
                    n.platform_tag, v_policy = 'link' AS linked
                FROM unnest(
                    p_versions, p_filenames, p_urls, p_filehashes, p_filesizes, p_requires_pythons, p_pythons,
                    p_yanked, p_metadata, p_uploaded, p_py_version_tags, p_abi_tags, p_platform_tags)
                    AS n (
                        version, filename, url, filehash, filesize, requires_python, pythons, yanked, metadata,
                        uploaded, py_version_tag, abi_tag, platform_tag)
                    JOIN versions v ON v.package = p_package AND v.version = n.version),
            gone AS (
                DELETE FROM upstream_wheels u
                WHERE u.package = p_package
                    AND NOT EXISTS (SELECT FROM given g WHERE g.version = u.version AND g.filename = u.filename)
                RETURNING u.version),
            put AS (
                INSERT INTO upstream_wheels AS u (
                    package, version, filename, url, filehash, filesize, requires_python, pythons, yanked, metadata,
                    uploaded, py_version_tag, abi_tag, platform_tag, linked)
                SELECT * FROM given
                ON CONFLICT (package, version, filename) DO UPDATE SET
                    url = excluded.url, filehash = excluded.filehash, filesize = excluded.filesize,
                    requires_python = excluded.requires_python, pythons = excluded.pythons, yanked = excluded.yanked,
                    metadata = excluded.metadata, uploaded = excluded.uploaded,
                    py_version_tag = excluded.py_version_tag, abi_tag = excluded.abi_tag,
                    platform_tag = excluded.platform_tag, linked = excluded.linked
                WHERE u.* IS DISTINCT FROM excluded.*
                RETURNING u.version)
        SELECT array_agg(DISTINCT c.version) INTO v_changed
        FROM (SELECT g.version FROM gone g UNION ALL SELECT p.version FROM put p) AS c;
    END IF;

    WITH marked AS (
        UPDATE versions v SET
            upstream = EXISTS (SELECT FROM upstream_wheels u WHERE u.package = v.package AND u.version = v.version),
            skip = CASE v.skip WHEN 'upstream not read yet' THEN '' ELSE v.skip END
        WHERE v.package = p_package AND (
            v.skip = 'upstream not read yet'
            OR v.upstream <> EXISTS (
                SELECT FROM upstream_wheels u WHERE u.package = v.package AND u.version = v.version))
        RETURNING v.version)
    SELECT array_agg(m.version) INTO v_marked FROM marked m;
    PERFORM refresh_queue(p_package, c.version)
    FROM (SELECT unnest(v_changed) AS version UNION SELECT unnest(v_marked)) AS c;
    IF v_changed IS NOT NULL OR v_marked IS NOT NULL THEN
        PERFORM owe_rewrite(p_package, 'BOTH');
    END IF;
    DELETE FROM upstream_owed WHERE package = p_package AND revision <= p_revision;
END;
$sql$;
COMMENT ON FUNCTION set_upstream_wheels IS 'Has a package''s policy take effect, by what its page at the index says now';
REVOKE ALL ON FUNCTION set_upstream_wheels FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_upstream_wheels TO {username};
