-- The farm's figures, counted over everything this once, and a few thousand pages that are owed.

INSERT INTO counters (counter, period, at, amount)
SELECT 'packages_built', 'total', timestamp '1970-01-01', count(DISTINCT package) FROM builds WHERE status
UNION ALL
SELECT 'builds_time', 'total', '1970-01-01', build_microseconds(sum(duration)) FROM builds
WHERE duration <= interval '7 days'
UNION ALL
SELECT 'files', 'total', '1970-01-01', count(*) FROM files
UNION ALL
SELECT 'builds_size', 'total', '1970-01-01', coalesce(sum(filesize) FILTER (WHERE NOT alias), 0) FROM files
UNION ALL
SELECT 'downloads', 'total', '1970-01-01', sum(total) FROM package_downloads
UNION ALL
SELECT 'downloads', 'day', day, sum(amount) FROM package_downloads_daily GROUP BY day
UNION ALL
SELECT 'downloads', 'day', d::date, 1000 FROM generate_series(
    timestamp '2017-01-01', timestamp '{today}' - interval '31 days', interval '1 day') AS d;

INSERT INTO rewrites_pending (package, added_at, command)
SELECT package, timestamp '{today}', CASE WHEN bench.share(n, 90) < 0.5 THEN 'PROJECT' ELSE 'BOTH' END
FROM bench.packages WHERE bench.share(n, 91) < 0.004 AND shape <> 'skip';
