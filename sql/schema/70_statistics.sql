-- Figures that are kept as things happen, so that no question ever scans what they count.
--
-- Every change appends to counter_changes, where writers never meet; fold_counters() adds these up into counters now
-- and then. A value is the sum over both. A counter has a total (at 1970-01-01), and what needs it also a value a minute
-- (for two hours) or a day (for good).

CREATE TABLE counters (
    counter varchar(120) COLLATE "C" NOT NULL,
    period varchar(6) NOT NULL CHECK (period IN ('total', 'day', 'minute')),
    at timestamp NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (counter, period, at)
);
COMMENT ON TABLE counters IS 'Figures in all, by day and by minute; counter_changes is still to be added';
GRANT SELECT ON counters TO {username};

CREATE TABLE counter_changes (
    counter varchar(120) COLLATE "C" NOT NULL,
    period varchar(6) NOT NULL,
    at timestamp NOT NULL,
    amount bigint NOT NULL
);
COMMENT ON TABLE counter_changes IS 'Changes of counters that have not been added up yet';
GRANT SELECT ON counter_changes TO {username};

CREATE VIEW counter_values AS
SELECT counter, period, at, amount FROM counters
UNION ALL
SELECT counter, period, at, amount FROM counter_changes;
COMMENT ON VIEW counter_values IS 'Counters and their changes: to be summed up';
GRANT SELECT ON counter_values TO {username};

CREATE TABLE package_downloads (
    package varchar(255) COLLATE "C" PRIMARY KEY,
    recent bigint NOT NULL,
    total bigint NOT NULL
);
COMMENT ON TABLE package_downloads IS 'Downloads by project, of the last 30 days and in all; outlives the package';
GRANT SELECT ON package_downloads TO {username};

CREATE TABLE package_downloads_daily (
    day date NOT NULL,
    package varchar(255) COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (day, package)
);
COMMENT ON TABLE package_downloads_daily IS 'Downloads by project and day';
GRANT SELECT ON package_downloads_daily TO {username};

CREATE TABLE download_window (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    last_day date NOT NULL
);
INSERT INTO download_window (last_day) VALUES ((now() AT TIME ZONE 'UTC')::date);
COMMENT ON TABLE download_window IS 'The last of the 30 days that package_downloads.recent sums up';
GRANT SELECT ON download_window TO {username};


CREATE FUNCTION count_change(p_counter text, p_amount bigint) RETURNS void
LANGUAGE sql
AS $sql$
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT p_counter, 'total', '1970-01-01', p_amount WHERE p_amount <> 0;
$sql$;
COMMENT ON FUNCTION count_change IS 'Changes a total';
REVOKE ALL ON FUNCTION count_change FROM PUBLIC;


-- The last hour is all that minutes are asked for.
CREATE FUNCTION count_minute(p_counter text, p_at timestamp, p_amount bigint) RETURNS void
LANGUAGE sql
AS $sql$
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT p_counter, 'minute', date_trunc('minute', p_at), p_amount
    WHERE p_at > (now() AT TIME ZONE 'UTC') - interval '1 hour';
$sql$;
COMMENT ON FUNCTION count_minute IS 'Counts what happened at a time within the last hour';
REVOKE ALL ON FUNCTION count_minute FROM PUBLIC;


CREATE FUNCTION counter_total(p_counter text) RETURNS bigint
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(sum(amount), 0)::bigint FROM counter_values WHERE counter = p_counter AND period = 'total';
$sql$;
COMMENT ON FUNCTION counter_total IS 'A counter''s total';
REVOKE ALL ON FUNCTION counter_total FROM PUBLIC;


CREATE FUNCTION counter_last_hour(p_counter text) RETURNS bigint
LANGUAGE sql STABLE
AS $sql$
    SELECT coalesce(sum(amount), 0)::bigint FROM counter_values
    WHERE counter = p_counter AND period = 'minute'
        AND at BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 hour' AND now() AT TIME ZONE 'UTC';
$sql$;
COMMENT ON FUNCTION counter_last_hour IS 'A counter''s last hour, by whole minutes';
REVOKE ALL ON FUNCTION counter_last_hour FROM PUBLIC;


-- One session at a time; another one that comes meanwhile has nothing to do.
CREATE FUNCTION fold_counters() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('piwheels.fold_counters')) THEN
        RETURN;
    END IF;
    WITH folded AS (DELETE FROM counter_changes RETURNING *)
    INSERT INTO counters AS c (counter, period, at, amount)
    SELECT f.counter, f.period, f.at, sum(f.amount) FROM folded f GROUP BY f.counter, f.period, f.at
    ON CONFLICT (counter, period, at) DO UPDATE SET amount = c.amount + excluded.amount;
    DELETE FROM counters WHERE period = 'minute' AND at < (now() AT TIME ZONE 'UTC') - interval '2 hours';
