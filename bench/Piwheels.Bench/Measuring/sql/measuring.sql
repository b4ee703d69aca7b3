-- What measuring needs in a generated database: writing down which rows a change writes, and taking all of it back.

CREATE UNLOGGED TABLE IF NOT EXISTS bench.written (
    serial bigint GENERATED ALWAYS AS IDENTITY,
    transaction text DEFAULT pg_current_xact_id() NOT NULL,
    relation text NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb
);

-- What the server gives to a row beside its key, like the number of its transaction, it gives anew when the row is
-- written again.
CREATE OR REPLACE VIEW bench.written_by_changes AS
SELECT w.serial, w.transaction, w.relation, w.operation, w.before, w.after - coalesce(c.own, '{}') AS after
FROM bench.written w
    LEFT JOIN LATERAL (
        SELECT array_agg(a.attname::text) AS own
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = to_regclass('public.' || w.relation)
            AND (a.attgenerated <> ''
                OR a.attidentity <> '' AND NOT EXISTS (
                    SELECT FROM pg_index i
                    WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey))
                OR pg_get_expr(d.adbin, d.adrelid) = 'pg_current_xact_id()')) AS c ON true
ORDER BY w.serial;

CREATE OR REPLACE FUNCTION bench.write_down() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
AS $sql$
BEGIN
    INSERT INTO bench.written (relation, operation, before, after) VALUES (
        TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION bench.write_down IS 'Trigger: keeps a copy of each row written';

-- Triggers fire in the order of their names: this one before those that count. What one change adds up for many before
-- it (fold_when_due) is not of its own rows, and put off meanwhile.
CREATE OR REPLACE FUNCTION bench.begin_writing_down() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_table regclass;
BEGIN
    PERFORM fold_figures();
    UPDATE figures_folded SET at = 'infinity', number = number + 1000000000;
    TRUNCATE bench.written;
    FOR v_table IN
        SELECT oid FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('CREATE TRIGGER bench_write_down AFTER INSERT OR UPDATE OR DELETE ON %s '
            'FOR EACH ROW EXECUTE FUNCTION bench.write_down()', v_table);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION bench.begin_writing_down IS 'From now on each row written is kept in bench.written too';

CREATE OR REPLACE FUNCTION bench.end_writing_down() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT tgrelid FROM pg_trigger WHERE tgname = 'bench_write_down' AND tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER bench_write_down ON %s', v_table);
    END LOOP;
    UPDATE figures_folded SET at = now(), number = number - 1000000000 WHERE at = 'infinity';
END;
$sql$;
COMMENT ON FUNCTION bench.end_writing_down IS 'Ends what begin_writing_down() began';


-- Builds with higher numbers, versions of the ninety-nine hundredth major, and downloads since the data's present are
-- what measurements have added.
CREATE OR REPLACE FUNCTION bench.take_back() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_facts bench.facts := (SELECT f FROM bench.facts f);
    v_target targets;
BEGIN
    PERFORM bench.end_writing_down();
    FOR v_target IN
        SELECT t.* FROM targets t WHERE (t.abi_tag, t.platform_tag) NOT IN (SELECT * FROM bench.targets)
    LOOP
        PERFORM remove_target(v_target.abi_tag, v_target.platform_tag);
    END LOOP;
    WHILE to_regproc('settle_targets') IS NOT NULL LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM settle_targets(20000));
    END LOOP;
    CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
    SELECT DISTINCT package, version FROM builds WHERE build_id > v_facts.last_build;
    DELETE FROM builds WHERE build_id > v_facts.last_build;
    PERFORM refresh_queue(t.package, t.version) FROM touched t;
    DELETE FROM versions WHERE version LIKE '9900.%';
    DELETE FROM rewrites_pending WHERE package NOT IN (SELECT package FROM bench.owed);
    DELETE FROM requests_done;
    PERFORM bench.take_back_downloads(v_facts.today);
    PERFORM fold_figures();
END;
$sql$;
COMMENT ON FUNCTION bench.take_back IS 'Removes whatever measurements have added';


CREATE OR REPLACE FUNCTION bench.take_back_downloads(p_today date) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    PERFORM fold_figures();
    CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
    SELECT d.day, d.package, d.amount FROM package_downloads_daily d WHERE d.day >= p_today;
    IF NOT EXISTS (SELECT FROM gone) THEN
        RETURN;
    END IF;
    DELETE FROM downloads WHERE accessed_at >= p_today;
    DELETE FROM package_downloads_daily WHERE day >= p_today;
    UPDATE package_downloads p SET recent = p.recent - g.amount, total = p.total - g.amount
    FROM (SELECT package, sum(amount) AS amount FROM gone GROUP BY package) AS g WHERE g.package = p.package;
    UPDATE counters SET amount = amount - (SELECT sum(amount) FROM gone)
    WHERE counter = 'downloads' AND period = 'total';
    DELETE FROM counters WHERE counter = 'downloads' AND at >= p_today;
END;
$sql$;
COMMENT ON FUNCTION bench.take_back_downloads IS 'Removes the downloads that measurements have added';
