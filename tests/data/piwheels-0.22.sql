-- What piwheels 0.23 changed since: functions alone
UPDATE configuration SET version = '0.22';
