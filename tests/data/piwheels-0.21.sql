-- What piwheels 0.22 changed since
ALTER TABLE files DROP COLUMN location;
UPDATE configuration SET version = '0.21';
