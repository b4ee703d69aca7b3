-- A name that is not canonical (PEP 503) is made so where no other package has that name; else the package is kept
-- aside, with all that hangs on it.

CREATE TEMPORARY TABLE renamed_packages ON COMMIT DROP AS
SELECT o.package, o.canonical
FROM (
    SELECT package, canonical_name(package) AS canonical, count(*) OVER (PARTITION BY canonical_name(package)) AS claims
    FROM piwheels_before.packages WHERE package !~ '^[a-z0-9]+(-[a-z0-9]+)*$') AS o
WHERE o.claims = 1 AND o.canonical ~ '^[a-z0-9]+(-[a-z0-9]+)*$'
    AND o.canonical NOT IN (SELECT p.package FROM piwheels_before.packages p);

CREATE TEMPORARY TABLE refused_packages ON COMMIT DROP AS
SELECT p.package FROM piwheels_before.packages p
WHERE p.package !~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND p.package NOT IN (SELECT r.package FROM renamed_packages r);

SELECT pg_temp.tell(
    count(*), 'packages have got their canonical names, like ' || min(package) || ', which is ' || min(canonical) || ' now')
FROM renamed_packages;

INSERT INTO packages (package, skip, description)
SELECT coalesce(r.canonical, p.package), coalesce(p.skip, ''), coalesce(p.description, '')
FROM piwheels_before.packages p LEFT JOIN renamed_packages r USING (package)
WHERE NOT EXISTS (SELECT FROM refused_packages x WHERE x.package = p.package);

CREATE TABLE kept_from_piwheels.packages AS
SELECT p.* FROM piwheels_before.packages p WHERE p.package IN (SELECT x.package FROM refused_packages x);


-- A spelling that is itself the name of another package belongs to that one.
CREATE TABLE kept_from_piwheels.package_names AS
SELECT n.*
FROM piwheels_before.package_names n
    LEFT JOIN renamed_packages r USING (package)
    LEFT JOIN packages other ON other.package = n.name COLLATE "C"
WHERE n.package IN (SELECT x.package FROM refused_packages x)
    OR other.package <> coalesce(r.canonical, n.package) COLLATE "C";

INSERT INTO package_names (package, name, seen)
SELECT coalesce(r.canonical, n.package), n.name, pg_temp.calendar_time(n.seen)
FROM piwheels_before.package_names n LEFT JOIN renamed_packages r USING (package)
WHERE NOT EXISTS (SELECT FROM kept_from_piwheels.package_names k WHERE k.name = n.name);

CREATE TEMPORARY TABLE added_names ON COMMIT DROP AS
SELECT p.package FROM packages p
WHERE NOT EXISTS (SELECT FROM package_names n WHERE n.name = p.package);

INSERT INTO package_names (package, name) SELECT package, package FROM added_names;

SELECT pg_temp.tell(count(*), 'packages lacked their canonical names among their spellings') FROM added_names;
