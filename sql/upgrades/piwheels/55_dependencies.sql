CREATE TABLE kept_from_piwheels.dependencies AS
SELECT d.* FROM piwheels_before.dependencies d
WHERE d.tool NOT IN ('apt', 'pip', '') OR d.filename IN (SELECT x.filename FROM refused_files x);

INSERT INTO dependencies (filename, tool, dependency)
SELECT d.filename, d.tool, d.dependency FROM piwheels_before.dependencies d
WHERE d.tool IN ('apt', 'pip', '') AND NOT EXISTS (SELECT FROM refused_files x WHERE x.filename = d.filename);

INSERT INTO preinstalled_apt_packages (abi_tag, apt_package)
SELECT p.abi_tag, p.apt_package FROM piwheels_before.preinstalled_apt_packages p;
