-- The targets, and how a change of them takes effect while the farm goes on.
--
-- A change concerns every release, and to look at all of them takes minutes at PyPI's size. So it is done in steps, each a
-- transaction of some 50 ms under lock_targets(): the next so many versions are looked at, and the target's mark
-- (settled_to) moves on. The rule, the queue and the plain query go by is_active(), which knows the mark, so they agree at
-- every moment, also half way. A change that is taken back half way runs back: then the mark is settled_from, and moves
-- down. Masters and tools take steps as they come; what is under way is in the table, and none need know of another.

-- The first step of every change to the targets: waits until no package is being changed, and keeps it so.
CREATE FUNCTION lock_targets() RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    LOCK TABLE targets IN EXCLUSIVE MODE;
END;
$sql$;
COMMENT ON FUNCTION lock_targets IS 'Keeps all others from changing targets and packages';
REVOKE ALL ON FUNCTION lock_targets FROM PUBLIC;


CREATE FUNCTION get_build_abis(p_exclude_skipped boolean) RETURNS TABLE (abi_tag varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT DISTINCT t.abi_tag FROM targets t WHERE NOT t.removed AND (t.skip = '' OR NOT p_exclude_skipped);
$sql$;
COMMENT ON FUNCTION get_build_abis IS 'The ABI tags of all targets, or of the active ones';
REVOKE ALL ON FUNCTION get_build_abis FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_build_abis TO {username};


CREATE FUNCTION get_targets() RETURNS TABLE (abi_tag varchar, platform_tag varchar, skip varchar, glibc integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT t.abi_tag, t.platform_tag, t.skip, t.glibc FROM targets t
    WHERE NOT t.removed
    ORDER BY t.platform_tag, t.abi_order, t.abi_tag;
$sql$;
COMMENT ON FUNCTION get_targets IS 'All targets, by platform, lowest ABI first';
REVOKE ALL ON FUNCTION get_targets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_targets TO {username};


-- Wheels that are there already may run on it, which their tags tell at once. One that is being removed is added again by
-- taking that back. A C library that is told later holds where nothing depends on it yet; else it would have to take effect
-- in steps, as removing the target and adding it again does.
CREATE FUNCTION add_target(p_abi_tag text, p_platform_tag text, p_glibc integer DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_target targets;
BEGIN
    IF EXISTS (
        SELECT FROM get_targets() t
        WHERE t.abi_tag = p_abi_tag AND t.platform_tag = p_platform_tag
            AND (p_glibc IS NULL OR p_glibc = t.glibc OR EXISTS (SELECT FROM upstream_wheels))) THEN
        RETURN false;
    END IF;
    PERFORM lock_targets();
    UPDATE targets t SET glibc = p_glibc
    WHERE t.abi_tag = p_abi_tag AND t.platform_tag = p_platform_tag AND p_glibc IS NOT NULL
        AND NOT EXISTS (SELECT FROM upstream_wheels);
    SELECT * INTO v_target FROM targets WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag;
    IF NOT FOUND THEN
        INSERT INTO targets (abi_tag, platform_tag, settled_to, glibc)
        VALUES (p_abi_tag, p_platform_tag, '', p_glibc)
        RETURNING * INTO v_target;
        UPDATE wheel_tags w SET target_ids = w.target_ids || v_target.target_id
        FROM configuration c
        WHERE wheel_runs_on(
            w.py_version_tag, w.abi_tag, w.platform_tag, p_abi_tag, p_platform_tag, c.armv6_alias);
    ELSIF v_target.removed THEN
        PERFORM turn_target(v_target.target_id, '');
    ELSE
        RETURN false;
    END IF;
    PERFORM settle_step(v_target.step_versions);
    NOTIFY piwheels_build_queue;
    RETURN true;
END;
$sql$;
COMMENT ON FUNCTION add_target IS 'Adds a target; false when it is known already';
REVOKE ALL ON FUNCTION add_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_target TO {username};


CREATE FUNCTION skip_target(p_abi_tag text, p_platform_tag text, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_target targets;
BEGIN
    PERFORM lock_targets();
    SELECT * INTO v_target FROM targets
    WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag AND NOT removed AND skip <> p_reason;
    IF FOUND THEN
        PERFORM turn_target(v_target.target_id, p_reason);
        PERFORM settle_step(v_target.step_versions);
        NOTIFY piwheels_build_queue;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION skip_target IS 'Sets why nothing is built for a target; an empty reason activates it again';
REVOKE ALL ON FUNCTION skip_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION skip_target TO {username};


-- Builds made for it stay, and so do their wheels.
CREATE FUNCTION remove_target(p_abi_tag text, p_platform_tag text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_target targets;
BEGIN
    PERFORM lock_targets();
    SELECT * INTO v_target FROM targets
    WHERE abi_tag = p_abi_tag AND platform_tag = p_platform_tag AND NOT removed;
    IF FOUND THEN
        PERFORM turn_target(v_target.target_id, coalesce(nullif(v_target.skip, ''), 'removed'), true);
        PERFORM settle_step(v_target.step_versions);
        NOTIFY piwheels_build_queue;
    END IF;
END;
$sql$;
COMMENT ON FUNCTION remove_target IS 'Removes a target; builds and wheels made for it stay';
REVOKE ALL ON FUNCTION remove_target FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_target TO {username};


-- Called under lock_targets(). Where activity changes, what held nowhere holds everywhere, and what held up to the mark
-- now holds after it.
CREATE FUNCTION turn_target(p_target_id integer, p_skip text, p_removed boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
AS $sql$
BEGIN
    UPDATE targets SET
        settled_from = nullif(settled_to, ''),
        settled_to = CASE WHEN settled_from IS NULL AND settled_to IS NULL THEN '' ELSE settled_from END,
        settled_versions = CASE
            WHEN settled_from IS NULL AND settled_to IS NULL THEN 0
            ELSE greatest(versions_about() - settled_versions, 0)
        END
    WHERE target_id = p_target_id AND (skip = '') <> (p_skip = '');
    UPDATE targets SET skip = p_skip, removed = p_removed WHERE target_id = p_target_id;
END;
$sql$;
COMMENT ON FUNCTION turn_target IS 'Sets why a target is skipped and whether it goes; to be settled';
REVOKE ALL ON FUNCTION turn_target FROM PUBLIC;


CREATE FUNCTION versions_about() RETURNS bigint
LANGUAGE plpgsql STABLE
AS $sql$
DECLARE
    v_estimate bigint := (SELECT c.reltuples FROM pg_class c WHERE c.oid = 'versions'::regclass);
BEGIN
    RETURN CASE WHEN v_estimate > 0 THEN v_estimate ELSE (SELECT count(*) FROM versions) END;
END;
$sql$;
COMMENT ON FUNCTION versions_about IS 'How many versions there are, as the server''s statistics have it';
REVOKE ALL ON FUNCTION versions_about FROM PUBLIC;


-- Called under lock_targets(). A step takes whole packages. Its ranges are known when it is planned; that its parts
-- are found by their indexes, however many the planner expects, keeps each step as short as the last. By that setting
-- a small table without a fit index seems so expensive that the server would compile the query first: it must not.
CREATE FUNCTION settle_step(p_versions integer) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off
AS $sql$
DECLARE
    v_begin timestamp := clock_timestamp() AT TIME ZONE 'UTC';
    v_took interval;
    v_target targets;
    v_after text := '';
    v_to text;
    v_count bigint;
BEGIN
    SELECT * INTO v_target FROM targets t
    WHERE t.settled_from IS NOT NULL OR t.settled_to IS NOT NULL ORDER BY t.target_id LIMIT 1;
    IF FOUND THEN
        IF v_target.settled_to IS NOT NULL THEN
            v_after := v_target.settled_to;
            v_to := (
                SELECT v.package FROM versions v WHERE v.package > v_after
                ORDER BY v.package, v.version OFFSET p_versions - 1 LIMIT 1);
        ELSE
            v_to := v_target.settled_from;
            v_after := coalesce((
                SELECT max(b.package) FROM versions b WHERE b.package < (
                    SELECT v.package FROM versions v WHERE v.package <= v_to
                    ORDER BY v.package DESC, v.version DESC OFFSET p_versions - 1 LIMIT 1)), '');
        END IF;
        v_count := (
            SELECT count(*) FROM versions v WHERE v.package > v_after AND (v_to IS NULL OR v.package <= v_to));

        UPDATE targets SET
            settled_to = CASE WHEN settled_to IS NOT NULL THEN v_to END,
            settled_from = CASE WHEN settled_from IS NOT NULL THEN nullif(v_after, '') END,
            settled_versions = settled_versions + v_count
        WHERE target_id = v_target.target_id;
        PERFORM requeue(v_target.platform_tag, v_after, v_to);

        v_took := clock_timestamp() AT TIME ZONE 'UTC' - v_begin;
        UPDATE targets SET
            step_versions = step_length(p_versions, v_took), step_after = v_begin + v_took + step_pause(v_took)
        WHERE target_id = v_target.target_id;
    END IF;
    PERFORM drop_removed_targets();
END;
$sql$;
COMMENT ON FUNCTION settle_step IS 'Has a change of a target take effect for some more packages';
REVOKE ALL ON FUNCTION settle_step FROM PUBLIC;


CREATE FUNCTION step_length(p_versions integer, p_took interval) RETURNS integer
LANGUAGE sql IMMUTABLE
AS $sql$
    SELECT least(greatest(
        p_versions * least(extract(epoch FROM interval '50 ms') / greatest(extract(epoch FROM p_took), 0.001), 2),
        100), 20000)::integer;
$sql$;
COMMENT ON FUNCTION step_length IS 'As many versions as take 50 ms, going by a step that took so long';
REVOKE ALL ON FUNCTION step_length FROM PUBLIC;


-- Of those who change packages meanwhile two in three meet a step, and wait for that one; equal shares would take a
-- change of a target a third longer.
CREATE FUNCTION step_pause(p_took interval) RETURNS interval
LANGUAGE sql IMMUTABLE
AS $sql$
    SELECT p_took / 2;
$sql$;
COMMENT ON FUNCTION step_pause IS 'For how long all others have their turn after a step that took so long';
REVOKE ALL ON FUNCTION step_pause FROM PUBLIC;


-- Called under lock_targets().
CREATE FUNCTION drop_removed_targets() RETURNS void
LANGUAGE plpgsql
AS $sql$
DECLARE
    v_target_id integer;
BEGIN
    FOR v_target_id IN
        DELETE FROM targets WHERE removed AND settled_from IS NULL AND settled_to IS NULL RETURNING target_id
    LOOP
        UPDATE wheel_tags SET target_ids = array_remove(target_ids, v_target_id) WHERE v_target_id = ANY (target_ids);
    END LOOP;
END;
$sql$;
COMMENT ON FUNCTION drop_removed_targets IS 'Removes the targets whose removal is settled';
REVOKE ALL ON FUNCTION drop_removed_targets FROM PUBLIC;


-- Between two steps all others have their turn, for half as long as the step took, however many sessions call this; with
-- a number the step is taken at once. Answers as get_settling_targets(): no row, and all is done.
CREATE FUNCTION settle_targets(p_versions integer DEFAULT NULL)
RETURNS TABLE (
    abi_tag varchar, platform_tag varchar, removed boolean, versions_done bigint, versions bigint, pause interval)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
DECLARE
    v_step integer := next_step(p_versions);
BEGIN
    IF v_step IS NOT NULL THEN
        PERFORM lock_targets();
        v_step := next_step(p_versions);
        IF v_step IS NOT NULL THEN
            PERFORM settle_step(v_step);
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM get_settling_targets();
END;
$sql$;
COMMENT ON FUNCTION settle_targets IS 'Has changes of targets take effect for some more packages; answers what is left';
REVOKE ALL ON FUNCTION settle_targets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settle_targets TO {username};


-- pause: no step is taken before that.
CREATE FUNCTION get_settling_targets()
RETURNS TABLE (
    abi_tag varchar, platform_tag varchar, removed boolean, versions_done bigint, versions bigint, pause interval)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
    SELECT
        t.abi_tag, t.platform_tag, t.removed, t.settled_versions, greatest(versions_about(), t.settled_versions),
        greatest((SELECT max(a.step_after) FROM targets a) - clock_timestamp() AT TIME ZONE 'UTC', interval '0')
    FROM targets t
    WHERE t.settled_from IS NOT NULL OR t.settled_to IS NOT NULL
    ORDER BY t.target_id;
$sql$;
COMMENT ON FUNCTION get_settling_targets IS 'Targets whose change is under way: for how many versions of how many, about';
REVOKE ALL ON FUNCTION get_settling_targets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION get_settling_targets TO {username};


CREATE FUNCTION next_step(p_versions integer) RETURNS integer
LANGUAGE plpgsql
AS $sql$
BEGIN
    RETURN (
        SELECT coalesce(p_versions, t.step_versions) FROM targets t
        WHERE (t.settled_from IS NOT NULL OR t.settled_to IS NOT NULL)
            AND (p_versions IS NOT NULL
                OR clock_timestamp() AT TIME ZONE 'UTC' >= (SELECT max(a.step_after) FROM targets a))
        ORDER BY t.target_id LIMIT 1);
END;
$sql$;
COMMENT ON FUNCTION next_step IS 'How many versions the next step takes; null when there is nothing to do, or not yet';
REVOKE ALL ON FUNCTION next_step FROM PUBLIC;


-- In one transaction, not in steps: the master says so at its start, when slaves wait anyway; and it concerns nothing
-- where no target is for linux_armv6l, as nearly always (such a farm builds those wheels and needs no alias).
CREATE FUNCTION set_armv6_alias(p_on boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $sql$
BEGIN
    IF (SELECT armv6_alias FROM configuration) = p_on THEN
        RETURN;
    END IF;
    PERFORM lock_targets();
    UPDATE configuration SET armv6_alias = p_on;
    IF EXISTS (SELECT FROM targets WHERE platform_tag = 'linux_armv6l') THEN
        PERFORM remake_queue('linux_armv6l');
    END IF;
END;
$sql$;
COMMENT ON FUNCTION set_armv6_alias IS 'Sets whether a wheel for linux_armv7l counts as one for linux_armv6l';
REVOKE ALL ON FUNCTION set_armv6_alias FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_armv6_alias TO {username};
