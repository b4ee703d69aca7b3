-- Millions of rows are entered without keys, indexes and triggers; all of these come back when the rows are in, and are
-- checked and built as a whole then, which takes a fraction of the time.

CREATE TEMPORARY TABLE loaded_tables ON COMMIT DROP AS
SELECT unnest(ARRAY[
    'packages', 'package_names', 'versions', 'builds', 'files', 'dependencies', 'preinstalled_apt_packages',
    'rewrites_pending', 'package_downloads', 'package_downloads_daily']::regclass[]) AS oid;

CREATE TEMPORARY TABLE laid_aside ON COMMIT DROP AS
SELECT
    CASE c.contype WHEN 'f' THEN 3 ELSE 1 END AS turn,
    format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS leave,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS return
FROM pg_constraint c
WHERE c.contype IN ('p', 'u', 'f')
    AND (c.conrelid IN (SELECT oid FROM loaded_tables) OR c.confrelid IN (SELECT oid FROM loaded_tables))
UNION ALL
SELECT 2, format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid IN (SELECT oid FROM loaded_tables)
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'));

DO $do$
DECLARE
    v_each record;
BEGIN
    FOR v_each IN SELECT leave FROM laid_aside ORDER BY turn DESC LOOP
        EXECUTE v_each.leave;
    END LOOP;
    FOR v_each IN SELECT oid::regclass AS name FROM loaded_tables LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', v_each.name);
    END LOOP;
END;
$do$;
