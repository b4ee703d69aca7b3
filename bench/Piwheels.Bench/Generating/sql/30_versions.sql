-- Versions, in the order of their release as a farm learns of them, and how each fares. What was released in the last
-- three days waits for the most part; of all others one in thirty.

TRUNCATE versions;

CREATE UNLOGGED TABLE bench.releases AS
SELECT
    p.n * 8192::bigint + k AS id, p.package, p.popularity, p.shape,
    format('%s.%s.%s', k / 50, k / 5 % 10, k % 5) AS version,
    p.versions - k AS newer,
    r.released,
    CASE
        WHEN p.n <= 2 THEN 'abi'
        WHEN p.shape = 'skip' OR h.fate < 0.013 THEN 'skip'
        WHEN r.released > timestamp '{today}' - interval '3 days' AND h.kind < 0.6 THEN 'wait'
        WHEN h.fate < 0.050 AND h.kind < 0.45 THEN 'wait'
        WHEN h.fate < 0.050 THEN
            CASE WHEN p.shape = 'abi' THEN 'abi' ELSE 'fail' END || CASE WHEN h.kind < 0.80 THEN '-1' ELSE '-2' END
        WHEN p.shape = 'pure' AND h.fate > 0.92 THEN 'fail'
        WHEN p.shape = 'fail' AND h.fate > 0.98 THEN 'fail-again'
        ELSE p.shape
    END AS course
FROM bench.packages p
    CROSS JOIN generate_series(1, p.versions) AS k
    CROSS JOIN LATERAL (
        SELECT bench.share(p.n * 8192::bigint + k, 20) AS fate, bench.share(p.n * 8192::bigint + k, 21) AS kind) AS h
    CROSS JOIN LATERAL (
        SELECT p.born + (p.last - p.born) * ((k - bench.share(p.n * 8192::bigint + k, 22)) / p.versions) AS released)
        AS r
ORDER BY r.released;

INSERT INTO versions (package, version, released, skip, yanked, priority)
SELECT
    package, version, released,
    CASE WHEN course = 'skip' AND shape <> 'skip' THEN 'binary only' ELSE '' END,
    bench.share(id, 23) < 0.01,
    CASE
        WHEN course NOT IN ('wait', 'fail-1', 'fail-2', 'abi-1', 'abi-2') THEN 2
        WHEN bench.share(id, 24) < 0.001 THEN 0
        WHEN released > timestamp '{today}' - interval '7 days' THEN 1
        ELSE 2
    END
FROM bench.releases;
