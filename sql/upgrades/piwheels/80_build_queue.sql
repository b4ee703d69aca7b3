CREATE TABLE kept_from_piwheels.build_abis AS
SELECT a.* FROM piwheels_before.build_abis a WHERE a.abi_tag IN ('', 'none');

SELECT learn_wheel_tags(array_agg(f.py_version_tag), array_agg(f.abi_tag), array_agg(f.platform_tag))
FROM (SELECT DISTINCT py_version_tag, abi_tag, platform_tag FROM files) AS f;

INSERT INTO targets (abi_tag, platform_tag, skip)
SELECT a.abi_tag, f.platform_tag, coalesce(a.skip, '')
FROM piwheels_before.build_abis a CROSS JOIN farm f
WHERE a.abi_tag NOT IN ('', 'none')
ORDER BY python_of(a.abi_tag), a.abi_tag;

SELECT remake_queue(platform_tag) FROM farm;

ANALYZE build_queue;
SELECT pg_temp.tell(count(*), 'releases wait to be built') FROM build_queue;
