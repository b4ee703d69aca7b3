-- What triggers and functions would have counted, had the rows come one by one (see 70_statistics.sql).

INSERT INTO counters (counter, period, at, amount)
SELECT c.counter, 'total', '1970-01-01', c.amount
FROM (
    SELECT 'packages_built' AS counter, count(*) AS amount FROM (SELECT package FROM builds WHERE status GROUP BY package) AS b
    UNION ALL
    SELECT 'builds_time', build_microseconds(sum(duration)) FROM builds WHERE duration <= interval '7 days'
    UNION ALL
    SELECT 'files', count(*) FROM files
    UNION ALL
    SELECT 'builds_size', coalesce(sum(filesize), 0) FROM files WHERE NOT alias
    UNION ALL
    SELECT 'downloads', count(*) FROM downloads) AS c
WHERE c.amount <> 0;

INSERT INTO counters (counter, period, at, amount)
SELECT c.counter, 'minute', c.at, count(*)
FROM (
    SELECT 'versions' AS counter, date_trunc('minute', released) AS at FROM versions
    WHERE released > now() AT TIME ZONE 'UTC' - interval '1 hour'
    UNION ALL
    SELECT 'builds:' || abi_tag, date_trunc('minute', built_at) FROM builds
    WHERE built_at > now() AT TIME ZONE 'UTC' - interval '1 hour'
    UNION ALL
    SELECT 'downloads', date_trunc('minute', accessed_at) FROM downloads
    WHERE accessed_at > now() AT TIME ZONE 'UTC' - interval '1 hour') AS c
GROUP BY c.counter, c.at;

INSERT INTO counters (counter, period, at, amount)
SELECT 'downloads', 'day', day, sum(amount) FROM package_downloads_daily GROUP BY day
UNION ALL
SELECT CASE WHEN status THEN 'builds_good' ELSE 'builds_failed' END, 'day', date_trunc('day', built_at), count(*)
FROM builds GROUP BY 1, 3
UNION ALL
SELECT 'downloads_python:' || python_label(py_version), 'day', date_trunc('day', accessed_at), count(*)
FROM downloads GROUP BY 1, 3
UNION ALL
SELECT 'downloads_machine:' || machine_label(arch), 'day', date_trunc('day', accessed_at), count(*)
FROM downloads GROUP BY 1, 3;
