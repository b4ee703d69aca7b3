-- The schema of 0.1.0, as that release made it, and a row of every kind, by its own functions (see OwnUpgradeTests).
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {username};
GRANT USAGE ON SCHEMA public TO {username};
CREATE TABLE configuration (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    version varchar(16) NOT NULL,
    pypi_serial bigint DEFAULT 0 NOT NULL CHECK (pypi_serial >= 0),
    armv6_alias boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE configuration IS 'One row: schema version, serial of the last event of the index, the armv6l setting';
GRANT SELECT ON configuration TO {username};
INSERT INTO configuration (version) VALUES ({version});
CREATE FUNCTION get_version() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT version FROM configuration;
$sql$;
COMMENT ON FUNCTION get_version IS 'The schema''s version; the master refuses any but its own';
REVOKE ALL ON FUNCTION get_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_version TO {username};
CREATE FUNCTION get_pypi_serial() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT pypi_serial FROM configuration;
$sql$;
COMMENT ON FUNCTION get_pypi_serial IS 'The serial of the last event of the index that has taken effect';
REVOKE ALL ON FUNCTION get_pypi_serial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_pypi_serial TO {username};
CREATE FUNCTION set_pypi_serial(p_serial bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    UPDATE configuration SET pypi_serial = p_serial WHERE pypi_serial <= p_serial;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the serial cannot go back from % to %', (SELECT pypi_serial FROM configuration), p_serial
            USING ERRCODE = 'check_violation';
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_pypi_serial IS 'Moves the serial on; going back is an error';
REVOKE ALL ON FUNCTION set_pypi_serial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_pypi_serial TO {username};
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
CREATE FUNCTION get_selection_status() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT json_build_object(
        'settled',
            NOT EXISTS (SELECT FROM selection WHERE state = 'NEW')
            AND NOT EXISTS (SELECT FROM get_unexamined_files())
            AND EXISTS (SELECT FROM targets WHERE skip = '')
            AND NOT EXISTS (SELECT FROM build_queue)
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
CREATE TABLE packages (
    package varchar(200) COLLATE "C" PRIMARY KEY CHECK (package ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    skip varchar(100) DEFAULT '' NOT NULL,
    description varchar(200) DEFAULT '' NOT NULL
);
COMMENT ON TABLE packages IS 'Projects by canonical name (PEP 503); skip says why one is not built';
GRANT SELECT ON packages TO {username};
CREATE TABLE package_names (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES packages ON DELETE CASCADE,
    name varchar(200) COLLATE "C" PRIMARY KEY,
    seen timestamp DEFAULT '1970-01-01' NOT NULL
);
CREATE INDEX package_names_package ON package_names (package);
COMMENT ON TABLE package_names IS 'All spellings of a name, the canonical one included; the latest seen is displayed';
GRANT SELECT ON package_names TO {username};
CREATE TABLE versions (
    package varchar(200) COLLATE "C" NOT NULL REFERENCES packages ON DELETE CASCADE,
    version varchar(200) COLLATE "C" NOT NULL CHECK (version <> ''),
    released timestamp DEFAULT '1970-01-01' NOT NULL,
    skip varchar(100) DEFAULT '' NOT NULL,
    yanked boolean DEFAULT false NOT NULL,
    priority smallint DEFAULT 2 NOT NULL CHECK (priority BETWEEN 0 AND 2),
    PRIMARY KEY (package, version)
);
COMMENT ON TABLE versions IS 'Releases as the index spells them; skip says why one is not built';
GRANT SELECT ON versions TO {username};
CREATE FUNCTION canonical_name(p_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT lower(regexp_replace(p_name, '[-_.]+', '-', 'g'));
$sql$;
COMMENT ON FUNCTION canonical_name IS 'PEP 503: lower case, runs of -, _ and . as one -';
REVOKE ALL ON FUNCTION canonical_name FROM PUBLIC;
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
CREATE FUNCTION add_new_package(p_package text, p_skip text, p_description text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    INSERT INTO packages (package, skip, description) VALUES (p_package, p_skip, p_description)
    ON CONFLICT (package) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO package_names (package, name) VALUES (p_package, p_package);
    PERFORM owe_rewrite(p_package, 'BOTH');
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_new_package IS 'Registers a package; false when it is known already';
REVOKE ALL ON FUNCTION add_new_package FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_package TO {username};
CREATE FUNCTION add_new_package_version(p_package text, p_version text, p_released timestamptz, p_skip text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_released timestamptz := coalesce(p_released, now());
BEGIN
    IF NOT lock_package(p_package) THEN
        RAISE EXCEPTION 'no such package: %', p_package USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO versions (package, version, released, skip, priority)
    VALUES (
        p_package, p_version, v_released AT TIME ZONE 'UTC', p_skip,
        CASE
            WHEN EXISTS (SELECT FROM selection s WHERE s.package = p_package AND s.version = p_version) THEN 0
            WHEN v_released > now() - interval '7 days' THEN 1
            ELSE 2
        END)
    ON CONFLICT (package, version) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM refresh_queue(p_package, p_version);
    PERFORM owe_rewrite(p_package, 'PROJECT');
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_new_package_version IS 'Registers a version; false when it is known already';
REVOKE ALL ON FUNCTION add_new_package_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_new_package_version TO {username};
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
CREATE FUNCTION skip_package(p_package text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    UPDATE packages SET skip = p_reason WHERE package = p_package AND skip <> p_reason;
    IF FOUND THEN
        PERFORM refresh_queue(p_package);
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
CREATE TABLE builds (
    build_id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    built_by integer NOT NULL CHECK (built_by >= 0),
    built_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL,
    duration interval NOT NULL,
    status boolean NOT NULL,
    abi_tag varchar(100) COLLATE "C" NOT NULL CHECK (abi_tag <> 'none'),
    platform_tag varchar(100) COLLATE "C" NOT NULL CHECK (platform_tag <> 'any'),
    examined boolean DEFAULT false NOT NULL,
    FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
CREATE INDEX builds_release ON builds (package, version);
COMMENT ON TABLE builds IS 'Attempts to build a release on a target; status says whether it succeeded';
GRANT SELECT ON builds TO {username};
CREATE TABLE files (
    filename varchar(255) COLLATE "C" PRIMARY KEY CHECK (filename <> ''),
    build_id integer NOT NULL REFERENCES builds ON DELETE CASCADE,
    filesize bigint NOT NULL CHECK (filesize >= 0),
    filehash char(64) NOT NULL CHECK (filehash ~ '^[0-9a-f]{64}$'),
    package_tag varchar(200) NOT NULL,
    package_version_tag varchar(200) NOT NULL,
    py_version_tag varchar(100) COLLATE "C" NOT NULL,
    abi_tag varchar(100) COLLATE "C" NOT NULL,
    platform_tag varchar(100) COLLATE "C" NOT NULL,
    requires_python varchar(200),
    location varchar(100) DEFAULT '/simple' NOT NULL,
    alias boolean DEFAULT false NOT NULL
);
CREATE INDEX files_build ON files (build_id);
COMMENT ON TABLE files IS 'The wheels of good builds';
GRANT SELECT ON files TO {username};
CREATE TABLE dependencies (
    filename varchar(255) COLLATE "C" NOT NULL REFERENCES files ON DELETE CASCADE,
    tool varchar(10) NOT NULL CHECK (tool IN ('apt', 'pip', '')),
    dependency varchar(255) COLLATE "C" NOT NULL,
    PRIMARY KEY (filename, tool, dependency)
);
COMMENT ON TABLE dependencies IS 'What a wheel needs: Debian packages, projects, and libraries that no package owns';
GRANT SELECT ON dependencies TO {username};
CREATE TABLE preinstalled_apt_packages (
    abi_tag varchar(100) COLLATE "C" NOT NULL,
    apt_package varchar(255) COLLATE "C" NOT NULL,
    PRIMARY KEY (abi_tag, apt_package)
);
COMMENT ON TABLE preinstalled_apt_packages IS 'Debian packages that every machine with this ABI has, so no page names them';
GRANT SELECT ON preinstalled_apt_packages TO {username};
CREATE FUNCTION log_build(
    p_package text, p_version text, p_built_by integer, p_duration interval, p_abi_tag text, p_platform_tag text,
    p_status boolean,
    p_filenames text[], p_filesizes bigint[], p_filehashes text[], p_package_tags text[],
    p_package_version_tags text[], p_py_version_tags text[], p_abi_tags text[], p_platform_tags text[],
    p_requires_pythons text[], p_locations text[],
    p_dependency_filenames text[], p_dependency_tools text[], p_dependencies text[])
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_target targets;
    v_build_id integer;
    v_version text;
    v_replaced text[];
BEGIN
    IF p_status AND cardinality(p_filenames) = 0 THEN
        RAISE EXCEPTION 'a successful build of % % without files', p_package, p_version
            USING ERRCODE = 'check_violation';
    END IF;
    PERFORM lock_package(p_package);
    IF NOT test_package_version(p_package, p_version) THEN
        RAISE EXCEPTION 'no such release: % %', p_package, p_version USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT * INTO v_target FROM targets t
    WHERE t.abi_tag = coalesce(p_abi_tag, t.abi_tag) AND t.platform_tag = coalesce(p_platform_tag, t.platform_tag)
    ORDER BY t.skip <> '', t.platform_tag <> ALL (p_platform_tags), t.abi_order, t.abi_tag, t.platform_tag
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing is built for % on % here', coalesce(p_abi_tag, 'any ABI'),
            coalesce(p_platform_tag, 'any platform') USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO builds (package, version, built_by, duration, status, abi_tag, platform_tag)
    VALUES (
        p_package, p_version, p_built_by, greatest(p_duration, interval '0'), p_status,
        v_target.abi_tag, v_target.platform_tag)
    RETURNING build_id INTO v_build_id;
    IF p_status THEN
        IF EXISTS (
            SELECT FROM files f JOIN builds b USING (build_id)
            WHERE f.filename = ANY (p_filenames) AND b.package <> p_package) THEN
            RAISE EXCEPTION 'a file of this build of % % is another package''s', p_package, p_version
                USING ERRCODE = 'unique_violation';
        END IF;
        WITH gone AS (DELETE FROM files WHERE filename = ANY (p_filenames) RETURNING build_id)
        SELECT array_agg(DISTINCT b.version) INTO v_replaced FROM gone JOIN builds b USING (build_id)
        WHERE b.version <> p_version;
        PERFORM learn_wheel_tags(p_py_version_tags, p_abi_tags, p_platform_tags);
        INSERT INTO files (
            filename, build_id, filesize, filehash, package_tag, package_version_tag, py_version_tag, abi_tag,
            platform_tag, requires_python, location, alias)
        SELECT
            n.filename, v_build_id, n.filesize, n.filehash, n.package_tag, n.package_version_tag, n.py_version_tag,
            n.abi_tag, n.platform_tag, n.requires_python, n.location,
            n.platform_tag = 'linux_armv6l' AND EXISTS (
                SELECT FROM unnest(p_filehashes, p_platform_tags) AS o (filehash, platform_tag)
                WHERE o.filehash = n.filehash AND o.platform_tag = 'linux_armv7l')
        FROM unnest(
            p_filenames, p_filesizes, p_filehashes, p_package_tags, p_package_version_tags, p_py_version_tags,
            p_abi_tags, p_platform_tags, p_requires_pythons, p_locations)
            AS n (
                filename, filesize, filehash, package_tag, package_version_tag, py_version_tag,
                abi_tag, platform_tag, requires_python, location);
        INSERT INTO dependencies (filename, tool, dependency)
        SELECT DISTINCT * FROM unnest(p_dependency_filenames, p_dependency_tools, p_dependencies);
    END IF;
    PERFORM refresh_queue(p_package, p_version);
    FOREACH v_version IN ARRAY coalesce(v_replaced, '{}') LOOP
        PERFORM refresh_queue(p_package, v_version);
    END LOOP;
    -- What is done is urgent no more: a target added next year finds it in the backlog
    UPDATE versions v SET priority = 2
    WHERE v.package = p_package AND v.version = p_version AND v.priority < 2
        AND NOT EXISTS (SELECT FROM build_queue q WHERE q.package = p_package AND q.version = p_version);
    PERFORM owe_rewrite(p_package, CASE WHEN p_status THEN 'BOTH' ELSE 'PROJECT' END);
    RETURN v_build_id;
END;
$sql$;
COMMENT ON FUNCTION log_build IS 'Records an attempt, its files and their dependencies; answers the build''s number';
REVOKE ALL ON FUNCTION log_build FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_build TO {username};
CREATE FUNCTION delete_build(p_package text, p_version text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM lock_package(p_package);
    DELETE FROM builds WHERE package = p_package AND version = p_version;
    IF FOUND THEN
        UPDATE versions SET priority = 0 WHERE package = p_package AND version = p_version;
        PERFORM refresh_queue(p_package, p_version);
        PERFORM owe_rewrite(p_package, 'BOTH');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION delete_build IS 'Removes all builds and files of a version, so that it is built again';
REVOKE ALL ON FUNCTION delete_build FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delete_build TO {username};
CREATE FUNCTION get_all_build_ids() RETURNS TABLE (build_id integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT b.build_id FROM builds b ORDER BY b.build_id;
$sql$;
COMMENT ON FUNCTION get_all_build_ids IS 'The numbers of all builds';
REVOKE ALL ON FUNCTION get_all_build_ids FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_all_build_ids TO {username};
CREATE FUNCTION python_of(p_tag text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT coalesce(substring(p_tag FROM '^[a-z]+([0-9])')::integer, 0) * 1000
        + coalesce(substring(p_tag FROM '^[a-z]+[0-9]([0-9]{1,3})')::integer, 0);
$sql$;
COMMENT ON FUNCTION python_of IS 'The Python version in a tag of PEP 425: 1000 times major, plus minor';
REVOKE ALL ON FUNCTION python_of FROM PUBLIC;
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
                WHEN abi = 'none' AND py ~ '^py[0-9]+$' THEN
                    python_of(py) / 1000 = python_of(p_abi_tag) / 1000 AND python_of(py) <= python_of(p_abi_tag)
                WHEN abi = 'none' THEN
                    python_of(py) = python_of(p_abi_tag) AND left(py, 2) = left(p_abi_tag, 2)
                WHEN abi = 'abi3' THEN
                    py ~ '^cp3[0-9]*$' AND p_abi_tag ~ '^cp3[0-9]+[a-su-z]*$' AND python_of(py) <= python_of(p_abi_tag)
                ELSE abi = p_abi_tag
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
CREATE FUNCTION build_queue_notify() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        NOTIFY piwheels_build_queue;
    END IF;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION build_queue_notify IS 'Trigger: tells that the queue has changed';
REVOKE ALL ON FUNCTION build_queue_notify FROM PUBLIC;
CREATE TRIGGER build_queue_notify_insert AFTER INSERT ON build_queue REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_notify();
CREATE TRIGGER build_queue_notify_update AFTER UPDATE ON build_queue REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_notify();
CREATE TRIGGER build_queue_notify_delete AFTER DELETE ON build_queue REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION build_queue_notify();
CREATE FUNCTION refresh_queue(p_package text, p_version text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF p_version IS NULL THEN
        PERFORM refresh_queue(v.package, v.version) FROM versions v WHERE v.package = p_package;
        RETURN;
    END IF;
    WITH
        wanted AS MATERIALIZED (
            SELECT * FROM releases_pending r WHERE r.package = p_package AND r.version = p_version),
        gone AS (
            DELETE FROM build_queue q
            WHERE q.package = p_package AND q.version = p_version
                AND q.target_id NOT IN (SELECT w.target_id FROM wanted w))
    INSERT INTO build_queue AS q (package, version, target_id, priority, released)
    SELECT w.package, w.version, w.target_id, w.priority, w.released FROM wanted w
    ON CONFLICT (package, version, target_id) DO UPDATE SET priority = excluded.priority, released = excluded.released
        WHERE (q.priority, q.released) <> (excluded.priority, excluded.released);
END;
$sql$;
COMMENT ON FUNCTION refresh_queue IS 'Brings the queue up to date with one release, or all of a package';
REVOKE ALL ON FUNCTION refresh_queue FROM PUBLIC;
CREATE FUNCTION lock_targets() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    LOCK TABLE targets IN EXCLUSIVE MODE;
END;
$sql$;
COMMENT ON FUNCTION lock_targets IS 'Keeps all others from changing targets and packages';
REVOKE ALL ON FUNCTION lock_targets FROM PUBLIC;
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
LANGUAGE sql
AS $sql$
    INSERT INTO wheel_tags (py_version_tag, abi_tag, platform_tag, target_ids)
    SELECT DISTINCT n.py, n.abi, n.platform, wheel_targets(n.py, n.abi, n.platform)
    FROM unnest(p_py_version_tags, p_abi_tags, p_platform_tags) AS n (py, abi, platform)
    WHERE NOT EXISTS (
        SELECT FROM wheel_tags w
        WHERE w.py_version_tag = n.py AND w.abi_tag = n.abi AND w.platform_tag = n.platform)
    ORDER BY n.py, n.abi, n.platform
    ON CONFLICT DO NOTHING;
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
CREATE FUNCTION owe_rewrite(p_package text, p_command text) RETURNS void
LANGUAGE sql
AS $sql$
    INSERT INTO rewrites_pending AS r (package, added_at, command)
    SELECT p.package, now() AT TIME ZONE 'UTC', p_command FROM packages p WHERE p.package = p_package
    ON CONFLICT (package) DO UPDATE SET
        command = CASE 'BOTH' WHEN excluded.command THEN 'BOTH' ELSE r.command END,
        revision = excluded.revision;
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
CREATE TABLE downloads (
    filename varchar(255) COLLATE "C" NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    arch varchar(100),
    distro_name varchar(100),
    distro_version varchar(100),
    os_name varchar(100),
    os_version varchar(100),
    py_name varchar(100),
    py_version varchar(100),
    installer_name varchar(20),
    installer_version varchar(100),
    setuptools_version varchar(100)
) PARTITION BY RANGE (accessed_at);
COMMENT ON TABLE downloads IS 'Wheels downloaded, with what the installer told of itself';
GRANT SELECT ON downloads TO {username};
CREATE TABLE searches (
    package varchar(200) COLLATE "C" NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    arch varchar(100),
    distro_name varchar(100),
    distro_version varchar(100),
    os_name varchar(100),
    os_version varchar(100),
    py_name varchar(100),
    py_version varchar(100),
    installer_name varchar(20),
    installer_version varchar(100),
    setuptools_version varchar(100)
) PARTITION BY RANGE (accessed_at);
COMMENT ON TABLE searches IS 'Packages looked up in the simple index by an installer';
GRANT SELECT ON searches TO {username};
CREATE TABLE project_page_hits (
    package varchar(200) COLLATE "C" NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000),
    bot boolean DEFAULT false NOT NULL
) PARTITION BY RANGE (accessed_at);
COMMENT ON TABLE project_page_hits IS 'Project pages read';
GRANT SELECT ON project_page_hits TO {username};
CREATE TABLE project_json_downloads (
    package varchar(200) COLLATE "C" NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000)
) PARTITION BY RANGE (accessed_at);
COMMENT ON TABLE project_json_downloads IS 'Project pages read in JSON form';
GRANT SELECT ON project_json_downloads TO {username};
CREATE TABLE web_page_hits (
    page varchar(30) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000),
    bot boolean DEFAULT false NOT NULL
) PARTITION BY RANGE (accessed_at);
COMMENT ON TABLE web_page_hits IS 'Other pages read';
GRANT SELECT ON web_page_hits TO {username};
CREATE FUNCTION try_inet(p_host text) RETURNS inet
LANGUAGE plpgsql IMMUTABLE
AS $sql$
BEGIN
    RETURN p_host::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION try_inet IS 'The address, or null when the text is none';
REVOKE ALL ON FUNCTION try_inet FROM PUBLIC;
CREATE FUNCTION plausible_access(p_host text, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE
AS $sql$
    SELECT p_at BETWEEN now() - interval '10 years' AND now() + interval '1 day' AND try_inet(p_host) IS NOT NULL;
$sql$;
COMMENT ON FUNCTION plausible_access IS 'Whether a hit has an address and a date that can be';
REVOKE ALL ON FUNCTION plausible_access FROM PUBLIC;
CREATE FUNCTION is_bot(p_user_agent text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT coalesce(p_user_agent ~* 'bot|crawl|spider|slurp|scrap|fetcher|https?://', false);
$sql$;
COMMENT ON FUNCTION is_bot IS 'Whether a user agent is a program that reads the whole web';
REVOKE ALL ON FUNCTION is_bot FROM PUBLIC;
CREATE FUNCTION make_months(p_table text, p_times timestamptz[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_month date;
    v_name text;
BEGIN
    FOR v_month IN
        SELECT DISTINCT date_trunc('month', t AT TIME ZONE 'UTC')::date FROM unnest(p_times) AS t ORDER BY 1
    LOOP
        v_name := p_table || to_char(v_month, '_YYYY_MM');
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtext('piwheels.make_months'));
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', v_name, p_table);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            p_table, v_name, v_month, (v_month + interval '1 month')::date);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION make_months IS 'Makes the partitions that hits of these times need';
REVOKE ALL ON FUNCTION make_months FROM PUBLIC;
CREATE FUNCTION log_downloads(
    p_filenames text[], p_hosts text[], p_times timestamptz[], p_archs text[], p_distro_names text[],
    p_distro_versions text[], p_os_names text[], p_os_versions text[], p_py_names text[], p_py_versions text[],
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.filename) BETWEEN 1 AND 255
        FROM unnest(p_filenames, p_hosts, p_times) WITH ORDINALITY AS n (filename, host, at, i) ORDER BY n.i);
BEGIN
    PERFORM make_months('downloads', array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
    INSERT INTO downloads
    SELECT
        n.filename, n.host::inet, n.at AT TIME ZONE 'UTC', left(n.arch, 100), left(n.distro_name, 100),
        left(n.distro_version, 100), left(n.os_name, 100), left(n.os_version, 100), left(n.py_name, 100),
        left(n.py_version, 100), left(n.installer_name, 20), left(n.installer_version, 100),
        left(n.setuptools_version, 100)
    FROM unnest(
        v_good, p_filenames, p_hosts, p_times, p_archs, p_distro_names, p_distro_versions, p_os_names, p_os_versions,
        p_py_names, p_py_versions, p_installer_names, p_installer_versions, p_setuptools_versions)
        AS n (
            good, filename, host, at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
            installer_name, installer_version, setuptools_version)
    WHERE n.good;
    PERFORM count_downloads(
        array(SELECT n.filename FROM unnest(p_filenames, v_good) AS n (filename, good) WHERE n.good),
        array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
END;
$sql$;
COMMENT ON FUNCTION log_downloads IS 'Records wheels downloaded';
REVOKE ALL ON FUNCTION log_downloads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_downloads TO {username};
CREATE FUNCTION log_searches(
    p_packages text[], p_hosts text[], p_times timestamptz[], p_archs text[], p_distro_names text[],
    p_distro_versions text[], p_os_names text[], p_os_versions text[], p_py_names text[], p_py_versions text[],
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    PERFORM make_months('searches', array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
    INSERT INTO searches
    SELECT
        n.package, n.host::inet, n.at AT TIME ZONE 'UTC', left(n.arch, 100), left(n.distro_name, 100),
        left(n.distro_version, 100), left(n.os_name, 100), left(n.os_version, 100), left(n.py_name, 100),
        left(n.py_version, 100), left(n.installer_name, 20), left(n.installer_version, 100),
        left(n.setuptools_version, 100)
    FROM unnest(
        v_good, p_packages, p_hosts, p_times, p_archs, p_distro_names, p_distro_versions, p_os_names, p_os_versions,
        p_py_names, p_py_versions, p_installer_names, p_installer_versions, p_setuptools_versions)
        AS n (
            good, package, host, at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
            installer_name, installer_version, setuptools_version)
    WHERE n.good;
END;
$sql$;
COMMENT ON FUNCTION log_searches IS 'Records packages looked up in the simple index';
REVOKE ALL ON FUNCTION log_searches FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_searches TO {username};
CREATE FUNCTION log_project_hits(p_packages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    PERFORM make_months(
        'project_page_hits', array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
    INSERT INTO project_page_hits
    SELECT n.package, n.host::inet, n.at AT TIME ZONE 'UTC', left(n.user_agent, 2000), is_bot(n.user_agent)
    FROM unnest(v_good, p_packages, p_hosts, p_times, p_user_agents) AS n (good, package, host, at, user_agent)
    WHERE n.good;
END;
$sql$;
COMMENT ON FUNCTION log_project_hits IS 'Records project pages read';
REVOKE ALL ON FUNCTION log_project_hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_project_hits TO {username};
CREATE FUNCTION log_json_downloads(p_packages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    PERFORM make_months(
        'project_json_downloads', array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
    INSERT INTO project_json_downloads
    SELECT n.package, n.host::inet, n.at AT TIME ZONE 'UTC', left(n.user_agent, 2000)
    FROM unnest(v_good, p_packages, p_hosts, p_times, p_user_agents) AS n (good, package, host, at, user_agent)
    WHERE n.good;
END;
$sql$;
COMMENT ON FUNCTION log_json_downloads IS 'Records project pages read in JSON form';
REVOKE ALL ON FUNCTION log_json_downloads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_json_downloads TO {username};
CREATE FUNCTION log_page_hits(p_pages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.page) BETWEEN 1 AND 30
        FROM unnest(p_pages, p_hosts, p_times) WITH ORDINALITY AS n (page, host, at, i) ORDER BY n.i);
BEGIN
    PERFORM make_months(
        'web_page_hits', array(SELECT n.at FROM unnest(p_times, v_good) AS n (at, good) WHERE n.good));
    INSERT INTO web_page_hits
    SELECT n.page, n.host::inet, n.at AT TIME ZONE 'UTC', left(n.user_agent, 2000), is_bot(n.user_agent)
    FROM unnest(v_good, p_pages, p_hosts, p_times, p_user_agents) AS n (good, page, host, at, user_agent)
    WHERE n.good;
END;
$sql$;
COMMENT ON FUNCTION log_page_hits IS 'Records other pages read';
REVOKE ALL ON FUNCTION log_page_hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_page_hits TO {username};
CREATE TABLE counters (
    counter varchar(120) COLLATE "C" NOT NULL,
    period varchar(6) NOT NULL CHECK (period IN ('total', 'day', 'minute')),
    at timestamp NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (counter, period, at)
);
COMMENT ON TABLE counters IS 'Figures in all, by day and by minute; counter_changes is still to be added';
GRANT SELECT ON counters TO {username};
CREATE TABLE counter_changes (
    counter varchar(120) COLLATE "C" NOT NULL,
    period varchar(6) NOT NULL,
    at timestamp NOT NULL,
    amount bigint NOT NULL
);
COMMENT ON TABLE counter_changes IS 'Changes of counters that have not been added up yet';
GRANT SELECT ON counter_changes TO {username};
CREATE VIEW counter_values AS
SELECT counter, period, at, amount FROM counters
UNION ALL
SELECT counter, period, at, amount FROM counter_changes;
COMMENT ON VIEW counter_values IS 'Counters and their changes: to be summed up';
GRANT SELECT ON counter_values TO {username};
CREATE TABLE package_downloads (
    package varchar(255) COLLATE "C" PRIMARY KEY,
    recent bigint NOT NULL,
    total bigint NOT NULL
);
COMMENT ON TABLE package_downloads IS 'Downloads by project, of the last 30 days and in all; outlives the package';
GRANT SELECT ON package_downloads TO {username};
CREATE TABLE package_downloads_daily (
    day date NOT NULL,
    package varchar(255) COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (day, package)
);
COMMENT ON TABLE package_downloads_daily IS 'Downloads by project and day';
GRANT SELECT ON package_downloads_daily TO {username};
CREATE TABLE download_window (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    last_day date NOT NULL
);
INSERT INTO download_window (last_day) VALUES ((now() AT TIME ZONE 'UTC')::date);
COMMENT ON TABLE download_window IS 'The last of the 30 days that package_downloads.recent sums up';
GRANT SELECT ON download_window TO {username};
CREATE FUNCTION count_change(p_counter text, p_amount bigint) RETURNS void
LANGUAGE sql
AS $sql$
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT p_counter, 'total', '1970-01-01', p_amount WHERE p_amount <> 0;
$sql$;
COMMENT ON FUNCTION count_change IS 'Changes a total';
REVOKE ALL ON FUNCTION count_change FROM PUBLIC;
CREATE FUNCTION count_minute(p_counter text, p_at timestamp, p_amount bigint) RETURNS void
LANGUAGE sql
AS $sql$
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT p_counter, 'minute', date_trunc('minute', p_at), p_amount
    WHERE p_at > (now() AT TIME ZONE 'UTC') - interval '1 hour';
$sql$;
COMMENT ON FUNCTION count_minute IS 'Counts what happened at a time within the last hour';
REVOKE ALL ON FUNCTION count_minute FROM PUBLIC;
CREATE FUNCTION counter_total(p_counter text) RETURNS bigint
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(sum(amount), 0)::bigint FROM counter_values WHERE counter = p_counter AND period = 'total';
$sql$;
COMMENT ON FUNCTION counter_total IS 'A counter''s total';
REVOKE ALL ON FUNCTION counter_total FROM PUBLIC;
CREATE FUNCTION counter_last_hour(p_counter text) RETURNS bigint
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(sum(amount), 0)::bigint FROM counter_values
    WHERE counter = p_counter AND period = 'minute'
        AND at BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 hour' AND now() AT TIME ZONE 'UTC';
$sql$;
COMMENT ON FUNCTION counter_last_hour IS 'A counter''s last hour, by whole minutes';
REVOKE ALL ON FUNCTION counter_last_hour FROM PUBLIC;
CREATE FUNCTION fold_counters() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('piwheels.fold_counters')) THEN
        RETURN;
    END IF;
    WITH folded AS (DELETE FROM counter_changes RETURNING *)
    INSERT INTO counters AS c (counter, period, at, amount)
    SELECT f.counter, f.period, f.at, sum(f.amount) FROM folded f GROUP BY f.counter, f.period, f.at
    ON CONFLICT (counter, period, at) DO UPDATE SET amount = c.amount + excluded.amount;
    DELETE FROM counters WHERE period = 'minute' AND at < (now() AT TIME ZONE 'UTC') - interval '2 hours';
END;
$sql$;
COMMENT ON FUNCTION fold_counters IS 'Adds up what has changed since the last time';
REVOKE ALL ON FUNCTION fold_counters FROM PUBLIC;
CREATE FUNCTION count_versions() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM count_minute('versions', v.released, 1) FROM added v;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_versions IS 'Trigger: counts releases of the last hour';
REVOKE ALL ON FUNCTION count_versions FROM PUBLIC;
CREATE TRIGGER count_versions AFTER INSERT ON versions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_versions();
CREATE FUNCTION count_builds_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM count_change('builds_time', build_microseconds(sum(a.duration))) FROM added a
    WHERE a.duration <= interval '7 days';
    PERFORM count_change('packages_built', count(*)) FROM (
        SELECT a.package FROM added a WHERE a.status GROUP BY a.package
        HAVING NOT EXISTS (
            SELECT FROM builds b WHERE b.package = a.package AND b.status
                AND b.build_id NOT IN (SELECT n.build_id FROM added n))) AS first_built;
    PERFORM count_minute('builds:' || a.abi_tag, a.built_at, 1) FROM added a;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_builds_added IS 'Trigger: counts builds';
REVOKE ALL ON FUNCTION count_builds_added FROM PUBLIC;
CREATE TRIGGER count_builds_added AFTER INSERT ON builds REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_builds_added();
CREATE FUNCTION count_builds_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM count_change('builds_time', -build_microseconds(sum(g.duration))) FROM gone g
    WHERE g.duration <= interval '7 days';
    PERFORM count_change('packages_built', -count(*)) FROM (
        SELECT g.package FROM gone g WHERE g.status GROUP BY g.package
        HAVING NOT EXISTS (SELECT FROM builds b WHERE b.package = g.package AND b.status)) AS last_built;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_builds_deleted IS 'Trigger: takes deleted builds off the totals';
REVOKE ALL ON FUNCTION count_builds_deleted FROM PUBLIC;
CREATE TRIGGER count_builds_deleted AFTER DELETE ON builds REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_builds_deleted();
CREATE FUNCTION build_microseconds(p_duration interval) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $sql$
    SELECT coalesce((extract(epoch FROM p_duration) * 1000000)::bigint, 0);
$sql$;
COMMENT ON FUNCTION build_microseconds IS 'A duration as a whole number; nothing is 0';
REVOKE ALL ON FUNCTION build_microseconds FROM PUBLIC;
CREATE FUNCTION count_files_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM
        count_change('files', count(*)),
        count_change('builds_size', coalesce(sum(a.filesize) FILTER (WHERE NOT a.alias), 0)::bigint)
    FROM added a;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_files_added IS 'Trigger: counts wheels and their size; an alias takes no space';
REVOKE ALL ON FUNCTION count_files_added FROM PUBLIC;
CREATE TRIGGER count_files_added AFTER INSERT ON files REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_files_added();
CREATE FUNCTION count_files_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM
        count_change('files', -count(*)),
        count_change('builds_size', -coalesce(sum(g.filesize) FILTER (WHERE NOT g.alias), 0)::bigint)
    FROM gone g;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_files_deleted IS 'Trigger: takes deleted wheels off the totals';
REVOKE ALL ON FUNCTION count_files_deleted FROM PUBLIC;
CREATE TRIGGER count_files_deleted AFTER DELETE ON files REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_files_deleted();
CREATE FUNCTION count_queue_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM count_change('waiting:' || a.target_id, count(*)) FROM added a GROUP BY a.target_id;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_queue_added IS 'Trigger: counts what waits for each target';
REVOKE ALL ON FUNCTION count_queue_added FROM PUBLIC;
CREATE TRIGGER count_queue_added AFTER INSERT ON build_queue REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_queue_added();
CREATE FUNCTION count_queue_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM count_change('waiting:' || g.target_id, -count(*)) FROM gone g GROUP BY g.target_id;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_queue_deleted IS 'Trigger: counts what waits for each target';
REVOKE ALL ON FUNCTION count_queue_deleted FROM PUBLIC;
CREATE TRIGGER count_queue_deleted AFTER DELETE ON build_queue REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_queue_deleted();
CREATE FUNCTION advance_download_window() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_last_day date;
BEGIN
    IF (SELECT last_day FROM download_window) >= v_today THEN
        RETURN;
    END IF;
    SELECT last_day INTO v_last_day FROM download_window FOR UPDATE;
    IF v_last_day >= v_today THEN
        RETURN;
    END IF;
    UPDATE package_downloads p SET recent = p.recent - d.amount
    FROM (
        SELECT package, sum(amount) AS amount FROM package_downloads_daily
        WHERE day > v_last_day - 30 AND day <= v_today - 30 GROUP BY package) AS d
    WHERE d.package = p.package;
    UPDATE download_window SET last_day = v_today;
END;
$sql$;
COMMENT ON FUNCTION advance_download_window IS 'Moves the 30 days of package_downloads.recent on to today';
REVOKE ALL ON FUNCTION advance_download_window FROM PUBLIC;
CREATE FUNCTION count_downloads(p_filenames text[], p_times timestamptz[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_last_day date;
BEGIN
    PERFORM advance_download_window();
    SELECT last_day INTO v_last_day FROM download_window FOR SHARE;
    INSERT INTO package_downloads_daily AS d (day, package, amount)
    SELECT (n.at AT TIME ZONE 'UTC')::date, canonical_name(split_part(n.filename, '-', 1)), count(*)
    FROM unnest(p_filenames, p_times) AS n (filename, at)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (day, package) DO UPDATE SET amount = d.amount + excluded.amount;
    INSERT INTO package_downloads AS p (package, recent, total)
    SELECT
        canonical_name(split_part(n.filename, '-', 1)),
        count(*) FILTER (WHERE (n.at AT TIME ZONE 'UTC')::date > v_last_day - 30),
        count(*)
    FROM unnest(p_filenames, p_times) AS n (filename, at)
    GROUP BY 1 ORDER BY 1
    ON CONFLICT (package) DO UPDATE SET recent = p.recent + excluded.recent, total = p.total + excluded.total;
    PERFORM count_change('downloads', cardinality(p_filenames));
    PERFORM count_minute('downloads', t.at, count(*)) FROM (
        SELECT date_trunc('minute', n AT TIME ZONE 'UTC') AS at FROM unnest(p_times) AS n) AS t GROUP BY t.at;
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'downloads', 'day', date_trunc('day', n AT TIME ZONE 'UTC') AS day, count(*)
    FROM unnest(p_times) AS n GROUP BY day;
END;
$sql$;
COMMENT ON FUNCTION count_downloads IS 'Adds downloads to the roll-ups';
REVOKE ALL ON FUNCTION count_downloads FROM PUBLIC;
CREATE FUNCTION get_statistics()
RETURNS TABLE (
    packages_built bigint, files_count bigint, builds_time interval, builds_size bigint, new_last_hour bigint,
    downloads_last_hour bigint, downloads_last_month bigint, downloads_all bigint,
    abi_tags text[], builds_last_hour bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM fold_counters();
    RETURN QUERY
    SELECT
        counter_total('packages_built'),
        counter_total('files'),
        counter_total('builds_time') * interval '1 microsecond',
        counter_total('builds_size'),
        counter_last_hour('versions'),
        counter_last_hour('downloads'),
        (SELECT coalesce(sum(c.amount), 0)::bigint FROM counter_values c
            WHERE c.counter = 'downloads' AND c.period = 'day'
                AND c.at > date_trunc('day', now() AT TIME ZONE 'UTC') - interval '30 days'),
        counter_total('downloads'),
        coalesce(array_agg(a.abi_tag::text ORDER BY a.abi_tag), '{}'),
        coalesce(array_agg(counter_last_hour('builds:' || a.abi_tag) ORDER BY a.abi_tag), '{}')
    FROM get_build_abis(true) a;
END;
$sql$;
COMMENT ON FUNCTION get_statistics IS 'The farm''s figures';
REVOKE ALL ON FUNCTION get_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_statistics TO {username};
-- The rows
SELECT set_pypi_serial(12345);
SELECT set_armv6_alias(true);
SELECT add_new_package('foo', '', 'A thing''s description; with "quotes"'), add_new_package('bar-baz', '', ''),
  add_new_package('skipped', 'not for us', ''), add_new_package('gone', 'deleted', ''), add_new_package('pure', '', ''),
  add_new_package('failing', '', '');
SELECT add_package_name('bar-baz', 'Bar_Baz', '2020-02-02 02:02:02Z'), add_package_name('bar-baz', 'bar.baz', '2019-01-01Z');
SELECT add_new_package_version('foo', '1.0', '2015-01-01Z', ''), add_new_package_version('foo', '2.0', '2016-01-01Z', ''),
  add_new_package_version('foo', '2.1', '2017-01-01Z', 'binary only'), add_new_package_version('bar-baz', '0.1-odd+local', '2018-01-01Z', ''),
  add_new_package_version('pure', '10', '2019-01-01Z', ''), add_new_package_version('skipped', '1', '2019-01-02Z', ''),
  add_new_package_version('failing', '1', '2019-01-03Z', ''), add_new_package_version('failing', '2', '2019-01-04Z', '');
SELECT yank_version('foo', '1.0');
SELECT add_target('cp39', 'linux_armv7l'), add_target('cp311', 'linux_armv7l'), add_target('cp311', 'linux_x86_64'), add_target('cp37', 'linux_armv7l');
SELECT skip_target('cp37', 'linux_armv7l', 'too old');
SELECT set_selection('{foo,pure}', '{foo,"pure>=1"}');
SELECT update_selection('foo', 'foo', true, 'RESOLVED', '2.0', ''), update_selection('pure', 'pure>=1', true, 'RESOLVED', '10', '');
SELECT log_build('foo', '1.0', 1, '00:01:02.5', 'cp39', 'linux_armv7l', true,
  '{foo-1.0-cp39-cp39-linux_armv7l.whl,foo-1.0-cp39-cp39-linux_armv6l.whl}', '{100,100}', array[repeat('a',64),repeat('a',64)],
  '{foo,foo}', '{1.0,1.0}', '{cp39,cp39}', '{cp39,cp39}', '{linux_armv7l,linux_armv6l}', '{>=3.9,>=3.9}', '{/simple,/simple}',
  '{foo-1.0-cp39-cp39-linux_armv7l.whl,foo-1.0-cp39-cp39-linux_armv7l.whl}', '{apt,pip}', '{libfoo1,bar-baz}');
SELECT log_build('pure', '10', 2, '00:00:05', 'cp39', 'linux_armv7l', true,
  '{pure-10-py3-none-any.whl}', '{200}', array[repeat('b',64)], '{pure}', '{10}', '{py3}', '{none}', '{any}', array[null::text], '{/simple}',
  '{}', '{}', '{}');
SELECT log_build('failing', '1', 2, '10 days', 'cp39', 'linux_armv7l', false, '{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}');
SELECT log_build('failing', '1', 2, '00:00:01', 'cp311', 'linux_x86_64', false, '{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}');
SELECT set_examined(2);
INSERT INTO preinstalled_apt_packages VALUES ('cp39', 'libc6'), ('cp39', 'zlib1g');
SELECT get_statistics();
SELECT log_downloads('{foo-1.0-cp39-cp39-linux_armv7l.whl,unknown-3-py3-none-any.whl,foo-1.0-cp39-cp39-linux_armv7l.whl}', '{192.0.2.1,2001:db8::1,192.0.2.1}',
  array[now() - interval '100 days', now() - interval '10 days', now()], '{armv7l,x86_64,armv7l}', '{Raspbian,Debian,Raspbian}', '{11,12,11}', '{Linux,Linux,Linux}', '{6.1,6.2,6.1}', '{CPython,CPython,CPython}', '{3.9,3.11,3.9}', '{pip,uv,pip}', '{23,0.5,23}', '{65,null,65}');
SELECT log_searches('{foo,nothing}', '{192.0.2.1,192.0.2.2}', '{2024-01-31T23:59:59Z,2024-02-01T00:00:00Z}', '{armv7l,null}', '{null,null}','{null,null}','{null,null}','{null,null}','{null,null}','{null,null}','{null,null}','{null,null}','{null,null}');
SELECT log_project_hits('{foo}', '{192.0.2.1}', '{2024-01-31T23:59:59Z}', '{Mozilla}');
SELECT log_json_downloads('{foo}', '{192.0.2.1}', '{2024-01-31T23:59:59Z}', '{curl}');
SELECT log_page_hits('{faq}', '{192.0.2.1}', '{2024-01-31T23:59:59Z}', '{some bot}');
