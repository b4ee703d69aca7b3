-- A database as piwheels 0.23 has it, with :packages packages and what hangs on as many at PyPI's proportions: to see what
-- upgrading one takes (docs/decisions/0009-upgrades.md). In an empty database, first load tests/data/piwheels-0.23.sql:
--
--     sed 's/{username}/piwheels/' tests/data/piwheels-0.23.sql | psql -q big
--     psql -q -v packages=74000 big -f bench/piwheels-database.sql
--     time piw initdb --dsn postgresql:///big --yes
\set ON_ERROR_STOP on

TRUNCATE
    packages, package_names, versions, build_abis, builds, files, dependencies, downloads, searches, project_page_hits,
    web_page_hits, project_json_downloads, rewrites_pending, preinstalled_apt_packages;

INSERT INTO build_abis (abi_tag, skip) VALUES ('cp37m', 'too old'), ('cp39', ''), ('cp311', ''), ('cp313', '');

INSERT INTO packages (package, skip, description)
SELECT 'package-' || i, CASE WHEN i % 50 = 0 THEN 'no sources' ELSE '' END, 'Description of ' || i
FROM generate_series(1, :packages) AS i;

INSERT INTO package_names (package, name, seen)
SELECT 'package-' || i, 'package-' || i, '1970-01-01' FROM generate_series(1, :packages) AS i
UNION ALL
SELECT 'package-' || i, 'Package_' || i, '2020-01-01' FROM generate_series(1, :packages, 3) AS i;

INSERT INTO versions (package, version, released, skip, yanked)
SELECT
    'package-' || i, v || '.0', timestamp '2015-01-01' + (i * 11 + v) * interval '1 minute',
    CASE WHEN v % 20 = 0 THEN 'bad' ELSE '' END, v % 50 = 0
FROM generate_series(1, :packages) AS i, generate_series(1, 1 + (i * 7919) % 21) AS v;

-- Two in three are tried on an ABI, two in three of these succeed
INSERT INTO builds (package, version, built_by, built_at, duration, status, abi_tag)
SELECT
    v.package, v.version, 1, v.released + a.days * interval '1 day', interval '1 minute',
    hashtext(v.package || v.version || a.abi) % 3 <> 0, a.abi
FROM versions v, (VALUES ('cp37m', 1), ('cp39', 2), ('cp311', 3)) AS a (abi, days)
WHERE hashtext(v.version || v.package || a.abi) % 3 <> 1;

-- Pure wheels by the lowest ABI's builds; one build in four has a wheel for armv7l, and that once more for armv6l
INSERT INTO files (
    filename, build_id, filesize, filehash, package_tag, package_version_tag, py_version_tag, abi_tag, platform_tag,
    requires_python, location)
SELECT
    replace(b.package, '-', '_') || '-' || b.version || '-' || t.py || '-' || t.abi || '-' || t.platform || '.whl',
    b.build_id, 1000, encode(sha256(b.build_id::text::bytea), 'hex'), b.package, b.version, t.py, t.abi, t.platform, '>=3.7',
    '/simple'
FROM builds b, LATERAL (
    SELECT 'py3', 'none', 'any' WHERE b.build_id % 4 < 3 AND b.abi_tag = 'cp37m'
    UNION ALL
    SELECT b.abi_tag, b.abi_tag, p.platform FROM (VALUES ('linux_armv7l'), ('linux_armv6l')) AS p (platform)
    WHERE b.build_id % 4 = 3) AS t (py, abi, platform)
WHERE b.status;

INSERT INTO dependencies (filename, tool, dependency)
SELECT f.filename, 'apt', 'lib' || d FROM files f, generate_series(1, 2) AS d WHERE f.build_id % 2 = 0
UNION ALL
SELECT f.filename, 'pip', 'package-' || d FROM files f, generate_series(1, 2) AS d;

INSERT INTO downloads
SELECT
    'package_' || (1 + (i * 7919::bigint) % :packages) || '-1.0-py3-none-any.whl', '192.0.2.1',
    timestamp '2019-01-01' + i * (interval '7 years' / (:packages * 27)), 'armv7l', 'Raspbian', '11', 'Linux', '6.1',
    'CPython', '3.9', 'pip', '23.0', '65'
FROM generate_series(1, :packages * 27) AS i;

INSERT INTO searches (package, accessed_by, accessed_at)
SELECT 'package-' || (1 + i % :packages), '192.0.2.1', timestamp '2019-01-01' + i * (interval '7 years' / (:packages * 10))
FROM generate_series(1, :packages * 10) AS i;

INSERT INTO project_page_hits (package, accessed_by, accessed_at, user_agent, bot)
SELECT
    'package-' || (1 + i % :packages), '192.0.2.1', timestamp '2019-01-01' + i * (interval '7 years' / (:packages * 5)),
    'Mozilla/5.0', false
FROM generate_series(1, :packages * 5) AS i;

VACUUM ANALYZE;
