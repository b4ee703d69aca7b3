-- What piwheels 0.20 changed since
ALTER TABLE files ALTER COLUMN requires_python TYPE varchar(100) USING left(requires_python, 100);
CREATE TABLE output (
    build_id integer NOT NULL,
    output text NOT NULL,
    CONSTRAINT output_pk PRIMARY KEY (build_id),
    CONSTRAINT output_builds_fk FOREIGN KEY (build_id) REFERENCES builds (build_id) ON DELETE CASCADE
);
INSERT INTO output (build_id, output)
SELECT build_id, E'Collecting ' || package || E'\n\tünicode \u2713\n' FROM builds WHERE build_id <> 3;
UPDATE configuration SET version = '0.19';
