-- The master says at its start whether it lists aliases; until then it is as piwheels had it.
UPDATE configuration SET
    pypi_serial = (SELECT greatest(max(pypi_serial), 0) FROM piwheels_before.configuration),
    armv6_alias = EXISTS (SELECT FROM armv6l_aliases);

INSERT INTO rewrites_pending (package, added_at, command)
SELECT
    p.package, pg_temp.calendar_time(w.added_at), CASE w.command WHEN 'PROJECT' THEN 'PROJECT' ELSE 'BOTH' END
FROM piwheels_before.rewrites_pending w
    LEFT JOIN renamed_packages r USING (package)
    JOIN packages p ON p.package = coalesce(r.canonical, w.package) COLLATE "C"
ORDER BY w.added_at;

CREATE TABLE kept_from_piwheels.rewrites_pending AS
SELECT w.*
FROM piwheels_before.rewrites_pending w LEFT JOIN renamed_packages r USING (package)
WHERE coalesce(r.canonical, w.package) COLLATE "C" NOT IN (SELECT package FROM packages);
