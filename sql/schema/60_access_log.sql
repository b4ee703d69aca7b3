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


-- A log may be years old when it is read in; a date before that or in the future is a broken clock or a bad line.
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


-- A month is made beside the table and attached, which stops no reader or writer.
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


-- What tells of the installer is cut to the width of its column; a hit without a usable name, address or date is left
-- out; a request that was recorded before is left alone. The same holds for all kinds of hits.
CREATE FUNCTION log_downloads(
    p_filenames text[], p_hosts text[], p_times timestamptz[], p_archs text[], p_distro_names text[],
    p_distro_versions text[], p_os_names text[], p_os_versions text[], p_py_names text[], p_py_versions text[],
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[], p_request uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.filename) BETWEEN 1 AND 255
        FROM unnest(p_filenames, p_hosts, p_times) WITH ORDINALITY AS n (filename, host, at, i) ORDER BY n.i);
BEGIN
    IF NOT claim_request(p_request, 'log_downloads') THEN
        RETURN;
    END IF;
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
    p_installer_names text[], p_installer_versions text[], p_setuptools_versions text[], p_request uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    IF NOT claim_request(p_request, 'log_searches') THEN
        RETURN;
    END IF;
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


CREATE FUNCTION log_project_hits(p_packages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[],
    p_request uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    IF NOT claim_request(p_request, 'log_project_hits') THEN
        RETURN;
    END IF;
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


CREATE FUNCTION log_json_downloads(p_packages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[],
    p_request uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.package) BETWEEN 1 AND 200
        FROM unnest(p_packages, p_hosts, p_times) WITH ORDINALITY AS n (package, host, at, i) ORDER BY n.i);
BEGIN
    IF NOT claim_request(p_request, 'log_json_downloads') THEN
        RETURN;
    END IF;
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


CREATE FUNCTION log_page_hits(p_pages text[], p_hosts text[], p_times timestamptz[], p_user_agents text[],
    p_request uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_good boolean[] := array(
        SELECT plausible_access(n.host, n.at) AND length(n.page) BETWEEN 1 AND 30
        FROM unnest(p_pages, p_hosts, p_times) WITH ORDINALITY AS n (page, host, at, i) ORDER BY n.i);
BEGIN
    IF NOT claim_request(p_request, 'log_page_hits') THEN
        RETURN;
    END IF;
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
