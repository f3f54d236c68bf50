"""What a stranger waits for: from a fresh clone to a finished campaign on its page, by one command.

Clones this commit, runs the README's commands there on ports of its own, and looks at the page that `dev` names until
it shows the finished campaign. The build is timed apart from the rest. Run it with `make stopwatch`; with
PRESSRUN_TEST_RECORD=1 what it told also goes to docs/records/first-hour.md.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECORD = ROOT / "docs/records/first-hour.md"
COMMAND = ["cargo", "run", "--release", "--bin", "pressrun", "--", "dev", "--sample"]
DONE = 's-completed">Completed<'
# A page that does not come to show it by then has failed; the build may take as long as it needs.
LIMIT_S = 60


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def until_done(page):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        with urllib.request.urlopen(page, timeout=LIMIT_S) as answer:
            if DONE in answer.read().decode():
                return time.monotonic()
        time.sleep(0.005)
    sys.exit(f"{page} does not show a finished campaign")


def run(clone, data):
    """The moments: the command given, the build at its end, the services up, the campaign finished."""
    moments = [time.monotonic()]
    # Its ports and its place are its own, so that nothing else on the machine is in the way.
    options = ["--output", "json", "--port", "0", "--grpc-port", "0", "--data-dir", data]
    # A fresh clone has no target folder, wherever this machine keeps its own.
    env = {key: value for key, value in os.environ.items() if key != "CARGO_TARGET_DIR"}
    dev = subprocess.Popen([*COMMAND, *options], cwd=clone, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    built = []

    def hear():
        for line in dev.stderr:
            sys.stderr.write(line)
            if line.strip().startswith("Finished"):
                built.append(time.monotonic())

    threading.Thread(target=hear, daemon=True).start()
    line = dev.stdout.readline()
    if not line:
        sys.exit("it did not start")
    up = time.monotonic()
    ready = json.loads(line)
    done = until_done(ready["run"])
    dev.terminate()
    if dev.wait(LIMIT_S):
        sys.exit(f"it ended with {dev.returncode}")
    return [*moments, *built[:1], up, done]


def demo(clone, data):
    """The README's first command; the build is there already."""
    begun = time.monotonic()
    command = [*COMMAND[:-2], "demo"]
    said = subprocess.run([*command, "--data-dir", data], cwd=clone, text=True, capture_output=True, timeout=LIMIT_S)
    taken = time.monotonic() - begun
    sys.stderr.write(said.stdout + said.stderr)
    if said.returncode or "completed" not in said.stdout + said.stderr:
        sys.exit(f"`{' '.join(command)}` ended with {said.returncode}")
    return taken


def main():
    with tempfile.TemporaryDirectory(prefix="pressrun-") as home:
        clone = pathlib.Path(home, "clone")
        begun = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        given, built, up, done = run(clone, f"{home}/data")
        again = run(clone, f"{home}/again")
        shown = demo(clone, f"{home}/demo")
    told = [
        f"git clone                                {given - begun:8.2f} s",
        "the command",
        f"  fetching and building                  {built - given:8.2f} s",
        f"  all services up, after that            {up - built:8.2f} s",
        f"  the campaign finished on its page      {done - up:8.2f} s",
        f"the same command again, all of it        {again[3] - again[0]:8.2f} s",
        f"`demo` instead, all of it                {shown:8.2f} s",
    ]
    print("\n".join(told))
    if os.environ.get("PRESSRUN_TEST_RECORD"):
        text = [
            "# The first hour", "",
            "Written by `make stopwatch` with `PRESSRUN_TEST_RECORD=1`: a fresh clone, then one command,",
            f"`{' '.join(COMMAND)}`,", "until the page that it names shows the finished sample campaign.", "",
            f"Commit {git('rev-parse', '--short', 'HEAD')}, {os.cpu_count()} cores. Packages that this machine had fetched "
            "before were not fetched again.", "",
            "```text", *told, "```", ""]
        RECORD.write_text("\n".join(text))


if __name__ == "__main__":
    main()
