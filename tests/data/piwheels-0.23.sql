-- A database as piwheels 0.23 has it, written from the description of its tables; with rows of every kind that was ever
-- seen in one, and of some that its tables would let in (see PiwheelsUpgradeTests). Nothing is NOT NULL that need not be.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE TABLE configuration (
    id integer DEFAULT 1 NOT NULL,
    version varchar(16) DEFAULT '0.23' NOT NULL,
    pypi_serial bigint DEFAULT 0 NOT NULL,
    CONSTRAINT config_pk PRIMARY KEY (id)
);
INSERT INTO configuration (id, version, pypi_serial) VALUES (1, '0.23', 23456789);

CREATE TABLE packages (
    package varchar(200) NOT NULL,
    skip varchar(100) DEFAULT '',
    description varchar(200) DEFAULT '',
    CONSTRAINT packages_pk PRIMARY KEY (package)
);
INSERT INTO packages (package, skip, description) VALUES
    ('foo', '', 'A thing''s "description"; -- with $odd$ text'),
    ('bar-baz', '', ''),
    ('skipped', 'binary only', ''),
    ('null-skip', NULL, NULL),
    ('lonely', '', ''),
    ('zz', '', ''),
    ('a1', '', ''),
    ('b', '', ''),
    ('multi', '', ''),
    ('deleted', 'deleted', ''),
    (repeat('x', 200), '', repeat('é', 200)),
    ('Odd_Name', '', 'not canonical'),
    ('double-dash', '', ''),
    ('double--dash', '', 'its canonical name is taken'),
    ('trailing-', '', 'has no canonical name'),
    ('über', '', 'nor this');

CREATE TABLE package_names (
    package varchar(200) NOT NULL,
    name varchar(200) NOT NULL,
    seen timestamp DEFAULT '1970-01-01 00:00:00' NOT NULL,
    CONSTRAINT package_names_pk PRIMARY KEY (name),
    CONSTRAINT package_names_package_fk FOREIGN KEY (package) REFERENCES packages (package) ON DELETE CASCADE
);
INSERT INTO package_names (package, name, seen)
SELECT package, package, '1970-01-01' FROM packages WHERE package NOT IN ('lonely', 'a1');
INSERT INTO package_names (package, name, seen) VALUES
    ('foo', 'Foo', '2020-01-01'), ('foo', 'FOO', '2021-02-03 04:05:06.789012'),
    ('bar-baz', 'Bar_Baz', '2019-01-01'), ('bar-baz', 'bar.baz', '2099-01-01'), ('bar-baz', 'BAR--baz', 'infinity'),
    ('lonely', 'Lonely', '2018-01-01'),
    ('zz', 'a1', '2017-01-01'),
    ('zz', 'Unrelated', '2017-01-01'),
    ('Odd_Name', 'odd.name', '2016-01-01'),
    ('trailing-', 'Trailing_', '2016-01-01');

CREATE TABLE versions (
    package varchar(200) NOT NULL,
    version varchar(200) NOT NULL,
    released timestamp DEFAULT '1970-01-01 00:00:00',
    skip varchar(100) DEFAULT '',
    yanked boolean DEFAULT false,
    CONSTRAINT versions_pk PRIMARY KEY (package, version),
    CONSTRAINT versions_package_fk FOREIGN KEY (package) REFERENCES packages ON DELETE CASCADE
);
CREATE INDEX versions_package ON versions (package);
CREATE INDEX versions_skip ON versions ((skip = ''), package);
INSERT INTO versions (package, version, released, skip, yanked) VALUES
    ('foo', '1.0', '2015-01-01', '', false),
    ('foo', '2.0', '2016-01-01 12:34:56.789012', '', true),
    ('foo', '2.1', '1970-01-01', 'binary only', false),
    ('foo', '10', '2099-12-31 23:59:59', '', false),
    ('foo', '0.23dev', 'infinity', NULL, NULL),
    ('foo', '2004d/../..', '-infinity', '', false),
    ('foo', E'1.0 "<&>" ümlaut\t\\', '0044-03-15 BC', '', false),
    ('foo', repeat('9', 200), NULL, '', false),
    ('foo', '', '2015-01-01', '', false),
    ('bar-baz', '1', '2017-01-01', '', false),
    ('bar-baz', '2', '2017-01-02', '', false),
    ('bar-baz', '3', '2017-01-03', '', false),
    ('bar-baz', '4', '2017-01-04', '', false),
    ('bar-baz', '5', '2017-01-05', '', false),
    ('skipped', '1', '2017-01-01', '', false),
    ('null-skip', '1', '2017-01-01', '', false),
    ('lonely', '1', '2017-01-01', 'deleted', false),
    ('multi', '1', '2018-01-01', '', false),
    ('multi', '2', '2018-01-02', '', false),
    ('multi', '3', '2018-01-03', '', false),
    ('multi', '4', '2018-01-04', '', false),
    ('multi', '5', '2018-01-05', '', false),
    (repeat('x', 200), '1', '2018-01-01', '', false),
    ('Odd_Name', '1', '2014-01-01', '', false),
    ('trailing-', '1', '2014-01-01', '', false),
    ('double--dash', '1', '2014-01-01', '', false),
    ('b', '1', '2018-01-01', '', false),
    ('zz', '1', now() AT TIME ZONE 'UTC' - interval '10 minutes', '', false);

