-- What the downloads add up to; the thirty days are those up to today. Every package has been downloaded before, too,
-- by somebody.

TRUNCATE package_downloads, package_downloads_daily;

CREATE UNLOGGED TABLE bench.daily AS
SELECT accessed_at::date AS day, filename, count(*) AS amount FROM downloads GROUP BY 1, 2;

INSERT INTO package_downloads_daily (day, package, amount)
SELECT day, canonical_name(split_part(filename, '-', 1)), sum(amount) FROM bench.daily GROUP BY 1, 2 ORDER BY 1, 2;

INSERT INTO package_downloads (package, recent, total, listed)
SELECT p.package, sum(p.recent), sum(p.total), coalesce(bool_or(k.skip <> 'deleted'), false)
FROM (
    SELECT package, CASE WHEN day > date '{today}' - 30 THEN amount ELSE 0 END AS recent, amount AS total
    FROM package_downloads_daily
    UNION ALL
    SELECT package, 0, 1 + floor(500 * bench.share(n, 80) + 5000000.0 / popularity)::bigint FROM bench.packages) AS p
    LEFT JOIN packages k ON k.package = p.package
GROUP BY p.package ORDER BY p.package;

UPDATE download_window SET last_day = '{today}';
