-- The farm's single facts: which schema this is, how far the index's log has been followed, and what the master says
-- of itself that the build queue must know.
--
-- Rules of all these files. Objects belong to the superuser who ran piw-initdb. The ordinary user ({username}) reads
-- tables and calls functions, and nothing more. A function that a method of the program's Database class calls is
-- SECURITY DEFINER with a fixed search_path and granted; all others are internal, and nobody but such a function calls
-- them. What changes a package first takes lock_package(); what changes the targets first takes lock_targets(); so no
-- two changes ever work on the same release at a time, and each sees all that the one before it has done.
-- Texts that are keys compare as bytes (COLLATE "C"): an operating system's new collation cannot break their indexes.
-- TIMESTAMP columns hold UTC; functions take and answer TIMESTAMPTZ.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {username};
GRANT USAGE ON SCHEMA public TO {username};

CREATE TABLE configuration (
    id integer DEFAULT 1 PRIMARY KEY CHECK (id = 1),
    version varchar(16) NOT NULL,
    pypi_serial bigint DEFAULT 0 NOT NULL CHECK (pypi_serial >= 0),
    armv6_alias boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE configuration IS 'One row: schema version, serial of the last event of the index, the armv6l setting';
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
