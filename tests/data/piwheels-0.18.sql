-- What piwheels 0.19 changed since
ALTER TABLE files DROP COLUMN requires_python;
UPDATE configuration SET version = '0.18';
