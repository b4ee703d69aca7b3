SELECT make_months('searches', array(
    SELECT DISTINCT date_trunc('month', accessed_at) AT TIME ZONE 'UTC' FROM piwheels_before.searches
    WHERE pg_temp.hit_time(accessed_at)));

INSERT INTO searches (
    package, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
    installer_name, installer_version, setuptools_version)
SELECT
    package, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
    installer_name, installer_version, setuptools_version
FROM piwheels_before.searches WHERE pg_temp.hit_time(accessed_at);

CREATE TABLE kept_from_piwheels.searches AS
SELECT * FROM piwheels_before.searches WHERE pg_temp.hit_time(accessed_at) IS NOT TRUE;


SELECT make_months('project_page_hits', array(
    SELECT DISTINCT date_trunc('month', accessed_at) AT TIME ZONE 'UTC' FROM piwheels_before.project_page_hits
    WHERE pg_temp.hit_time(accessed_at)));

INSERT INTO project_page_hits (package, accessed_by, accessed_at, user_agent, bot)
SELECT package, accessed_by, accessed_at, user_agent, coalesce(bot, is_bot(user_agent))
FROM piwheels_before.project_page_hits WHERE pg_temp.hit_time(accessed_at);

CREATE TABLE kept_from_piwheels.project_page_hits AS
SELECT * FROM piwheels_before.project_page_hits WHERE pg_temp.hit_time(accessed_at) IS NOT TRUE;


SELECT make_months('project_json_downloads', array(
    SELECT DISTINCT date_trunc('month', accessed_at) AT TIME ZONE 'UTC' FROM piwheels_before.project_json_downloads
    WHERE pg_temp.hit_time(accessed_at)));

INSERT INTO project_json_downloads (package, accessed_by, accessed_at, user_agent)
SELECT package, accessed_by, accessed_at, user_agent
FROM piwheels_before.project_json_downloads WHERE pg_temp.hit_time(accessed_at);

CREATE TABLE kept_from_piwheels.project_json_downloads AS
SELECT * FROM piwheels_before.project_json_downloads WHERE pg_temp.hit_time(accessed_at) IS NOT TRUE;


SELECT make_months('web_page_hits', array(
    SELECT DISTINCT date_trunc('month', accessed_at) AT TIME ZONE 'UTC' FROM piwheels_before.web_page_hits
    WHERE pg_temp.hit_time(accessed_at)));

INSERT INTO web_page_hits (page, accessed_by, accessed_at, user_agent, bot)
SELECT page, accessed_by, accessed_at, user_agent, coalesce(bot, is_bot(user_agent))
FROM piwheels_before.web_page_hits WHERE pg_temp.hit_time(accessed_at);

CREATE TABLE kept_from_piwheels.web_page_hits AS
SELECT * FROM piwheels_before.web_page_hits WHERE pg_temp.hit_time(accessed_at) IS NOT TRUE;
