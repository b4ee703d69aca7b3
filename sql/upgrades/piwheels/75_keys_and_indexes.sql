DO $do$
DECLARE
    v_each record;
BEGIN
    FOR v_each IN SELECT return FROM laid_aside ORDER BY turn LOOP
        EXECUTE v_each.return;
    END LOOP;
    FOR v_each IN SELECT oid::regclass AS name FROM loaded_tables LOOP
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', v_each.name);
    END LOOP;
END;
$do$;

-- What follows, and the master's first questions, are planned by these
ANALYZE
    packages, package_names, versions, builds, files, dependencies, downloads, package_downloads, package_downloads_daily;
