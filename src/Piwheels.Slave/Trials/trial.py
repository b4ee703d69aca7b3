"""Imports the modules of a wheel in an environment of its own, and writes down what happens. Works with every Python 3
that has venv.

    trial.py unpack WHEEL FOLDER REPORT MODULES        makes the environment of the wheel alone, and imports
    trial.py install WHEEL FOLDER INDEX...             makes the environment, with all that it requires: runs nothing of it
    trial.py import FOLDER REPORT MODULES              run by the environment's interpreter: imports

FOLDER is where the environment is made, MODULES a file with the name of a module a line. REPORT gets a line of JSON for
each thing that happens; it is written while strangers' code runs in this very process, which may write to it, too.
"""

import glob
import json
import os
import shutil
import sys
import traceback

TEXT_MAX = 2000
UNPACK_BYTES = 1 << 20

# Written as they are, and not one after another by pip: it needs a second to start
FOLDERS = {"purelib": None, "platlib": None, "scripts": "bin", "headers": "include", "data": ""}


def site_of(folder):
    return (glob.glob(folder + "/lib/*/site-packages") + glob.glob(folder + "/site-packages"))[0]


def python_of(folder):
    return folder + "/bin/python"


def make(folder):
    import venv
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)


def place_of(name, folder, site):
    """Where a file of the wheel goes (PEP 427, "Spreading"). The slave has looked at the names."""
    parts = name.split("/", 2)
    if len(parts) < 3 or not parts[0].endswith(".data") or parts[1] not in FOLDERS:
        return os.path.join(site, name)
    base = FOLDERS[parts[1]]
    return os.path.join(site if base is None else os.path.join(folder, base), parts[2])


def unpack(wheel, folder, report, modules):
    import zipfile
    make(folder)
    site = site_of(folder)
    with zipfile.ZipFile(wheel) as file:
        for entry in file.infolist():
            if entry.filename.endswith("/"):
                continue
            path = place_of(entry.filename, folder, site)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # Nothing is there twice, and no link is followed: the environment's python is one to the slave's own
            with file.open(entry) as source, open(path, "xb") as target:
                shutil.copyfileobj(source, target, UNPACK_BYTES)
    python = python_of(folder)
    os.execv(python, [python, "-I", "-B", os.path.abspath(__file__), "import", folder, report, modules])


def install(wheel, folder, *indexes):
    make(folder)
    # By the interpreter that has pip: to have it work for another takes it twice as long
    os.execv(sys.executable, [
        sys.executable, "-m", "pip", "install", "--target", site_of(folder), "--only-binary", ":all:", "--no-compile",
        "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--no-warn-script-location",
        "--index-url=" + indexes[0], *("--extra-index-url=" + index for index in indexes[1:]), wheel])


class Report:
    def __init__(self, path, site):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._site = os.path.join(site, "")

    def path(self, path):
        """A path in the environment as the wheel has it; None for all others."""
        path = os.path.normpath(str(path))
        return path[len(self._site):] if path.startswith(self._site) else None

    def say(self, event, **what):
        line = json.dumps(dict(what, event=event)) + "\n"
        os.write(self._file, line.encode())

    def fault(self, event, error, **what):
        try:
            text = str(error).replace(self._site, "")[:TEXT_MAX].encode("utf-8", "replace").decode()
            path = self.path(getattr(error, "path", None) or "")
        except Exception:  # It is a stranger's
            text, path = "", None
        kind = next((base.__name__ for base in (ImportError, OSError) if isinstance(error, base)), "")
        self.say(event, error=type(error).__name__[:100], kind=kind, text=text, file=path, **what)


def follow(loader, method, report):
    """Has a loader of modules in machine code tell of each, since a package may keep their errors to itself."""
    original = getattr(loader, method)

    def loading(self, argument):
        path = report.path(self.path)
        if path is None:
            return original(self, argument)
        report.say("load", file=path)
        try:
            return original(self, argument)
        except BaseException as error:
            report.fault("fault", error, loading=path)
            raise
        finally:
            report.say("loaded", file=path)

    setattr(loader, method, loading)


def import_all(folder, report_path, modules):
    import importlib
    import importlib.machinery
    with open(modules) as file:
        names = file.read().split("\n")[:-1]
    report = Report(report_path, site_of(folder))
    for method in ("create_module", "exec_module"):
        follow(importlib.machinery.ExtensionFileLoader, method, report)
    sys.argv[1:] = []
    failed = set()
    for name in names:
        parts = name.split(".")
        if name in sys.modules or any(".".join(parts[:count]) in failed for count in range(1, len(parts))):
            continue
        try:
            importlib.import_module(name)
        except BaseException as error:
            failed.add(name)
            report.fault("raised", error, module=name)
            traceback.print_exc()
            sys.stderr.flush()
    report.say("end")
    os._exit(0)  # What it has started does not matter, nor how it would end


if __name__ == "__main__":
    print("Trying the wheel:", sys.argv[1], flush=True)  # The slave relies on the first word being ours
    {"unpack": unpack, "install": install, "import": import_all}[sys.argv[1]](*sys.argv[2:])