CREATE TABLE build_abis (
    abi_tag varchar(100) NOT NULL,
    skip varchar(100) DEFAULT '',
    CONSTRAINT build_abis_pk PRIMARY KEY (abi_tag),
    CONSTRAINT build_abis_none_ck CHECK (abi_tag <> 'none')
);
INSERT INTO build_abis (abi_tag, skip) VALUES
    ('cp37m', 'too old'), ('cp39', ''), ('cp311', NULL), ('cp313', 'not yet'), ('', 'what is this');

CREATE TABLE builds (
    build_id serial NOT NULL,
    package varchar(200) NOT NULL,
    version varchar(200) NOT NULL,
    built_by integer,
    built_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
    duration interval,
    status boolean DEFAULT true,
    abi_tag varchar(100),
    CONSTRAINT builds_pk PRIMARY KEY (build_id),
    CONSTRAINT builds_unique UNIQUE (package, version, built_at, built_by),
    CONSTRAINT builds_versions_fk FOREIGN KEY (package, version) REFERENCES versions ON DELETE CASCADE
);
CREATE INDEX builds_timestamp ON builds (built_at DESC NULLS LAST);
CREATE INDEX builds_pkgver ON builds (package, version);
INSERT INTO builds (build_id, package, version, built_by, built_at, duration, status, abi_tag) VALUES
    (1, 'foo', '1.0', 1, '2020-01-01', '00:01:02.345678', true, 'cp39'),
    (2, 'foo', '1.0', 2, '2020-01-02', '00:00:01', false, 'cp34m'),
    (3, 'foo', '1.0', 2, '2020-01-03', '8 days', false, 'cp311'),
    (4, 'foo', '2.0', 1, '2020-01-04', '-00:00:01', true, 'cp39'),
    (5, 'foo', '2.0', NULL, NULL, NULL, NULL, 'none'),
    (6, 'foo', '2.0', 0, 'infinity', '1 mon', true, NULL),
    (7, 'foo', '2.0', -7, '1970-01-01', '00:00:00', true, 'cp311'),
    (8, 'foo', '', 1, '2020-01-01', '00:00:01', true, 'cp39'),
    (9, 'bar-baz', '1', 1, '2020-02-01', '00:00:10', true, 'cp39'),
    (10, 'bar-baz', '2', 1, '2020-02-02', '00:00:10', true, 'cp39'),
    (11, 'bar-baz', '3', 1, '2020-02-03', '00:00:10', false, 'cp39'),
    (12, 'bar-baz', '4', 1, '2020-02-04', '00:00:10', true, 'cp39'),
    (13, 'multi', '1', 1, '2020-03-01', '00:00:10', true, 'cp39'),
    (14, 'multi', '2', 1, '2020-03-02', '00:00:10', true, 'cp39'),
    (15, 'multi', '3', 1, '2020-03-03', '00:00:10', true, 'cp311'),
    (16, 'multi', '4', 1, '2020-03-04', '00:00:10', true, 'cp39'),
    (17, 'skipped', '1', 1, '2020-03-05', '00:00:10', true, 'cp37m'),
    (18, 'Odd_Name', '1', 1, '2020-03-06', '00:00:10', true, 'cp39'),
    (19, 'trailing-', '1', 1, '2020-03-07', '00:00:10', true, 'cp39'),
    (20, repeat('x', 200), '1', 1, '2020-03-08', '00:00:10', true, 'cp39'),
    (21, 'b', '1', 1, now() AT TIME ZONE 'UTC' - interval '5 minutes', '00:00:10', false, 'cp39'),
    (22, 'b', '1', 2, '2099-01-01', '00:00:10', false, 'cp39');
