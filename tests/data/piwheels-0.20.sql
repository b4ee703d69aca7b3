-- What piwheels 0.21 changed since: functions alone
UPDATE configuration SET version = '0.20';
