-- The farm's single facts: which schema this is, how far the index's log has been followed, what the master says of
-- itself that the build queue must know, and which requests have been recorded.
--
-- Rules of all these files. Objects belong to the superuser who ran piw-initdb. The ordinary user ({username}) reads
-- tables and calls functions, and nothing more. A function that a method of the program's Database class calls is
-- SECURITY DEFINER with a fixed search_path and granted; all others are internal, and nobody but such a function calls
-- them. What changes a package first takes lock_package(); what changes the targets first takes lock_targets(); so no
-- two changes ever work on the same release at a time, and each sees all that the one before it has done.
-- Texts that are keys compare as bytes (COLLATE "C"): an operating system's new collation cannot break their indexes.
-- What every build or new version asks keeps its plans for as long as a connection lasts, and one that was made while the
-- tables were small would go on to read them whole: such functions have enable_seqscan off, and then jit, which would take
-- the price of a scan that cannot be avoided for a reason to compile.
-- TIMESTAMP columns hold UTC; functions take and answer TIMESTAMPTZ.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {username};
GRANT USAGE ON SCHEMA public TO {username};

CREATE TABLE configuration (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    version varchar(16) NOT NULL,
    pypi_serial bigint DEFAULT 0 NOT NULL CHECK (pypi_serial >= 0),
    armv6_alias boolean DEFAULT false NOT NULL,
    requests_swept_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL,
    upstream_policy varchar(7) DEFAULT 'rebuild' NOT NULL CHECK (upstream_policy IN ('rebuild', 'defer', 'link'))
);
COMMENT ON TABLE configuration IS
    'One row: schema version, serial of the index''s last event, armv6l setting, last sweep of requests_done, policy';
GRANT SELECT ON configuration TO {username};

INSERT INTO configuration (version) VALUES ({version});


CREATE FUNCTION get_version() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT version FROM configuration;
$sql$;
COMMENT ON FUNCTION get_version IS 'The schema''s version; the master refuses any but its own';
REVOKE ALL ON FUNCTION get_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_version TO {username};


CREATE FUNCTION get_pypi_serial() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT pypi_serial FROM configuration;
$sql$;
COMMENT ON FUNCTION get_pypi_serial IS 'The serial of the last event of the index that has taken effect';
REVOKE ALL ON FUNCTION get_pypi_serial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_pypi_serial TO {username};


CREATE FUNCTION set_pypi_serial(p_serial bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    UPDATE configuration SET pypi_serial = p_serial WHERE pypi_serial <= p_serial;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the serial cannot go back from % to %', (SELECT pypi_serial FROM configuration), p_serial
            USING ERRCODE = 'check_violation';
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_pypi_serial IS 'Moves the serial on; going back is an error';
REVOKE ALL ON FUNCTION set_pypi_serial FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_pypi_serial TO {username};


-- What must not be recorded twice comes with a number of its own (RFC 9562). When the answer was lost on its way, or came
-- too late, the same number is asked again, and answered as the first time. One number may go to several functions.
CREATE TABLE requests_done (
    request uuid NOT NULL,
    function varchar(30) COLLATE "C" NOT NULL,
    answer bigint,
    done_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL,
    PRIMARY KEY (request, function)
);
COMMENT ON TABLE requests_done IS 'Requests of the last day that were recorded, with what was answered';
GRANT SELECT ON requests_done TO {username};


-- Called in the transaction that records. Where the first attempt is still at work (its client has given up), this one
-- waits for its end.
CREATE FUNCTION claim_request(p_request uuid, p_function text, p_answer bigint DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql
AS $sql$
BEGIN
    IF p_request IS NULL THEN
        RETURN true;
    END IF;
    INSERT INTO requests_done (request, function, answer) VALUES (p_request, p_function, p_answer)
    ON CONFLICT (request, function) DO NOTHING;
    RETURN FOUND;
END;
$sql$;
COMMENT ON FUNCTION claim_request IS 'False when the request has been recorded before; one without a number never has';
REVOKE ALL ON FUNCTION claim_request FROM PUBLIC;


CREATE FUNCTION request_is_done(p_request uuid, p_function text) RETURNS boolean
LANGUAGE sql STABLE
AS $sql$
    SELECT EXISTS (SELECT FROM requests_done r WHERE r.request = p_request AND r.function = p_function);
$sql$;
COMMENT ON FUNCTION request_is_done IS 'Whether the request has been recorded; one without a number never has';
REVOKE ALL ON FUNCTION request_is_done FROM PUBLIC;


-- Once an hour at most. What is forgotten was a day old at the sweep before this one: when the server comes back after
-- days, whoever waits for it has at least an hour to ask again.
CREATE FUNCTION forget_requests() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_now timestamp := now() AT TIME ZONE 'UTC';
    v_last timestamp := (SELECT requests_swept_at FROM configuration);
BEGIN
    IF v_last BETWEEN v_now - interval '1 hour' AND v_now THEN
        RETURN;
    END IF;
    UPDATE configuration SET requests_swept_at = v_now WHERE requests_swept_at = v_last;
    IF FOUND THEN
        DELETE FROM requests_done WHERE done_at < v_last - interval '1 day';
    END IF;
END;
$sql$;
COMMENT ON FUNCTION forget_requests IS 'Removes old rows of requests_done';
REVOKE ALL ON FUNCTION forget_requests FROM PUBLIC;
