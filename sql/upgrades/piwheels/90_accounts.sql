GRANT USAGE ON SCHEMA kept_from_piwheels TO {username};
GRANT SELECT ON ALL TABLES IN SCHEMA kept_from_piwheels TO {username};

-- Every row is in our table or kept aside; else nothing is changed at all.
DO $do$
DECLARE
    v_table text;
    v_before bigint;
    v_now bigint;
    v_kept bigint;
BEGIN
    FOR v_table IN SELECT name FROM old_tables WHERE name <> 'configuration' LOOP
        EXECUTE format('SELECT count(*) FROM piwheels_before.%I', v_table) INTO v_before;
        EXECUTE format('SELECT count(*) FROM public.%I', CASE v_table WHEN 'build_abis' THEN 'targets' ELSE v_table END)
            INTO v_now;
        v_kept := 0;
        IF to_regclass('kept_from_piwheels.' || v_table) IS NOT NULL THEN
            EXECUTE format('SELECT count(*) FROM kept_from_piwheels.%I', v_table) INTO v_kept;
            IF v_kept = 0 THEN
                EXECUTE format('DROP TABLE kept_from_piwheels.%I', v_table);
            END IF;
            PERFORM pg_temp.tell(
                v_kept, format('rows of %s could not be taken over: they are in kept_from_piwheels.%1$I', v_table));
        END IF;
        IF v_table = 'package_names' THEN
            v_now := v_now - (SELECT count(*) FROM added_names);
        END IF;
        IF v_before <> v_now + v_kept THEN
            RAISE EXCEPTION USING ERRCODE = 'PIW02', MESSAGE = format(
                'of %s rows of %s only %s would be taken over and %s kept aside', v_before, v_table, v_now, v_kept);
        END IF;
    END LOOP;

    IF to_regclass('kept_from_piwheels.output') IS NOT NULL THEN
        SELECT count(*) INTO v_kept FROM kept_from_piwheels.output;
        IF v_kept = 0 THEN
            DROP TABLE kept_from_piwheels.output;
        END IF;
        PERFORM pg_temp.tell(
            v_kept, 'logs of builds are in kept_from_piwheels.output until piw-audit-logs --fix has written them out');
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'kept_from_piwheels'::regnamespace) THEN
        DROP SCHEMA kept_from_piwheels;
    END IF;

    EXECUTE (SELECT 'DROP TABLE ' || string_agg('piwheels_before.' || quote_ident(name), ', ') FROM old_tables);
    DROP SCHEMA piwheels_before;
END;
$do$;
