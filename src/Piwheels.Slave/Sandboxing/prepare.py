"""Finds and fetches what a build without network needs. Works with every Python 3 that has pip.

    prepare.py fetch STORE NAME VERSION INDEX...   the source, and the build requirements that it lists
    prepare.py source STORE NAME VERSION INDEX...  the source alone
    prepare.py ask STORE ANSWER                    what more its build backend requires: runs the package's code
    prepare.py more STORE REQUIREMENTS INDEX...    fetches that

fetch, source and more have a network and run nothing of the package; ask runs the package and has none. The store has the
source in sdist/ and wheels in wheels/. REQUIREMENTS and ANSWER are files with a requirement a line.
Where source.patch lies beside this file, the source is stored as that changes it.
"""

import hashlib
import html.parser
import importlib
import json
import os
import site
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse
import zipfile

from pip._vendor import requests
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import InvalidVersion, Version

SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
PAGE_BYTES_MAX = 64 << 20
TIMEOUT = 60
USUAL = {"requires": ["setuptools>=40.8.0"], "build-backend": "setuptools.build_meta:__legacy__"}  # PEP 517


class Links(html.parser.HTMLParser):
    """The links of a page of the simple index (PEP 503), as (address, SHA-256 or None)."""

    def __init__(self, base):
        super().__init__()
        self.base, self.found = base, []

    def handle_starttag(self, tag, attributes):
        address = dict(attributes).get("href")
        if tag == "a" and address:
            address, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(self.base, address))
            name, _, value = fragment.partition("=")
            self.found.append((address, value if name == "sha256" else None))


def links(page, content):
    if "json" not in page.headers.get("Content-Type", ""):
        parser = Links(page.url)
        parser.feed(content.decode("utf-8", "replace"))
        return parser.found
    return [
        (urllib.parse.urljoin(page.url, file["url"]), file.get("hashes", {}).get("sha256"))
        for file in json.loads(content)["files"]
    ]


def is_source(filename, name, version):
    """Whether a file is the source of a release: NAME-VERSION.tar.gz, in any spelling of both."""
    for suffix in SUFFIXES:
        if not filename.endswith(suffix):
            continue
        stem = filename[: -len(suffix)]
        for at in (i for i, c in enumerate(stem) if c == "-"):
            if canonicalize_name(stem[:at]) == name and same_version(stem[at + 1:], version):
                return True
    return False


def same_version(one, other):
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def find(session, index, name, version):
    address = index.rstrip("/") + "/" + urllib.parse.quote(name) + "/"
    with session.get(address, headers={"Accept": ACCEPT}, timeout=TIMEOUT, stream=True) as page:
        if page.status_code == 404:
            return None
        page.raise_for_status()
        content = page.raw.read(PAGE_BYTES_MAX, decode_content=True)
        found = [link for link in links(page, content)
                 if is_source(urllib.parse.unquote(link[0].rsplit("/", 1)[-1]), name, version)]
    found.sort(key=lambda link: [link[0].endswith(suffix) for suffix in SUFFIXES], reverse=True)
    return found[0] if found else None


def download(session, address, sha256, folder):
    filename = os.path.basename(urllib.parse.unquote(address.rsplit("/", 1)[-1]))
    path = os.path.join(folder, filename)
    digest = hashlib.sha256()
    print("Downloading", address, flush=True)
    with session.get(address, timeout=TIMEOUT, stream=True) as answer, open(path, "wb") as file:
        answer.raise_for_status()
        for chunk in iter(lambda: answer.raw.read(1 << 20, decode_content=False), b""):
            digest.update(chunk)
            file.write(chunk)
    if sha256 and digest.hexdigest() != sha256:
        raise SystemExit(f"ERROR: {filename} has another hash than the index says")
    return path


def open_source(path):
    """The source as (names, read(name), unpack(folder))."""
    if path.endswith(".zip"):
        file = zipfile.ZipFile(path)
        return file.namelist(), file.read, file.extractall
    file = tarfile.open(path)
    safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    return file.getnames(), lambda name: file.extractfile(name).read(), lambda to: file.extractall(to, **safe)