END;
$sql$;
COMMENT ON FUNCTION fold_counters IS 'Adds up what has changed since the last time';
REVOKE ALL ON FUNCTION fold_counters FROM PUBLIC;


-- Triggers count, so that what cascades deletes is counted too. They are on the way of every build, so each is one
-- statement, whose plan is kept: a function in SQL would be planned anew at each call.

CREATE FUNCTION count_versions() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'versions', 'minute', date_trunc('minute', v.released), count(*) FROM added v
    WHERE v.released > (now() AT TIME ZONE 'UTC') - interval '1 hour'
    GROUP BY 3;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_versions IS 'Trigger: counts releases of the last hour';
REVOKE ALL ON FUNCTION count_versions FROM PUBLIC;

CREATE TRIGGER count_versions AFTER INSERT ON versions REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_versions();


-- A build longer than a week is a clock error, and not counted. A package counts while it has a good build: it came
-- with these if all that it has are these.
CREATE FUNCTION count_builds_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'builds_time', 'total', timestamp '1970-01-01', build_microseconds(sum(a.duration)) FROM added a
    WHERE a.duration <= interval '7 days'
    HAVING sum(a.duration) > interval '0'
    UNION ALL
    SELECT 'builds:' || a.abi_tag, 'minute', date_trunc('minute', a.built_at), count(*) FROM added a
    WHERE a.built_at > (now() AT TIME ZONE 'UTC') - interval '1 hour'
    GROUP BY 1, 3
    UNION ALL
    SELECT 'packages_built', 'total', timestamp '1970-01-01', count(DISTINCT a.package) FROM added a
    WHERE a.status AND NOT EXISTS (
        SELECT FROM builds b WHERE b.package = a.package AND b.status
            AND b.build_id NOT IN (SELECT n.build_id FROM added n))
    HAVING count(*) > 0;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_builds_added IS 'Trigger: counts builds';
REVOKE ALL ON FUNCTION count_builds_added FROM PUBLIC;

CREATE TRIGGER count_builds_added AFTER INSERT ON builds REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_builds_added();


CREATE FUNCTION count_builds_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'builds_time', 'total', timestamp '1970-01-01', -build_microseconds(sum(g.duration)) FROM gone g
    WHERE g.duration <= interval '7 days'
    HAVING sum(g.duration) > interval '0'
    UNION ALL
    SELECT 'packages_built', 'total', timestamp '1970-01-01', -count(DISTINCT g.package) FROM gone g
    WHERE g.status AND NOT EXISTS (SELECT FROM builds b WHERE b.package = g.package AND b.status)
    HAVING count(*) > 0;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_builds_deleted IS 'Trigger: takes deleted builds off the totals';
REVOKE ALL ON FUNCTION count_builds_deleted FROM PUBLIC;

CREATE TRIGGER count_builds_deleted AFTER DELETE ON builds REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_builds_deleted();


CREATE FUNCTION build_microseconds(p_duration interval) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $sql$
    SELECT coalesce((extract(epoch FROM p_duration) * 1000000)::bigint, 0);
$sql$;
COMMENT ON FUNCTION build_microseconds IS 'A duration as a whole number; nothing is 0';
REVOKE ALL ON FUNCTION build_microseconds FROM PUBLIC;


CREATE FUNCTION count_files_added() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT c.counter, 'total', '1970-01-01', c.amount
    FROM (
        SELECT count(*) AS files, coalesce(sum(a.filesize) FILTER (WHERE NOT a.alias), 0)::bigint AS size
        FROM added a) AS s
        CROSS JOIN LATERAL (VALUES ('files', s.files), ('builds_size', s.size)) AS c (counter, amount)
    WHERE c.amount <> 0;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_files_added IS 'Trigger: counts wheels and their size; an alias takes no space';
REVOKE ALL ON FUNCTION count_files_added FROM PUBLIC;

CREATE TRIGGER count_files_added AFTER INSERT ON files REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_files_added();


CREATE FUNCTION count_files_deleted() RETURNS trigger
LANGUAGE plpgsql
AS $sql$
BEGIN
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT c.counter, 'total', '1970-01-01', -c.amount
    FROM (
        SELECT count(*) AS files, coalesce(sum(g.filesize) FILTER (WHERE NOT g.alias), 0)::bigint AS size
        FROM gone g) AS s
        CROSS JOIN LATERAL (VALUES ('files', s.files), ('builds_size', s.size)) AS c (counter, amount)
    WHERE c.amount <> 0;
    RETURN NULL;
