-- Packages and the spellings of their names. Of those that are skipped some wait for their deletion.

TRUNCATE packages, package_names;

INSERT INTO packages (package, skip, description)
SELECT
    package,
    CASE
        WHEN shape <> 'skip' THEN ''
        WHEN bench.share(n, 10) < 0.1 THEN 'deleted'
        ELSE 'binary only'
    END,
    'What ' || package || ' does, said in one line: ' || repeat('words and ', (bench.share(n, 11) * 8)::integer)
FROM bench.packages
ORDER BY born;

INSERT INTO package_names (package, name, seen)
SELECT package, package, '1970-01-01' FROM bench.packages
UNION ALL
SELECT package, initcap(package), last FROM bench.packages WHERE bench.share(n, 12) < 0.2
UNION ALL
SELECT package, replace(package, '-', '_'), last FROM bench.packages WHERE bench.share(n, 13) < 0.15;
