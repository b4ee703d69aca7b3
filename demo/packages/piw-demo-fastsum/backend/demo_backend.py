"""A build backend (PEP 517) of the standard library alone, so that the demo packages build without a download.

What it needs lies in the source tree: PKG-INFO is the wheel's METADATA, src/ its content. Every src/**/*.c is one
extension module, compiled with the flags that this Python itself was compiled with. entry_points.txt is taken along.
"""

import base64
import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)  # the oldest one that a zip file can hold: the same source compiled the same wheel


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory) / dist_info()
    folder.mkdir()
    for name, content in metadata_files().items():
        (folder / name).write_bytes(content)
    return folder.name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = {}
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix == ".c":
            module = compile_extension(path)
            files[module.relative_to(SOURCE).as_posix()] = module.read_bytes()
        elif path.suffix in (".py", ".pyi", ".txt") or path.name == "py.typed":
            files[path.relative_to(SOURCE).as_posix()] = path.read_bytes()
    for name, content in metadata_files().items():
        files[f"{dist_info()}/{name}"] = content
    files[f"{dist_info()}/RECORD"] = record(files)

    filename = f"{prefix()}-{tag()}.whl"
    with zipfile.ZipFile(Path(wheel_directory) / filename, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
            wheel.writestr(entry, content)
    return filename


def build_sdist(sdist_directory, config_settings=None):
    filename = f"{prefix()}.tar.gz"
    with tarfile.open(Path(sdist_directory) / filename, "w:gz", format=tarfile.PAX_FORMAT) as sdist:
        for path in sorted(ROOT.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so":
                sdist.add(path, f"{prefix()}/{path.relative_to(ROOT).as_posix()}")
    return filename


def compile_extension(source):
    """Compiles one C file into the extension module of the same name beside it."""
    setting = sysconfig.get_config_var
    module = source.with_name(source.stem + setting("EXT_SUFFIX"))
    compiled = source.with_suffix(".o")
    compiler = shlex.split(os.environ.get("CC") or setting("CC"))
    linker = shlex.split(setting("LDSHARED"))
    includes = [f"-I{sysconfig.get_path(name)}" for name in ("include", "platinclude")]
    run([*compiler, *shlex.split(setting("CFLAGS")), *shlex.split(setting("CCSHARED")), *includes,
         "-c", str(source.relative_to(ROOT)), "-o", str(compiled.relative_to(ROOT))])
    run([*linker, str(compiled.relative_to(ROOT)), "-o", str(module.relative_to(ROOT))])
    return module


def run(command):
    print(shlex.join(command), flush=True)
    status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    if status:
        raise SystemExit(f"error: command {command[0]!r} failed with exit status {status}")


def metadata_files():
    files = {"METADATA": (ROOT / "PKG-INFO").read_bytes(), "WHEEL": wheel_file()}
    entry_points = ROOT / "entry_points.txt"
    if entry_points.exists():
        files["entry_points.txt"] = entry_points.read_bytes()
    return files


def wheel_file():
    pure = "false" if extensions() else "true"
    return f"Wheel-Version: 1.0\nGenerator: demo_backend\nRoot-Is-Purelib: {pure}\nTag: {tag()}\n".encode()


def record(files):
    """RECORD of the binary distribution format: each file's SHA-256, URL-safe without padding, and its size."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    lines.append(f"{dist_info()}/RECORD,,\n")
    return "".join(lines).encode()


def prefix():
    metadata = HeaderParser().parsestr((ROOT / "PKG-INFO").read_text(encoding="utf-8"))
    return f"{metadata['Name'].replace('-', '_')}-{metadata['Version']}"


def dist_info():
    return f"{prefix()}.dist-info"


def extensions():
    return list(SOURCE.rglob("*.c"))


def tag():
    """py3-none-any, or that of this interpreter on this machine (PEP 425)."""
    if not extensions():
        return "py3-none-any"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if sys.maxsize < 2 ** 32:  # 32-bit programs on a 64-bit kernel, whose machine get_platform tells
        platform = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l"}.get(platform, platform)
    # Before 3.8 an ABI could end in "m"; SOABI has it: cpython-311-x86_64-linux-gnu
    abi = "cp" + sysconfig.get_config_var("SOABI").split("-")[1]
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{abi}-{platform}"