-- The last numbers were given to builds that are gone
SELECT setval('builds_build_id_seq', 1000);

CREATE TABLE files (
    filename varchar(255) NOT NULL,
    build_id integer NOT NULL,
    filesize integer,
    filehash char(64),
    package_tag varchar(200),
    package_version_tag varchar(200),
    py_version_tag varchar(100),
    abi_tag varchar(100),
    platform_tag varchar(100),
    requires_python varchar(200),
    location varchar(100) DEFAULT '/simple',
    CONSTRAINT files_pk PRIMARY KEY (filename),
    CONSTRAINT files_builds_fk FOREIGN KEY (build_id) REFERENCES builds (build_id) ON DELETE CASCADE
);
CREATE INDEX files_builds ON files (build_id);
CREATE INDEX files_size ON files (platform_tag, filesize) WHERE platform_tag <> 'linux_armv6l';
INSERT INTO files (
    filename, build_id, filesize, filehash, package_tag, package_version_tag, py_version_tag, abi_tag, platform_tag,
    requires_python, location)
VALUES
    ('foo-1.0-cp39-cp39-linux_armv7l.whl', 1, 1000, repeat('1', 64), 'foo', '1.0', 'cp39', 'cp39', 'linux_armv7l', '>=3.9', '/simple'),
    ('foo-1.0-cp39-cp39-linux_armv6l.whl', 1, 1000, repeat('1', 64), 'foo', '1.0', 'cp39', 'cp39', 'linux_armv6l', '>=3.9', '/simple'),
    ('foo-2.0-cp39-cp39-linux_armv7l.whl', 4, 2000, repeat('2', 64), 'foo', '2.0', 'cp39', 'cp39', 'linux_armv7l', NULL, '/archive'),
    ('foo-2.0-cp39-cp39-linux_armv6l.whl', 4, 2001, repeat('3', 64), 'foo', '2.0', 'cp39', 'cp39', 'linux_armv6l', NULL, NULL),
    ('foo-2.0-cp39-abi3-linux_armv7l.whl', 4, NULL, repeat('A', 64), NULL, NULL, 'cp39', 'abi3', 'linux_armv7l', NULL, '/simple'),
    ('foo-0-py3-none-any.whl', 8, 1, repeat('8', 64), 'foo', '0', 'py3', 'none', 'any', NULL, '/simple'),
    ('bar_baz-1-py3-none-any.whl', 9, -1, repeat('4', 64), 'bar_baz', '1', 'py3', 'none', 'any', repeat('>', 200), '/simple'),
    ('bar_baz-3-py3-none-any.whl', 11, 3, repeat('5', 64), 'bar_baz', '3', 'py3', 'none', 'any', NULL, '/simple'),
    ('bar_baz-4-py3-none-any.whl', 12, 3, 'no hash', 'bar_baz', '4', 'py3', 'none', 'any', NULL, '/simple'),
    ('bar_baz-4-cp39-cp39-linux_armv7l.whl', 12, 3, repeat('6', 64), 'bar_baz', '4', 'cp39', 'cp39', NULL, NULL, '/simple'),
    ('multi-1-cp39-cp39-manylinux_2_17_armv7l.manylinux2014_armv7l.whl', 13, 3, repeat('7', 64), 'multi', '1', 'cp39', 'cp39', 'manylinux_2_17_armv7l.manylinux2014_armv7l', NULL, '/simple'),
    ('multi-2-cp39-cp39-linux_x86_64.whl', 14, 3, repeat('8', 64), 'multi', '2', 'cp39', 'cp39', 'linux_x86_64', NULL, '/simple'),
    ('multi-2-cp39-cp39-manylinux1_x86_64.whl', 14, 3, repeat('9', 64), 'multi', '2', 'cp39', 'cp39', 'manylinux1_x86_64', NULL, '/simple'),
    ('multi-3-cp311-cp311-linux_x86_64.whl', 15, 3, repeat('a', 64), 'multi', '3', 'cp311', 'cp311', 'linux_x86_64', NULL, '/simple'),
    ('multi-3-cp311-cp311-linux_armv7l.whl', 15, 3, repeat('b', 64), 'multi', '3', 'cp311', 'cp311', 'linux_armv7l', NULL, '/simple'),
    ('multi-4-cp39-cp39-linux_armv6l.whl', 16, 3, repeat('c', 64), 'multi', '4', 'cp39', 'cp39', 'linux_armv6l', NULL, '/simple'),
    ('Odd_Name-1-py2.py3-none-any.whl', 18, 3, repeat('d', 64), 'Odd_Name', '1', 'py2.py3', 'none', 'any', NULL, '/simple'),
    ('trailing_-1-py3-none-any.whl', 19, 3, repeat('e', 64), 'trailing_', '1', 'py3', 'none', 'any', NULL, '/simple'),
    (repeat('x', 200) || '-1-py3-none-any.whl', 20, 2147483647, repeat('f', 64), repeat('x', 200), '1', 'py3', 'none', 'any', NULL, '/simple');

