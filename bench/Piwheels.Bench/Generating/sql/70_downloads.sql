-- Downloads of the 30 days before today, evenly in time. The n-th of the packages is asked for 1/n as often as the
-- first (Zipf), mostly for one of its newest wheels.

CREATE UNLOGGED TABLE bench.wanted AS
SELECT
    row_number() OVER (ORDER BY min(a.popularity))::integer AS rank,
    array_agg(f.filename ORDER BY f.build_id DESC) AS wheels
FROM bench.attempts a JOIN files f ON f.build_id = a.build_id
WHERE a.newer < 8
GROUP BY a.package;
ANALYZE bench.wanted;

SELECT make_months('downloads', array(
    SELECT generate_series(timestamp '{today}' - interval '30 days', '{today}', interval '1 day') AT TIME ZONE 'UTC'));

INSERT INTO downloads (
    filename, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version,
    installer_name, installer_version, setuptools_version)
SELECT
    w.wheels[1 + floor(power(bench.share(d.n, 71), 2) * cardinality(w.wheels))::integer],
    '10.0.0.0'::inet + (bench.share(d.n, 72) * 16777216)::bigint,
    timestamp '{today}' - interval '30 days' + interval '1 second' * ((d.n - 0.5) * (30 * 86400.0 / {downloads})),
    (array['armv7l', 'armv7l', 'armv7l', 'armv6l', 'aarch64'])[1 + d.machine % 5],
    (array['Raspbian GNU/Linux', 'Debian GNU/Linux'])[1 + d.machine % 2],
    (array['11', '12', '13'])[1 + d.machine % 3],
    'Linux',
    (array['5.10.103-v7l+', '6.1.21-v8+', '6.6.51+rpt-rpi-v8', '6.12.47+rpt-rpi-v7'])[1 + d.machine % 4],
    'CPython',
    (array['3.9.2', '3.11.2', '3.13.5'])[1 + d.machine % 3],
    'pip',
    (array['20.3.4', '23.0.1', '25.1.1', '24.0'])[1 + d.machine % 4],
    (array['52.0.0', '66.1.1', '78.1.1'])[1 + d.machine % 3]
FROM (SELECT n, (hashint8extended(n, 70) & 65535)::integer AS machine FROM generate_series(1, {downloads}) AS n) AS d
    JOIN bench.wanted w
        ON w.rank = floor(power((SELECT max(rank) FROM bench.wanted), bench.share(d.n, 73)))::integer;
