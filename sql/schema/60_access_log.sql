-- What the web server's log tells: wheels downloaded, packages looked up, pages read. One row a hit, in a partition a
-- month, which can be dropped by age: nothing but the roll-ups (70_statistics.sql) is ever asked for totals.

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


-- A log may be years old when it is read in; a date before that or in the future is a broken clock or a bad line.
CREATE FUNCTION is_plausible(p_name text, p_length_max integer, p_host inet, p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE
AS $sql$
    SELECT length(p_name) BETWEEN 1 AND p_length_max AND p_host IS NOT NULL
        AND p_at BETWEEN now() - interval '10 years' AND now() + interval '1 day';
$sql$;
COMMENT ON FUNCTION is_plausible IS 'Whether a hit has a name that fits, an address, and a date that can be';
REVOKE ALL ON FUNCTION is_plausible FROM PUBLIC;


CREATE FUNCTION plausible_months(p_times timestamptz[]) RETURNS timestamptz[]
LANGUAGE plpgsql STABLE
AS $sql$
BEGIN
    RETURN array(
        SELECT DISTINCT date_trunc('month', t, 'UTC') FROM unnest(p_times) AS t WHERE is_plausible('x', 1, '::', t));
END;
$sql$;
COMMENT ON FUNCTION plausible_months IS 'The months of these times, but of those that cannot be';
REVOKE ALL ON FUNCTION plausible_months FROM PUBLIC;


CREATE FUNCTION plausible_hits(p_names text[], p_length_max integer, p_hosts inet[], p_times timestamptz[])
RETURNS integer
LANGUAGE sql STABLE
AS $sql$
    SELECT count(*)::integer FROM unnest(p_names, p_hosts, p_times) AS n (name, host, at)
    WHERE is_plausible(n.name, p_length_max, n.host, n.at);
$sql$;
COMMENT ON FUNCTION plausible_hits IS 'How many of these hits are recorded';
REVOKE ALL ON FUNCTION plausible_hits FROM PUBLIC;


CREATE FUNCTION is_bot(p_user_agent text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT coalesce(p_user_agent ~* 'bot|crawl|spider|slurp|scrap|fetcher|https?://', false);
$sql$;
COMMENT ON FUNCTION is_bot IS 'Whether a user agent is a program that reads the whole web';
REVOKE ALL ON FUNCTION is_bot FROM PUBLIC;


-- A month is made beside the table and attached, which stops no reader or writer. The lock keeps the months that are
-- there from being dropped before the caller has written into them.
CREATE FUNCTION make_months(p_table text, p_times timestamptz[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_month date;
    v_name text;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %I IN ROW EXCLUSIVE MODE', p_table);
    FOR v_month IN
        SELECT DISTINCT date_trunc('month', t AT TIME ZONE 'UTC')::date FROM unnest(p_times) AS t ORDER BY 1
    LOOP
        v_name := p_table || to_char(v_month, '_YYYY_MM');
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtext('piwheels.make_months'));
        -- Not by to_regclass: it may remember that there was none before the lock
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_class c WHERE c.relname = v_name AND c.relnamespace = 'public'::regnamespace);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', v_name, p_table);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            p_table, v_name, v_month, (v_month + interval '1 month')::date);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION make_months IS 'Makes the partitions that hits of these times need';
REVOKE ALL ON FUNCTION make_months FROM PUBLIC;


-- A hit without a usable name, address or date is left out, and all others of its batch are recorded; what tells of the
-- installer is cut to the width of its column. A request that was recorded before is left alone, and answered as it was
-- then. The same holds for all kinds of hits.
CREATE FUNCTION log_downloads(
    p_filenames text[], p_hosts inet[], p_times timestamptz[], p_archs text[], p_distro_names text[],
    p_distro_versions text[], p_os_names text[], p_os_versions text[], p_py_names text[], p_py_versions text[],
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[], p_request uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_filenames text[];
    v_times timestamp[];
    v_pythons text[];
    v_machines text[];
BEGIN
    IF NOT claim_request(p_request, 'log_downloads') THEN
        RETURN plausible_hits(p_filenames, 255, p_hosts, p_times);
    END IF;
    PERFORM make_months('downloads', plausible_months(p_times));
    WITH recorded AS (
        INSERT INTO downloads
        SELECT
            n.filename, n.host, n.at AT TIME ZONE 'UTC', n.arch::varchar(100), n.distro_name::varchar(100),
            n.distro_version::varchar(100), n.os_name::varchar(100), n.os_version::varchar(100),
            n.py_name::varchar(100), n.py_version::varchar(100), n.installer_name::varchar(20),
            n.installer_version::varchar(100), n.setuptools_version::varchar(100)
        FROM unnest(
            p_filenames, p_hosts, p_times, p_archs, p_distro_names, p_distro_versions, p_os_names, p_os_versions,
            p_py_names, p_py_versions, p_installer_names, p_installer_versions, p_setuptools_versions)
            AS n (
                filename, host, at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
                installer_name, installer_version, setuptools_version)
        WHERE is_plausible(n.filename, 255, n.host, n.at)
        RETURNING filename, accessed_at, py_version, arch)
    SELECT
        coalesce(array_agg(r.filename::text), '{}'), array_agg(r.accessed_at), array_agg(r.py_version::text),
        array_agg(r.arch::text)
    INTO v_filenames, v_times, v_pythons, v_machines
    FROM recorded r;
    PERFORM count_downloads(v_filenames, v_times, v_pythons, v_machines);
    RETURN cardinality(v_filenames);
END;
$sql$;
COMMENT ON FUNCTION log_downloads IS 'Records wheels downloaded; answers how many it took';
REVOKE ALL ON FUNCTION log_downloads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_downloads TO {username};


CREATE FUNCTION log_download(
    p_filename text, p_host inet, p_at timestamptz, p_arch text, p_distro_name text, p_distro_version text,
    p_os_name text, p_os_version text, p_py_name text, p_py_version text, p_installer_name text,
    p_installer_version text, p_setuptools_version text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT 1 = log_downloads(
        ARRAY[p_filename], ARRAY[p_host], ARRAY[p_at], ARRAY[p_arch], ARRAY[p_distro_name], ARRAY[p_distro_version],
        ARRAY[p_os_name], ARRAY[p_os_version], ARRAY[p_py_name], ARRAY[p_py_version], ARRAY[p_installer_name],
        ARRAY[p_installer_version], ARRAY[p_setuptools_version], p_request);
$sql$;
COMMENT ON FUNCTION log_download IS 'Records a wheel downloaded; false when it cannot be';
REVOKE ALL ON FUNCTION log_download FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_download TO {username};


CREATE FUNCTION log_searches(
    p_packages text[], p_hosts inet[], p_times timestamptz[], p_archs text[], p_distro_names text[],
    p_distro_versions text[], p_os_names text[], p_os_versions text[], p_py_names text[], p_py_versions text[],
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[], p_request uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_recorded integer;
BEGIN
    IF NOT claim_request(p_request, 'log_searches') THEN
        RETURN plausible_hits(p_packages, 200, p_hosts, p_times);
    END IF;
    PERFORM make_months('searches', plausible_months(p_times));
    INSERT INTO searches
    SELECT
        n.package, n.host, n.at AT TIME ZONE 'UTC', n.arch::varchar(100), n.distro_name::varchar(100),
        n.distro_version::varchar(100), n.os_name::varchar(100), n.os_version::varchar(100), n.py_name::varchar(100),
        n.py_version::varchar(100), n.installer_name::varchar(20), n.installer_version::varchar(100),
        n.setuptools_version::varchar(100)
    FROM unnest(
        p_packages, p_hosts, p_times, p_archs, p_distro_names, p_distro_versions, p_os_names, p_os_versions,
        p_py_names, p_py_versions, p_installer_names, p_installer_versions, p_setuptools_versions)
        AS n (
            package, host, at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
            installer_name, installer_version, setuptools_version)
    WHERE is_plausible(n.package, 200, n.host, n.at);
    GET DIAGNOSTICS v_recorded = ROW_COUNT;
    RETURN v_recorded;
END;
$sql$;
COMMENT ON FUNCTION log_searches IS 'Records packages looked up in the simple index; answers how many it took';
REVOKE ALL ON FUNCTION log_searches FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_searches TO {username};


CREATE FUNCTION log_search(
    p_package text, p_host inet, p_at timestamptz, p_arch text, p_distro_name text, p_distro_version text,
    p_os_name text, p_os_version text, p_py_name text, p_py_version text, p_installer_name text,
    p_installer_version text, p_setuptools_version text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT 1 = log_searches(
        ARRAY[p_package], ARRAY[p_host], ARRAY[p_at], ARRAY[p_arch], ARRAY[p_distro_name], ARRAY[p_distro_version],
        ARRAY[p_os_name], ARRAY[p_os_version], ARRAY[p_py_name], ARRAY[p_py_version], ARRAY[p_installer_name],
        ARRAY[p_installer_version], ARRAY[p_setuptools_version], p_request);
$sql$;
COMMENT ON FUNCTION log_search IS 'Records a package looked up; false when it cannot be';
REVOKE ALL ON FUNCTION log_search FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_search TO {username};


CREATE FUNCTION log_project_hits(
    p_packages text[], p_hosts inet[], p_times timestamptz[], p_user_agents text[], p_request uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_recorded integer;
BEGIN
    IF NOT claim_request(p_request, 'log_project_hits') THEN
        RETURN plausible_hits(p_packages, 200, p_hosts, p_times);
    END IF;
    PERFORM make_months('project_page_hits', plausible_months(p_times));
    INSERT INTO project_page_hits
    SELECT n.package, n.host, n.at AT TIME ZONE 'UTC', n.user_agent::varchar(2000), is_bot(n.user_agent)
    FROM unnest(p_packages, p_hosts, p_times, p_user_agents) AS n (package, host, at, user_agent)
    WHERE is_plausible(n.package, 200, n.host, n.at);
    GET DIAGNOSTICS v_recorded = ROW_COUNT;
    RETURN v_recorded;
END;
$sql$;
COMMENT ON FUNCTION log_project_hits IS 'Records project pages read; answers how many it took';
REVOKE ALL ON FUNCTION log_project_hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_project_hits TO {username};


CREATE FUNCTION log_project(
    p_package text, p_host inet, p_at timestamptz, p_user_agent text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT 1 = log_project_hits(ARRAY[p_package], ARRAY[p_host], ARRAY[p_at], ARRAY[p_user_agent], p_request);
$sql$;
COMMENT ON FUNCTION log_project IS 'Records a project page read; false when it cannot be';
REVOKE ALL ON FUNCTION log_project FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_project TO {username};


CREATE FUNCTION log_json_downloads(
    p_packages text[], p_hosts inet[], p_times timestamptz[], p_user_agents text[], p_request uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_recorded integer;
BEGIN
    IF NOT claim_request(p_request, 'log_json_downloads') THEN
        RETURN plausible_hits(p_packages, 200, p_hosts, p_times);
    END IF;
    PERFORM make_months('project_json_downloads', plausible_months(p_times));
    INSERT INTO project_json_downloads
    SELECT n.package, n.host, n.at AT TIME ZONE 'UTC', n.user_agent::varchar(2000)
    FROM unnest(p_packages, p_hosts, p_times, p_user_agents) AS n (package, host, at, user_agent)
    WHERE is_plausible(n.package, 200, n.host, n.at);
    GET DIAGNOSTICS v_recorded = ROW_COUNT;
    RETURN v_recorded;
END;
$sql$;
COMMENT ON FUNCTION log_json_downloads IS 'Records project pages read in JSON form; answers how many it took';
REVOKE ALL ON FUNCTION log_json_downloads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_json_downloads TO {username};


CREATE FUNCTION log_json(
    p_package text, p_host inet, p_at timestamptz, p_user_agent text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT 1 = log_json_downloads(ARRAY[p_package], ARRAY[p_host], ARRAY[p_at], ARRAY[p_user_agent], p_request);
$sql$;
COMMENT ON FUNCTION log_json IS 'Records a project page read in JSON form; false when it cannot be';
REVOKE ALL ON FUNCTION log_json FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_json TO {username};


CREATE FUNCTION log_page_hits(
    p_pages text[], p_hosts inet[], p_times timestamptz[], p_user_agents text[], p_request uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_recorded integer;
BEGIN
    IF NOT claim_request(p_request, 'log_page_hits') THEN
        RETURN plausible_hits(p_pages, 30, p_hosts, p_times);
    END IF;
    PERFORM make_months('web_page_hits', plausible_months(p_times));
    INSERT INTO web_page_hits
    SELECT n.page, n.host, n.at AT TIME ZONE 'UTC', n.user_agent::varchar(2000), is_bot(n.user_agent)
    FROM unnest(p_pages, p_hosts, p_times, p_user_agents) AS n (page, host, at, user_agent)
    WHERE is_plausible(n.page, 30, n.host, n.at);
    GET DIAGNOSTICS v_recorded = ROW_COUNT;
    RETURN v_recorded;
END;
$sql$;
COMMENT ON FUNCTION log_page_hits IS 'Records other pages read; answers how many it took';
REVOKE ALL ON FUNCTION log_page_hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_page_hits TO {username};


CREATE FUNCTION log_page(
    p_page text, p_host inet, p_at timestamptz, p_user_agent text, p_request uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT 1 = log_page_hits(ARRAY[p_page], ARRAY[p_host], ARRAY[p_at], ARRAY[p_user_agent], p_request);
$sql$;
COMMENT ON FUNCTION log_page IS 'Records another page read; false when it cannot be';
REVOKE ALL ON FUNCTION log_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log_page TO {username};


CREATE FUNCTION hit_months(p_before date)
RETURNS TABLE (hits text, month date, partition regclass, bytes bigint)
LANGUAGE sql STABLE
AS $sql$
    SELECT p.relname::text, m.month, c.oid::regclass, pg_total_relation_size(c.oid)
    FROM pg_inherits i
        JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_class c ON c.oid = i.inhrelid
        CROSS JOIN LATERAL (SELECT to_date(substring(c.relname FROM '[0-9]{4}_[0-9]{2}$'), 'YYYY_MM') AS month) m
    WHERE i.inhparent IN (
            'downloads'::regclass, 'searches'::regclass, 'project_page_hits'::regclass,
            'project_json_downloads'::regclass, 'web_page_hits'::regclass)
        AND m.month + interval '1 month' <= p_before
    ORDER BY m.month, p.relname;
$sql$;
COMMENT ON FUNCTION hit_months IS 'The months of hits that had ended by a date, by kind';
REVOKE ALL ON FUNCTION hit_months FROM PUBLIC;


CREATE FUNCTION get_hit_months(p_before date) RETURNS TABLE (hits text, month date, bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT m.hits, m.month, m.bytes FROM hit_months(p_before) m;
$sql$;
COMMENT ON FUNCTION get_hit_months IS 'What drop_months would drop: the kind of hits, the month, its size on disk';
REVOKE ALL ON FUNCTION get_hit_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_hit_months TO {username};


-- Dropping a month shuts everybody out of the whole table for a moment, and waiting for that moment would shut them out
-- for as long as somebody reads. So it gives up at once where a table is in use (lock_not_available), to be tried
-- again; all or nothing.
CREATE FUNCTION drop_months(p_before date) RETURNS TABLE (hits text, month date, bytes bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '100ms'
AS $sql$
DECLARE
    v_hits text;
    v_partition text;
BEGIN
    IF p_before > date_trunc('month', now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'the current month stays: % is later than its first day', p_before
            USING ERRCODE = 'check_violation';
    END IF;
    FOR v_hits IN SELECT DISTINCT m.hits FROM hit_months(p_before) m ORDER BY 1 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', v_hits);
        EXCEPTION WHEN lock_not_available THEN
            RAISE EXCEPTION 'somebody is using the table %', v_hits USING ERRCODE = 'lock_not_available';
        END;
    END LOOP;
    FOR hits, month, v_partition, bytes IN SELECT * FROM hit_months(p_before) LOOP
        EXECUTE format('DROP TABLE %s', v_partition);
        RETURN NEXT;
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION drop_months IS 'Drops the hits of all months that had ended by a date; totals stay. Answers which';
REVOKE ALL ON FUNCTION drop_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_months TO {username};