CREATE TABLE dependencies (
    filename varchar(255) NOT NULL,
    tool varchar(10) DEFAULT 'apt' NOT NULL,
    dependency varchar(255) NOT NULL,
    CONSTRAINT dependencies_pk PRIMARY KEY (filename, tool, dependency),
    CONSTRAINT dependencies_files_fk FOREIGN KEY (filename) REFERENCES files (filename) ON DELETE CASCADE
);
INSERT INTO dependencies (filename, tool, dependency) VALUES
    ('foo-1.0-cp39-cp39-linux_armv7l.whl', 'apt', 'libfoo1'), ('foo-1.0-cp39-cp39-linux_armv7l.whl', 'apt', 'libc6'),
    ('foo-1.0-cp39-cp39-linux_armv7l.whl', 'pip', 'bar-baz'), ('foo-1.0-cp39-cp39-linux_armv7l.whl', '', 'libodd.so.1'),
    ('foo-1.0-cp39-cp39-linux_armv6l.whl', 'apt', 'libfoo1'),
    ('foo-2.0-cp39-cp39-linux_armv7l.whl', 'npm', 'left-pad'),
    ('foo-0-py3-none-any.whl', 'pip', 'bar-baz'), ('bar_baz-4-py3-none-any.whl', 'pip', 'foo'),
    ('trailing_-1-py3-none-any.whl', 'pip', 'foo');

CREATE TABLE preinstalled_apt_packages (
    abi_tag varchar(100) NOT NULL,
    apt_package varchar(255) NOT NULL,
    CONSTRAINT preinstalled_apt_packages_pk PRIMARY KEY (abi_tag, apt_package),
    CONSTRAINT preinstalled_apt_packages_abi_fk FOREIGN KEY (abi_tag) REFERENCES build_abis (abi_tag) ON DELETE CASCADE
);
INSERT INTO preinstalled_apt_packages (abi_tag, apt_package) VALUES ('cp39', 'libc6'), ('cp37m', 'libc6'), ('cp39', 'zlib1g');

CREATE TABLE downloads (
    filename varchar(255) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    arch varchar(100),
    distro_name varchar(100),
    distro_version varchar(100),
    os_name varchar(100),
    os_version varchar(100),
    py_name varchar(100),
    py_version varchar(100),
    installer_name varchar(20),
    installer_version varchar(100),
    setuptools_version varchar(100)
);
CREATE INDEX downloads_accessed_by ON downloads (accessed_by);
CREATE INDEX downloads_accessed_at ON downloads (accessed_at DESC);
INSERT INTO downloads (filename, accessed_by, accessed_at, arch, distro_name, distro_version, os_name, os_version, py_name, py_version, installer_name, installer_version, setuptools_version)
SELECT 'foo-1.0-cp39-cp39-linux_armv7l.whl', '192.0.2.1'::inet, at, 'armv7l', 'Raspbian', '11', 'Linux', '6.1', 'CPython', '3.9', 'pip', '23', '65'
FROM unnest(ARRAY['2020-01-31 23:59:59.999999', '2020-02-01 00:00:00', '1970-01-01', '2099-06-01', 'infinity']::timestamp[]) AS at
UNION ALL
SELECT 'foo-1.0-cp39-cp39-linux_armv7l.whl', '2001:db8::1'::inet, now() AT TIME ZONE 'UTC' - ago, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(ARRAY['10 minutes', '10 minutes', '3 days', '29 days', '31 days']::interval[]) AS ago;
INSERT INTO downloads (filename, accessed_by, accessed_at) VALUES
    ('Unknown.Thing-3-py3-none-any.whl', '192.0.2.0/24', '2021-05-05'), ('unknown_thing-4.tar.gz', '192.0.2.1', '2021-05-05'),
    ('', '192.0.2.1', '2021-05-06');

