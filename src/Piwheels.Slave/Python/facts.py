"""Tells about the interpreter that runs it, as one line of JSON. Works with every Python 3."""

import importlib.machinery
import importlib.util
import json
import os
import shlex
import shutil
import struct
import sys
import sysconfig


def abi():
    """The ABI tag of PEP 425, from SOABI: cpython-311-x86_64-linux-gnu is cp311, pypy39-pp73 is pypy39_pp73."""
    soabi = (sysconfig.get_config_var("SOABI") or "").split("-")
    if soabi[0] == "cpython" and len(soabi) > 1:
        return "cp" + soabi[1]
    if soabi[0].startswith("pypy") and len(soabi) > 1:
        return "_".join(soabi[:2])
    return "cp{}{}".format(*sys.version_info[:2])


def platform():
    """The platform tag. A 32-bit Python on a 64-bit kernel builds 32-bit programs, whatever the kernel's machine."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if struct.calcsize("P") == 4:
        tag = {
            "linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l", "linux_armv8l": "linux_armv7l",
        }.get(tag, tag)
    return tag


def glibc():
    """The version of the GNU C library; "none" where there is another one."""
    try:
        name, version = os.confstr("CS_GNU_LIBC_VERSION").split()
        return version if name == "glibc" else "none"
    except Exception:
        return "none"


def compiler():
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    return shutil.which(command[0]) or ""


def pip():
    try:
        import pip
        return pip.__version__
    except Exception:  # Not there, or there and broken: it is the same to whoever wants to build
        return ""


print(json.dumps({
    "executable": sys.executable,
    "version": "{}.{}.{}".format(*sys.version_info[:3]),
    "py_version": "{}{}".format(*sys.version_info[:2]),
    "abi": abi(),
    "platform": platform(),
    "glibc": glibc(),
    "pip": pip(),
    "venv": importlib.util.find_spec("venv") is not None,
    "compiler": compiler(),
    "extensions": importlib.machinery.EXTENSION_SUFFIXES,
    # Where it lives, wherever that is: a virtual environment, its base, what either of them is a link to
    "folders": sorted({
        os.path.abspath(folder)
        for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
        for folder in (prefix, os.path.realpath(prefix))
    }),
    "headers": os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")),
}))
