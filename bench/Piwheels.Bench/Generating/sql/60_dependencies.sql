-- What wheels need: up to five of the thousand most popular projects, and those with compiled parts up to four Debian
-- packages.

TRUNCATE dependencies;

INSERT INTO dependencies (filename, tool, dependency)
WITH
    projects AS MATERIALIZED (
        SELECT array_agg(package ORDER BY popularity) AS names FROM bench.packages WHERE popularity <= 1000),
    libraries AS MATERIALIZED (
        SELECT string_to_array('libc6 libstdc++6 libgcc-s1 zlib1g libssl3 libopenblas0 libgfortran5 libffi8', ' ')
            AS names)
SELECT f.filename, 'pip', p.names[1 + j * 200 + floor(bench.share(f.build_id, 60 + j) * 200)::integer]
FROM files f CROSS JOIN projects p
    CROSS JOIN generate_series(0, floor(bench.share(f.build_id, 59) * 6)::integer - 1) AS j
WHERE j * 200 + 200 <= cardinality(p.names)
UNION ALL
SELECT f.filename, 'apt', l.names[1 + j * 2 + floor(bench.share(f.build_id, 70 + j) * 2)::integer]
FROM files f CROSS JOIN libraries l CROSS JOIN generate_series(0, floor(bench.share(f.build_id, 69) * 4)::integer) AS j
WHERE f.platform_tag <> 'any';