CREATE TABLE searches (
    package varchar(200) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    arch varchar(100),
    distro_name varchar(100),
    distro_version varchar(100),
    os_name varchar(100),
    os_version varchar(100),
    py_name varchar(100),
    py_version varchar(100),
    installer_name varchar(20),
    installer_version varchar(100),
    setuptools_version varchar(100)
);
INSERT INTO searches (package, accessed_by, accessed_at, arch) VALUES
    ('foo', '192.0.2.1', '2020-01-31 23:59:59', 'armv7l'), ('Nothing-Known', '192.0.2.1', '1970-01-01', NULL),
    ('foo', '192.0.2.1', '-infinity', 'armv7l');

CREATE TABLE project_page_hits (
    package varchar(200) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000),
    bot boolean DEFAULT false
);
INSERT INTO project_page_hits (package, accessed_by, accessed_at, user_agent, bot) VALUES
    ('foo', '192.0.2.1', '2020-01-31', repeat('Mozilla ', 250), false), ('foo', '192.0.2.1', '2020-02-01', NULL, true),
    ('nothing', '192.0.2.1', '2020-01-31', 'somebot', NULL), ('foo', '192.0.2.1', '1969-12-31', NULL, false);

CREATE TABLE project_json_downloads (
    package varchar(200) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000)
);
INSERT INTO project_json_downloads (package, accessed_by, accessed_at, user_agent) VALUES
    ('foo', '192.0.2.1', '2020-01-31', 'curl'), ('foo', '192.0.2.1', 'infinity', 'curl');

CREATE TABLE web_page_hits (
    page varchar(30) NOT NULL,
    accessed_by inet NOT NULL,
    accessed_at timestamp NOT NULL,
    user_agent varchar(2000),
    bot boolean DEFAULT false
);
INSERT INTO web_page_hits (page, accessed_by, accessed_at, user_agent, bot) VALUES
    ('faq', '192.0.2.1', '2020-01-31', 'Mozilla', false), ('home', '192.0.2.1', '10000-01-01', 'Mozilla', false);

CREATE TABLE rewrites_pending (
    package varchar(200) NOT NULL,
    added_at timestamp NOT NULL,
    command varchar(8) NOT NULL,
    CONSTRAINT rewrites_pending_pk PRIMARY KEY (package)
);
CREATE INDEX rewrites_pending_added ON rewrites_pending (added_at);
INSERT INTO rewrites_pending (package, added_at, command) VALUES
    ('foo', '2024-01-01', 'PROJECT'), ('bar-baz', '2024-01-02', 'BOTH'), ('Odd_Name', '2024-01-03', 'BOTH'),
    ('never-heard-of', '2024-01-04', 'BOTH'), ('trailing-', '2024-01-05', 'BOTH'), ('zz', 'infinity', 'SEARCH');

-- Functions and views of piwheels: some have the names of ours, some have others, and they lean on each other
CREATE VIEW builds_pending AS
SELECT b.abi_tag, row_number() OVER () AS position, v.package, v.version
FROM versions v CROSS JOIN build_abis b WHERE v.skip = '' AND b.skip = '';
CREATE VIEW versions_detail AS SELECT v.*, p.skip AS package_skip FROM versions v JOIN packages p USING (package);
CREATE MATERIALIZED VIEW downloads_recent AS SELECT filename, count(*) AS amount FROM downloads GROUP BY filename;
CREATE FUNCTION get_build_queue(lim integer DEFAULT 1000) RETURNS SETOF builds_pending
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT * FROM builds_pending';
CREATE FUNCTION get_version(integer) RETURNS text LANGUAGE sql AS 'SELECT version FROM configuration';
CREATE FUNCTION add_new_package(package text, skip text, description text) RETURNS boolean LANGUAGE sql
    AS 'INSERT INTO packages VALUES ($1, $2, $3); SELECT true';
CREATE VIEW statistics AS SELECT (SELECT count(*) FROM get_build_queue()) AS waiting;
CREATE FUNCTION versions_seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER versions_seen BEFORE INSERT ON versions FOR EACH ROW EXECUTE FUNCTION versions_seen();
CREATE FUNCTION longest(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT greatest($1, $2)';
CREATE AGGREGATE longest(text) (SFUNC = longest, STYPE = text);
CREATE PROCEDURE sweep() LANGUAGE sql AS 'DELETE FROM rewrites_pending';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {username};
GRANT EXECUTE ON FUNCTION get_build_queue TO {username};
