-- The wheels of good builds.

TRUNCATE files;

INSERT INTO files (
    filename, build_id, filesize, filehash, package_tag, package_version_tag, py_version_tag, abi_tag, platform_tag,
    requires_python)
SELECT
    n.filename, a.build_id, (1000 * exp(9 * bench.share(a.build_id, 50)))::bigint,
    encode(sha256(convert_to(n.filename, 'UTF8')), 'hex'), n.package_tag, a.version, a.tags[1], a.tags[2], a.tags[3],
    ('{NULL,>=3.6,>=3.7,>=3.8,>=3.9,"<4,>=3.8"}'::text[])[1 + floor(bench.share(a.id, 51) * 6)::integer]
FROM bench.attempts a
    CROSS JOIN LATERAL (
        SELECT replace(a.package, '-', '_') AS package_tag,
            replace(a.package, '-', '_') || '-' || a.version || '-' || array_to_string(a.tags, '-') || '.whl'
            AS filename) AS n
WHERE a.status;

SELECT learn_wheel_tags(array_agg(t.tags[1]), array_agg(t.tags[2]), array_agg(t.tags[3]))
FROM (SELECT DISTINCT tags FROM bench.attempts WHERE status) AS t;
