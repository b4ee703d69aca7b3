-- What the other scripts of this folder work with. All of it is gone with the session.

-- Tells the user of piw-initdb what was repaired, kept aside or counted; nothing, where there was none.
CREATE OR REPLACE FUNCTION pg_temp.tell(p_count bigint, p_text text) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF p_count > 0 THEN
        RAISE NOTICE USING ERRCODE = 'PIW01', MESSAGE = p_count || ' ' || p_text;
    END IF;
END;
$sql$;


-- Drops functions and views of these names in the schema public, and what of the tables in p_schema triggers them. They
-- hold no rows. What a table's column, constraint or trigger is made with stays; what any other object needs is refused,
-- since that object is not ours to drop.
CREATE OR REPLACE FUNCTION pg_temp.drop_code(p_names text[], p_schema text DEFAULT 'public') RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_object record;
    v_dropped integer;
    v_hindrance text;
BEGIN
    FOR v_object IN
        SELECT t.tgname AS name, t.tgrelid::regclass AS on_table
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND c.relnamespace = p_schema::regnamespace
            AND p.pronamespace = 'public'::regnamespace AND p.proname = ANY (p_names)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', v_object.name, v_object.on_table);
    END LOOP;

    LOOP
        v_dropped := 0;
        v_hindrance := NULL;
        FOR v_object IN
            SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END AS kind, c.oid::regclass::text AS name
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') AND c.relname = ANY (p_names)
            UNION ALL
            SELECT 'ROUTINE', p.oid::regprocedure::text
            FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ANY (p_names)
                AND NOT EXISTS (
                    SELECT FROM pg_depend d
                    WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
                        AND d.classid IN (
                            'pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass,
                            'pg_class'::regclass, 'pg_policy'::regclass))
        LOOP
            BEGIN
                EXECUTE format('DROP %s %s', v_object.kind, v_object.name);
                v_dropped := v_dropped + 1;
            EXCEPTION WHEN dependent_objects_still_exist THEN
                GET STACKED DIAGNOSTICS v_hindrance = PG_EXCEPTION_DETAIL;
            END;
        END LOOP;
        EXIT WHEN v_dropped = 0;
    END LOOP;
    IF v_hindrance IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PIW02',
            MESSAGE = 'something that is not ours hinders: ' || v_hindrance || '; drop it, and make it again afterwards';
    END IF;
END;
$sql$;


-- What the program can read, which is the years 1 to 9999 (.NET, System.DateTime), or 1970 where the time is unknown.
CREATE OR REPLACE FUNCTION pg_temp.calendar_time(p_at timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT CASE WHEN p_at >= '0001-01-01' AND p_at < '10000-01-01' THEN p_at ELSE '1970-01-01' END;
$sql$;


-- Whether a hit may have been at that time: since Unix, and in four digits, as partitions are named.
CREATE OR REPLACE FUNCTION pg_temp.hit_time(p_at timestamp) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $sql$
    SELECT p_at >= '1970-01-01' AND p_at < '10000-01-01';
$sql$;
