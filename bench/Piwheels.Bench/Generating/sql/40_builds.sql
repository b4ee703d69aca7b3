-- Attempts, in the order of their time; a build's number follows it.

TRUNCATE builds;

CREATE TABLE bench.courses (course text, attempt integer, abi text, status boolean, tags text[]);
INSERT INTO bench.courses VALUES
    ('pure', 1, 'cp39', true, '{py3,none,any}'),
    ('abi3', 1, 'cp39', true, '{cp37,abi3,linux_armv7l}'),
    ('abi', 1, 'cp39', true, '{cp39,cp39,linux_armv7l}'),
    ('abi', 2, 'cp311', true, '{cp311,cp311,linux_armv7l}'),
    ('abi', 3, 'cp313', true, '{cp313,cp313,linux_armv7l}'),
    ('abi-1', 1, 'cp39', true, '{cp39,cp39,linux_armv7l}'),
    ('abi-2', 1, 'cp39', true, '{cp39,cp39,linux_armv7l}'),
    ('abi-2', 2, 'cp311', true, '{cp311,cp311,linux_armv7l}'),
    ('fail', 1, 'cp39', false, null),
    ('fail', 2, 'cp311', false, null),
    ('fail', 3, 'cp313', false, null),
    ('fail-again', 1, 'cp39', false, null),
    ('fail-again', 2, 'cp39', false, null),
    ('fail-again', 3, 'cp311', false, null),
    ('fail-again', 4, 'cp313', false, null),
    ('fail-1', 1, 'cp39', false, null),
    ('fail-2', 1, 'cp39', false, null),
    ('fail-2', 2, 'cp311', false, null);
ANALYZE bench.courses;

-- One pure wheel in seven is for Python 2 as well
CREATE UNLOGGED TABLE bench.attempts AS
SELECT row_number() OVER (ORDER BY a.built_at)::integer AS build_id, a.*
FROM (
    SELECT
        r.id, r.package, r.version, r.popularity, r.newer, c.abi, c.status,
        CASE WHEN c.course = 'pure' AND bench.share(r.id, 30) < 0.15 THEN '{py2.py3,none,any}' ELSE c.tags END AS tags,
        least(
            greatest(r.released, timestamp '2017-01-01' + interval '3 years' * bench.share(r.id, 31))
                + interval '1 hour' * (c.attempt * 5 - 4 * bench.share(r.id, 31 + c.attempt)),
            timestamp '{today}' - interval '1 second') AS built_at
    FROM bench.releases r JOIN bench.courses c ON c.course = r.course) AS a;

INSERT INTO builds (
    build_id, package, version, built_by, built_at, duration, status, abi_tag, platform_tag)
SELECT
    build_id, package, version, 1 + build_id % 200, built_at,
    interval '1 second' * (4 - 60 * ln(1 - bench.share(build_id, 40))), status, abi, 'linux_armv7l'
FROM bench.attempts;

SELECT setval(pg_get_serial_sequence('builds', 'build_id'), (SELECT max(build_id) FROM bench.attempts));
