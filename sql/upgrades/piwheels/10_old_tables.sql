-- What piwheels has made is put aside: its functions and views go, its tables are moved to a schema of their own, which
-- is dropped when ours have been filled from them. Rows that ours cannot take go to kept_from_piwheels.

CREATE TEMPORARY TABLE old_tables ON COMMIT DROP AS
SELECT unnest(ARRAY[
    'configuration', 'packages', 'package_names', 'versions', 'build_abis', 'builds', 'files', 'dependencies',
    'preinstalled_apt_packages', 'rewrites_pending', 'downloads', 'searches', 'project_page_hits',
    'project_json_downloads', 'web_page_hits']) AS name;

-- A piwheels master that is still at work would be waited for here, and no longer than the lock timeout
DO $do$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT name FROM old_tables LOOP
        EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', v_table);
    END LOOP;
END;
$do$;

CREATE TEMPORARY TABLE old_code ON COMMIT DROP AS
SELECT o.name
FROM (
    SELECT 'pg_proc'::regclass AS catalog, oid, proname::text AS name, pronamespace AS schema, proowner AS owner FROM pg_proc
    UNION ALL
    SELECT 'pg_class', oid, relname, relnamespace, relowner FROM pg_class WHERE relkind IN ('v', 'm')) AS o
WHERE o.schema = 'public'::regnamespace
    AND o.owner = (SELECT relowner FROM pg_class WHERE oid = 'public.configuration'::regclass)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.catalog AND d.objid = o.oid AND d.deptype = 'e');

CREATE SCHEMA piwheels_before;
CREATE SCHEMA kept_from_piwheels;
COMMENT ON SCHEMA kept_from_piwheels IS 'What an upgrade from piwheels could not take over; can be dropped when not needed';

DO $do$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN SELECT name FROM old_tables LOOP
        EXECUTE format('ALTER TABLE public.%I SET SCHEMA piwheels_before', v_table);
    END LOOP;
END;
$do$;

SELECT pg_temp.drop_code(array(SELECT name FROM old_code), 'piwheels_before');
SELECT pg_temp.tell(count(*), 'functions and views of piwheels are gone: ours take their place') FROM old_code;

-- Up to 0.19 the logs of builds were rows. They may be many, so the table is moved as it is.
DO $do$
DECLARE
    v_key text;
BEGIN
    IF (SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('public.output') AND attname IN ('build_id', 'output')) = 2
    THEN
        FOR v_key IN SELECT conname FROM pg_constraint WHERE conrelid = 'public.output'::regclass AND contype = 'f' LOOP
            EXECUTE format('ALTER TABLE public.output DROP CONSTRAINT %I', v_key);
        END LOOP;
        ALTER TABLE public.output SET SCHEMA kept_from_piwheels;
        COMMENT ON TABLE kept_from_piwheels.output IS 'Logs of builds, until piw-audit-logs --fix has written them out';
    END IF;
END;
$do$;

-- The tables go at the end. Whatever would have to go with them is to be known now, not after an hour of work.
DO $do$
DECLARE
    v_hindrance text;
BEGIN
    EXECUTE (SELECT 'DROP TABLE ' || string_agg('piwheels_before.' || quote_ident(name), ', ') FROM old_tables);
    RAISE EXCEPTION USING ERRCODE = 'PIW00', MESSAGE = 'they could be dropped; take it back';
EXCEPTION
    WHEN SQLSTATE 'PIW00' THEN
        NULL;
    WHEN dependent_objects_still_exist THEN
        GET STACKED DIAGNOSTICS v_hindrance = PG_EXCEPTION_DETAIL;
        RAISE EXCEPTION USING ERRCODE = 'PIW02',
            MESSAGE = 'something that is not piwheels'' hinders: ' || v_hindrance || '; drop it, and make it again afterwards';
END;
$do$;

-- Up to 0.18 there is no requires_python, up to 0.21 no location
ALTER TABLE piwheels_before.files
    ADD COLUMN IF NOT EXISTS requires_python varchar(200),
    ADD COLUMN IF NOT EXISTS location varchar(100) DEFAULT '/simple';
