-- What the queue has and no slave shall have now: the operator's recipes skip it, or ask for packages that no slave for
-- its target has. SlaveDriver says so, who knows recipes and slaves; the queue's rule knows nothing of it, and the release
-- waits as before. Its place among the first that are handed out is the next one's.

-- Without a foreign key to targets, as build_queue.
CREATE TABLE held_builds (
    package varchar(200) COLLATE "C" NOT NULL,
    version varchar(200) COLLATE "C" NOT NULL,
    target_id integer NOT NULL,
    skipped boolean NOT NULL,
    reason varchar(500) NOT NULL CHECK (reason <> ''),
    held_at timestamp DEFAULT (now() AT TIME ZONE 'UTC') NOT NULL,
    PRIMARY KEY (package, version, target_id),
    FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
COMMENT ON TABLE held_builds IS 'Releases that wait, by target, and are not handed out; why, and whether that is a recipe''s wish';
GRANT SELECT ON held_builds TO {username};


-- Tells of what is not held any more, as it is at the head of its queue again. Rows of what has left the queue go, too.
CREATE FUNCTION hold_builds(
    p_packages text[], p_versions text[], p_abi_tags text[], p_platform_tags text[], p_skipped boolean[], p_reasons text[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_changed text[];
BEGIN
    WITH
        said AS MATERIALIZED (
            SELECT s.package, s.version, t.target_id, s.skipped, s.reason
            FROM unnest(p_packages, p_versions, p_abi_tags, p_platform_tags, p_skipped, p_reasons)
                    AS s (package, version, abi_tag, platform_tag, skipped, reason)
                JOIN targets t ON t.abi_tag = s.abi_tag AND t.platform_tag = s.platform_tag),
        freed AS (
            DELETE FROM held_builds h
            WHERE EXISTS (
                    SELECT FROM said s
                    WHERE s.package = h.package AND s.version = h.version AND s.target_id = h.target_id AND s.reason = '')
                OR NOT EXISTS (
                    SELECT FROM build_queue q
                    WHERE q.package = h.package AND q.version = h.version AND q.target_id = h.target_id)
            RETURNING h.package),
        held AS (
            INSERT INTO held_builds AS h (package, version, target_id, skipped, reason)
            SELECT s.package, s.version, s.target_id, s.skipped, s.reason
            FROM said s JOIN build_queue q USING (package, version, target_id)
            WHERE s.reason <> ''
            ORDER BY s.package, s.version, s.target_id
            ON CONFLICT (package, version, target_id) DO UPDATE SET skipped = excluded.skipped, reason = excluded.reason
                WHERE (h.skipped, h.reason) <> (excluded.skipped, excluded.reason)
            RETURNING h.package)
    SELECT array_agg(DISTINCT c.package ORDER BY c.package) INTO v_changed
    FROM (SELECT package FROM freed UNION ALL SELECT package FROM held) AS c;

    IF v_changed IS NOT NULL THEN
        PERFORM owe_rewrite(c.package, 'PROJECT') FROM unnest(v_changed) AS c (package);
        NOTIFY piwheels_build_queue;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION hold_builds IS 'Sets why releases that wait are not handed out; an empty reason: they are again';
REVOKE ALL ON FUNCTION hold_builds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_builds TO {username};


-- PL/pgSQL, since the queue's table is made after this file.
CREATE FUNCTION get_held_builds(p_package text)
RETURNS TABLE (package varchar, version varchar, abi_tag varchar, platform_tag varchar, skipped boolean, reason varchar)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    RETURN QUERY
    SELECT h.package, h.version, t.abi_tag, t.platform_tag, h.skipped, h.reason
    FROM held_builds h
        JOIN build_queue q ON q.package = h.package AND q.version = h.version AND q.target_id = h.target_id
        JOIN targets t ON t.target_id = h.target_id
    WHERE p_package IS NULL OR h.package = p_package
    ORDER BY h.package, h.version, t.abi_order, t.abi_tag, t.platform_tag;
END;
$sql$;
COMMENT ON FUNCTION get_held_builds IS 'What is not handed out, of one package or of all, and why';
REVOKE ALL ON FUNCTION get_held_builds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_held_builds TO {username};