END;
$sql$;
COMMENT ON FUNCTION count_files_deleted IS 'Trigger: takes deleted wheels off the totals';
REVOKE ALL ON FUNCTION count_files_deleted FROM PUBLIC;

CREATE TRIGGER count_files_deleted AFTER DELETE ON files REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_files_deleted();


-- Days that have left the window are taken off. Whoever adds downloads holds the window still meanwhile.
CREATE FUNCTION advance_download_window() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_last_day date;
BEGIN
    IF (SELECT last_day FROM download_window) >= v_today THEN
        RETURN;
    END IF;
    SELECT last_day INTO v_last_day FROM download_window FOR UPDATE;
    IF v_last_day >= v_today THEN
        RETURN;
    END IF;
    UPDATE package_downloads p SET recent = p.recent - d.amount
    FROM (
        SELECT package, sum(amount) AS amount FROM package_downloads_daily
        WHERE day > v_last_day - 30 AND day <= v_today - 30 GROUP BY package) AS d
    WHERE d.package = p.package;
    UPDATE download_window SET last_day = v_today;
END;
$sql$;
COMMENT ON FUNCTION advance_download_window IS 'Moves the 30 days of package_downloads.recent on to today';
REVOKE ALL ON FUNCTION advance_download_window FROM PUBLIC;


-- The project is read off the wheel's file name (PEP 427), which needs no row of a wheel that may be gone by now.
CREATE FUNCTION count_downloads(p_filenames text[], p_times timestamptz[]) RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_last_day date;
BEGIN
    PERFORM advance_download_window();
    SELECT last_day INTO v_last_day FROM download_window FOR SHARE;

    INSERT INTO package_downloads_daily AS d (day, package, amount)
    SELECT (n.at AT TIME ZONE 'UTC')::date, canonical_name(split_part(n.filename, '-', 1)), count(*)
    FROM unnest(p_filenames, p_times) AS n (filename, at)
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (day, package) DO UPDATE SET amount = d.amount + excluded.amount;

    INSERT INTO package_downloads AS p (package, recent, total)
    SELECT
        canonical_name(split_part(n.filename, '-', 1)),
        count(*) FILTER (WHERE (n.at AT TIME ZONE 'UTC')::date > v_last_day - 30),
        count(*)
    FROM unnest(p_filenames, p_times) AS n (filename, at)
    GROUP BY 1 ORDER BY 1
    ON CONFLICT (package) DO UPDATE SET recent = p.recent + excluded.recent, total = p.total + excluded.total;

    PERFORM count_change('downloads', cardinality(p_filenames));
    PERFORM count_minute('downloads', t.at, count(*)) FROM (
        SELECT date_trunc('minute', n AT TIME ZONE 'UTC') AS at FROM unnest(p_times) AS n) AS t GROUP BY t.at;
    INSERT INTO counter_changes (counter, period, at, amount)
    SELECT 'downloads', 'day', date_trunc('day', n AT TIME ZONE 'UTC') AS day, count(*)
    FROM unnest(p_times) AS n GROUP BY day;
END;
$sql$;
COMMENT ON FUNCTION count_downloads IS 'Adds downloads to the roll-ups';
REVOKE ALL ON FUNCTION count_downloads FROM PUBLIC;


CREATE FUNCTION get_statistics()
RETURNS TABLE (
    packages_built bigint, files_count bigint, builds_time interval, builds_size bigint, new_last_hour bigint,
    downloads_last_hour bigint, downloads_last_month bigint, downloads_all bigint,
    abi_tags text[], builds_last_hour bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    PERFORM fold_counters();
    PERFORM forget_requests();
    RETURN QUERY
    SELECT
        counter_total('packages_built'),
        counter_total('files'),
        counter_total('builds_time') * interval '1 microsecond',
        counter_total('builds_size'),
        counter_last_hour('versions'),
        counter_last_hour('downloads'),
        (SELECT coalesce(sum(c.amount), 0)::bigint FROM counter_values c
            WHERE c.counter = 'downloads' AND c.period = 'day'
                AND c.at > date_trunc('day', now() AT TIME ZONE 'UTC') - interval '30 days'),
        counter_total('downloads'),
        coalesce(array_agg(a.abi_tag::text ORDER BY a.abi_tag), '{}'),
        coalesce(array_agg(counter_last_hour('builds:' || a.abi_tag) ORDER BY a.abi_tag), '{}')
    FROM get_build_abis(true) a;
END;
$sql$;
COMMENT ON FUNCTION get_statistics IS 'The farm''s figures';
REVOKE ALL ON FUNCTION get_statistics FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_statistics TO {username};