def build_system(path):
    """The table of pyproject.toml (PEP 518), or what holds without one."""
    names, read, _ = open_source(path)
    project = [name for name in names if name.count("/") == 1 and name.endswith("/pyproject.toml")]
    if not project:
        return USUAL
    try:
        import tomllib as toml
    except ImportError:
        from pip._vendor import tomli as toml
    table = toml.loads(read(project[0]).decode()).get("build-system", {})
    return {**USUAL, **table} if "requires" in table else USUAL


def checked(lines):
    """Requirements that an index can meet: a package must not choose by them where a connection goes."""
    good = []
    for line in lines:
        try:
            if Requirement(line).url is not None:
                raise SystemExit(f"ERROR: the build requires '{line}', an address: that needs --build-network full")
        except InvalidRequirement:
            raise SystemExit(f"ERROR: the build requires '{line}', which is no requirement")
        good.append(line)
    return good


def fetch_wheels(store, requirements, indexes):
    os.makedirs(os.path.join(store, "wheels"), exist_ok=True)
    if not requirements:
        return 0
    return subprocess.call([
        sys.executable, "-m", "pip", "wheel", "--wheel-dir", os.path.join(store, "wheels"),
        "--no-cache-dir", "--prefer-binary", "--disable-pip-version-check", "--progress-bar=off",
        "--index-url=" + indexes[0], *("--extra-index-url=" + index for index in indexes[1:]), *requirements])


def the_source(store):
    (name,) = os.listdir(os.path.join(store, "sdist"))
    return os.path.join(store, "sdist", name)


def patched(path):
    """The source with the operator's patch in it, in the place of the one that the index has."""
    patch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "source.patch")
    if not os.path.exists(patch):
        return path
    folder = tempfile.mkdtemp()
    open_source(path)[2](folder)
    (root,) = os.listdir(folder)
    try:
        status = subprocess.call([
            "patch", "--strip=1", "--batch", "--forward", "--no-backup-if-mismatch",
            "--directory", os.path.join(folder, root), "--input", patch])
    except FileNotFoundError:
        raise SystemExit("ERROR: the recipe has a patch, and this slave has no program 'patch'")
    if status:
        raise SystemExit("ERROR: the recipe's patch does not apply")
    os.remove(path)
    path = os.path.join(os.path.dirname(path), root + ".tar.gz")
    with tarfile.open(path, "w:gz") as file:
        file.add(os.path.join(folder, root), root)
    return path


def fetch_source(store, name, version, indexes):
    folder = os.path.join(store, "sdist")
    os.makedirs(folder)
    with requests.Session() as session:
        for index in indexes:
            link = find(session, index, name, version)
            if link:
                return patched(download(session, *link, folder))
    raise SystemExit(f"ERROR: No matching distribution found for {name}=={version}: no index has its source")


def source(store, name, version, *indexes):
    fetch_source(store, name, version, indexes)
    return 0


def fetch(store, name, version, *indexes):
    path = fetch_source(store, name, version, indexes)
    return fetch_wheels(store, checked(build_system(path)["requires"]), indexes)


def ask(store, answer):
    path = the_source(store)
    system = build_system(path)
    environment = os.path.join(os.environ["TMPDIR"], "backend")
    if system["requires"]:
        status = subprocess.call([
            sys.executable, "-m", "pip", "install", "--target", environment, "--no-index", "--no-cache-dir", "--quiet",
            "--find-links", os.path.join(store, "wheels"), "--disable-pip-version-check", *checked(system["requires"])])
        if status:
            return status
    open_source(path)[2]("source")
    (root,) = os.listdir("source")
    os.chdir(os.path.join("source", root))
    known = len(sys.path)
    site.addsitedir(environment)
    sys.path[:] = [os.path.abspath(part) for part in system.get("backend-path", [])] + sys.path[known:] + sys.path[:known]
    module, _, attribute = system["build-backend"].partition(":")
    sys.argv[1:] = []
    if not system.get("backend-path"):
        sys.path.insert(0, "")  # setup.py may import what lies beside it
    backend = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        backend = getattr(backend, part)
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    more = hook(None) if hook else []
    with open(answer, "w") as file:
        file.writelines(line + "\n" for line in more)
    return 0


def more(store, requirements, *indexes):
    with open(requirements) as file:
        return fetch_wheels(store, checked(line.strip() for line in file if line.strip()), indexes)


if __name__ == "__main__":
    sys.exit({"fetch": fetch, "source": source, "ask": ask, "more": more}[sys.argv[1]](*sys.argv[2:]))
