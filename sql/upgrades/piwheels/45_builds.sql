-- With their numbers, which name their logs; the next number follows piwheels' last.

CREATE TEMPORARY TABLE refused_builds ON COMMIT DROP AS
SELECT b.build_id FROM piwheels_before.builds b JOIN refused_versions USING (package, version);

SELECT
    pg_temp.tell(
        count(*) FILTER (WHERE duration IS NULL OR duration < interval '0'),
        'builds had a negative duration or none: it is 0 now'),
    pg_temp.tell(
        count(*) FILTER (WHERE built_by IS NULL OR built_by < 0), 'builds did not say which slave built them: it is 0 now'),
    pg_temp.tell(
        count(*) FILTER (WHERE pg_temp.calendar_time(built_at) IS DISTINCT FROM built_at),
        'builds had no time that a calendar has: it is 1970 now'),
    pg_temp.tell(
        count(*) FILTER (WHERE status IS NULL), 'builds did not say whether they succeeded: they count as failed'),
    pg_temp.tell(
        count(*) FILTER (WHERE abi_tag IS NULL OR abi_tag = 'none'),
        'builds did not say for which ABI: they count for the lowest')
FROM piwheels_before.builds;

INSERT INTO builds (build_id, package, version, built_by, built_at, duration, status, abi_tag, platform_tag)
SELECT
    b.build_id, coalesce(r.canonical, b.package), b.version, greatest(b.built_by, 0), pg_temp.calendar_time(b.built_at),
    greatest(b.duration, interval '0'), coalesce(b.status, false),
    coalesce(nullif(b.abi_tag, 'none'), f.lowest_abi_tag), coalesce(o.platform_tag, f.platform_tag)
FROM piwheels_before.builds b
    CROSS JOIN farm f
    LEFT JOIN renamed_packages r ON r.package = b.package
    LEFT JOIN foreign_builds o ON o.build_id = b.build_id
WHERE NOT EXISTS (SELECT FROM refused_builds x WHERE x.build_id = b.build_id);

CREATE TABLE kept_from_piwheels.builds AS
SELECT b.* FROM piwheels_before.builds b JOIN refused_builds USING (build_id);

DO $do$
DECLARE
    v_sequence text := pg_get_serial_sequence('piwheels_before.builds', 'build_id');
    v_last bigint := (SELECT max(build_id) FROM piwheels_before.builds);
    v_given bigint;
BEGIN
    IF v_sequence IS NOT NULL THEN
        EXECUTE format('SELECT last_value FROM %s WHERE is_called', v_sequence) INTO v_given;
    END IF;
    IF greatest(v_last, v_given) >= 1 THEN
        PERFORM setval(pg_get_serial_sequence('builds', 'build_id'), greatest(v_last, v_given));
    END IF;
END;
$do$;
