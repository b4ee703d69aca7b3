-- piwheels knows ABIs and no platforms. Its farm becomes one for the platform that most wheels carry. A build whose
-- wheels are all for other platforms was tried there; all others were tried on the farm's.

-- As log_build() knows them: a wheel for armv7l that is listed once more as one for armv6l
CREATE TEMPORARY TABLE armv6l_aliases ON COMMIT DROP AS
SELECT DISTINCT a.filename
FROM piwheels_before.files a JOIN piwheels_before.files o ON o.build_id = a.build_id AND o.filehash = a.filehash
WHERE a.platform_tag = 'linux_armv6l' AND o.platform_tag = 'linux_armv7l';

ANALYZE armv6l_aliases;

-- A tag may be a set joined by dots; manylinux wheels run where they were made (see wheel_runs_on)
CREATE TEMPORARY TABLE tag_platforms ON COMMIT DROP AS
SELECT DISTINCT
    f.platform_tag, regexp_replace(tag, '^manylinux(1|2010|2014|_[0-9]+_[0-9]+)_', 'linux_') AS platform
FROM
    (SELECT DISTINCT platform_tag FROM piwheels_before.files) AS f,
    unnest(string_to_array(f.platform_tag, '.')) AS tag
WHERE tag <> 'any';

CREATE TEMPORARY TABLE platforms ON COMMIT DROP AS
SELECT p.platform, sum(c.wheels)::bigint AS wheels
FROM (
    SELECT f.platform_tag, count(*) AS wheels FROM piwheels_before.files f
    WHERE NOT EXISTS (SELECT FROM armv6l_aliases a WHERE a.filename = f.filename)
    GROUP BY f.platform_tag) AS c
    JOIN tag_platforms p USING (platform_tag)
GROUP BY p.platform;

-- piwheels' own farm builds for armv7l, so that is what one without any such wheel is taken for
CREATE TEMPORARY TABLE farm ON COMMIT DROP AS
SELECT
    coalesce((SELECT platform FROM platforms ORDER BY wheels DESC, platform LIMIT 1), 'linux_armv7l') AS platform_tag,
    coalesce(
        (SELECT abi_tag FROM piwheels_before.build_abis WHERE abi_tag NOT IN ('', 'none')
            ORDER BY coalesce(skip, '') <> '', python_of(abi_tag), abi_tag LIMIT 1),
        '') AS lowest_abi_tag;

CREATE TEMPORARY TABLE foreign_builds ON COMMIT DROP AS
SELECT f.build_id, min(p.platform) AS platform_tag
FROM piwheels_before.files f JOIN tag_platforms p USING (platform_tag)
WHERE NOT EXISTS (SELECT FROM armv6l_aliases a WHERE a.filename = f.filename)
GROUP BY f.build_id
HAVING bool_and(p.platform <> (SELECT platform_tag FROM farm));

ANALYZE foreign_builds;

DO $do$
BEGIN
    RAISE NOTICE USING ERRCODE = 'PIW01', MESSAGE = 'the farm''s platform is ' || (SELECT platform_tag FROM farm);
END;
$do$;
SELECT pg_temp.tell(count(*), 'builds count for another platform, since all their wheels are for it') FROM foreign_builds;
SELECT pg_temp.tell(count(*), 'wheels for linux_armv6l are those for linux_armv7l under another name') FROM armv6l_aliases;
