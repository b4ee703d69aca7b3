-- Which packages there are, how many versions each has, and how each behaves when it is built. Everything is drawn
-- from hashes, so that the same sizes and the same day make the same database.

CREATE SCHEMA bench;

CREATE FUNCTION bench.share(p_of bigint, p_salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT (hashint8extended(p_of, p_salt) & 2147483647) / 2147483648.0::double precision;
$sql$;
COMMENT ON FUNCTION bench.share IS 'A number from 0 to below 1, as if drawn; the same for the same arguments';

-- Versions by rank fall off like rank^-1.15 after a flat head: half of the packages have up to three, and the greatest
-- some 1,800, at any scale. Packages with many versions tend to be popular.
CREATE UNLOGGED TABLE bench.packages AS
WITH
    ranked AS (
        SELECT n, row_number() OVER (ORDER BY bench.share(n, 1), n) AS rank FROM generate_series(1, {packages}) AS n),
    weighed AS (
        SELECT *, sum(power(rank + {packages} / 740.0, -1.15)) OVER (ORDER BY rank) AS upto FROM ranked),
    measured AS (
        SELECT *, round(upto / max(upto) OVER () * ({versions} - {packages})) AS extra FROM weighed)
SELECT
    n,
    CASE n
        WHEN 1 THEN 'ten-versions'
        WHEN 2 THEN 'thousand-versions'
        ELSE words[1 + floor(bench.share(n, 2) * 40)::integer] || '-'
            || CASE
                WHEN bench.share(n, 7) < 0.6 THEN words[1 + floor(bench.share(n, 8) * 40)::integer] || '-'
                ELSE ''
            END
            || to_hex(n)
    END AS package,
    CASE n
        WHEN 1 THEN 10
        WHEN 2 THEN 1000
        ELSE 1 + (extra - coalesce(lag(extra) OVER (ORDER BY rank), 0))::integer
    END AS versions,
    row_number() OVER (ORDER BY rank * bench.share(n, 3), n) AS popularity,
    CASE
        WHEN n <= 2 THEN 'abi'
        WHEN bench.share(n, 4) < 0.020 THEN 'skip'
        WHEN bench.share(n, 4) < 0.440 THEN 'fail'
        WHEN bench.share(n, 4) < 0.930 THEN 'pure'
        WHEN bench.share(n, 4) < 0.986 THEN 'abi'
        ELSE 'abi3'
    END AS shape,
    born,
    born + (timestamp '{today}' - born) * sqrt(bench.share(n, 6)) AS last
FROM measured
    CROSS JOIN LATERAL (
        SELECT timestamp '2007-01-01' + (timestamp '{today}' - timestamp '2007-01-01') * sqrt(bench.share(n, 5))
            AS born) AS b
    CROSS JOIN (
        SELECT string_to_array(
            'async auth aws azure bot cli cloud config core data db django docker easy fast file flask google graph '
            'http image json kube lib ml model my net open parse plot py qt rest simple sql task test tool web', ' ')
            AS words) AS w;
