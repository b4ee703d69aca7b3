-- Hits go to a partition a month; what has a time that no calendar of ours has cannot.

SELECT make_months('downloads', array(
    SELECT DISTINCT date_trunc('month', accessed_at) AT TIME ZONE 'UTC' FROM piwheels_before.downloads
    WHERE pg_temp.hit_time(accessed_at)));

INSERT INTO downloads (
    filename, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
    installer_name, installer_version, setuptools_version)
SELECT
    filename, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
    installer_name, installer_version, setuptools_version
FROM piwheels_before.downloads WHERE pg_temp.hit_time(accessed_at);

CREATE TABLE kept_from_piwheels.downloads AS
SELECT * FROM piwheels_before.downloads WHERE pg_temp.hit_time(accessed_at) IS NOT TRUE;

-- Downloads are many, projects are few: each name is made canonical once
INSERT INTO package_downloads_daily (day, package, amount)
WITH
    hits AS MATERIALIZED (
        SELECT accessed_at::date AS day, split_part(filename, '-', 1) AS project, count(*) AS amount
        FROM downloads GROUP BY 1, 2),
    names AS MATERIALIZED (
        SELECT h.project, canonical_name(h.project) AS package FROM (SELECT DISTINCT project FROM hits) AS h)
SELECT h.day, n.package, sum(h.amount) FROM hits h JOIN names n USING (project) GROUP BY h.day, n.package;

INSERT INTO package_downloads (package, recent, total, listed)
SELECT package, coalesce(d.recent, 0), coalesce(d.total, 0), coalesce(p.skip <> 'deleted', false)
FROM packages p
    FULL JOIN (
        SELECT d.package, coalesce(sum(d.amount) FILTER (WHERE d.day > w.last_day - 30), 0) AS recent, sum(d.amount) AS total
        FROM package_downloads_daily d CROSS JOIN download_window w GROUP BY d.package) AS d USING (package);
