-- Pages give a wheel's hash and tags, so one without them is of no use to anybody.

CREATE TEMPORARY TABLE refused_files ON COMMIT DROP AS
SELECT f.filename FROM piwheels_before.files f
WHERE f.filename = ''
    OR f.filehash IS NULL OR length(f.filehash) <> 64 OR lower(f.filehash COLLATE "C") ~ '[^0-9a-f]'
    OR f.py_version_tag IS NULL OR f.abi_tag IS NULL OR f.platform_tag IS NULL
    OR f.build_id IN (SELECT x.build_id FROM refused_builds x);

SELECT
    pg_temp.tell(
        count(*) FILTER (WHERE filesize IS NULL OR filesize < 0), 'files had a negative size or none: it is 0 now'),
    pg_temp.tell(
        count(*) FILTER (WHERE package_tag IS NULL OR package_version_tag IS NULL),
        'files did not say of which project or version: it is left empty'),
    pg_temp.tell(
        count(*) FILTER (WHERE filehash <> lower(filehash)), 'files had their hash in capitals: it is in small letters now')
FROM piwheels_before.files;

INSERT INTO files (
    filename, build_id, filesize, filehash, package_tag, package_version_tag, py_version_tag, abi_tag, platform_tag,
    requires_python, location, alias)
SELECT
    f.filename, f.build_id, greatest(f.filesize, 0), lower(f.filehash), coalesce(f.package_tag, ''),
    coalesce(f.package_version_tag, ''), f.py_version_tag, f.abi_tag, f.platform_tag, f.requires_python,
    coalesce(f.location, '/simple'), a.filename IS NOT NULL
FROM piwheels_before.files f LEFT JOIN armv6l_aliases a ON a.filename = f.filename
WHERE NOT EXISTS (SELECT FROM refused_files x WHERE x.filename = f.filename);

CREATE TABLE kept_from_piwheels.files AS
SELECT f.* FROM piwheels_before.files f JOIN refused_files USING (filename);
