-- All are backlog: what is fresh or asked for by somebody, piwheels does not know.

CREATE TEMPORARY TABLE refused_versions ON COMMIT DROP AS
SELECT v.package, v.version FROM piwheels_before.versions v
WHERE v.version = '' OR v.package IN (SELECT x.package FROM refused_packages x);

SELECT
    pg_temp.tell(
        count(*) FILTER (WHERE pg_temp.calendar_time(released) IS DISTINCT FROM released),
        'versions had no time of release that a calendar has: it is 1970 now'),
    pg_temp.tell(
        count(*) FILTER (WHERE skip IS NULL OR yanked IS NULL),
        'versions did not say whether they are skipped or yanked: they are not')
FROM piwheels_before.versions;

INSERT INTO versions (package, version, released, skip, yanked, priority)
SELECT
    coalesce(r.canonical, v.package), v.version, pg_temp.calendar_time(v.released), coalesce(v.skip, ''),
    coalesce(v.yanked, false), 2
FROM piwheels_before.versions v LEFT JOIN renamed_packages r USING (package)
WHERE NOT EXISTS (SELECT FROM refused_versions x WHERE x.package = v.package AND x.version = v.version);

CREATE TABLE kept_from_piwheels.versions AS
SELECT v.* FROM piwheels_before.versions v JOIN refused_versions USING (package, version);
