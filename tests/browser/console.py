"""The console in a real browser: what a person does, and what no page may do.

Beside it stands a canary, a host that nothing may ever ask: texts of the brief and of the model name it.

Needs Chromium (`chromium`, `chromium-browser` or `google-chrome` on the path, or CHROMIUM); fetches Playwright
and axe-core, pinned, into target/tools/browser. Starts `pressrun dev` and a slow model of its own, and
stops both. Screenshots go to target/browser. Run it with `make test-browser`; with PRESSRUN_TEST_RECORD=1 what it
told also goes to docs/records/browser.md.
"""

import hashlib
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "target/tools/browser"
SHOTS = ROOT / "target/browser"
RECORD = ROOT / "docs/records/browser.md"
PLAYWRIGHT = "playwright==1.65.2"
AXE_URL = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
AXE_SHA256 = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745"
LIMIT_MS = 60_000
MOST_PAGE_BYTES = 150 * 1024
# A model's text takes this long to write, so that it can be watched.
STREAM_MS = 4000
TOLD = []
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def tell(line):
    TOLD.append(line)
    print(line, flush=True)


def record(browser):
    """What was told, for who did not run it."""
    def said(*command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    lines = [
        "# The console in a browser", "",
        "Written by `make test-browser` with `PRESSRUN_TEST_RECORD=1`: what a person does with the console (submit a",
        "brief, watch it live, open the poster, read a finding in its place, regenerate with a note, compare versions,",
        "cancel), by mouse and by keyboard, on a wide and a narrow window, light and dark, with scripts and without; and",
        "what no page may do: log an error, ask any other host, show what is not escaped, be wider than its window,",
        "break a rule of axe-core of level A or AA.", "",
        f"Commit {said('git', '-C', str(ROOT), 'rev-parse', '--short', 'HEAD')}, {said(browser, '--version')}, "
        f"axe-core {AXE_URL.rsplit('-', 1)[1].removesuffix('.tgz')}.", "",
        "```text", *TOLD, "```", ""]
    RECORD.write_text("\n".join(lines))


def fetch_tools():
    """Playwright in an environment of its own, and axe-core, checked by hash."""
    python = TOOLS / "bin/python"
    if not python.exists():
        venv.create(TOOLS, with_pip=True)
    if subprocess.run([python, "-c", "import playwright"], capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", PLAYWRIGHT], check=True)
    axe = TOOLS / "axe.min.js"
    if not axe.exists():
        with urllib.request.urlopen(AXE_URL, timeout=60) as answer:
            packed = answer.read()
        if hashlib.sha256(packed).hexdigest() != AXE_SHA256:
            sys.exit(f"{AXE_URL} is not what it was")
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            axe.write_bytes(archive.extractfile("package/axe.min.js").read())
    return python, axe


def chromium():
    names = ["chromium", "chromium-browser", "google-chrome"]
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return found or sys.exit("no Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ready(url, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{url} does not answer")


class Canary(http.server.ThreadingHTTPServer):
    """Counts who asks it for anything."""

    def __init__(self):
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                canary.asked += 1
                self.send_error(404)

            def log_message(self, *_):
                pass

        self.asked = 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()
        # That it counts at all.
        try:
            urllib.request.urlopen(f"{self.base}/self", timeout=5)
        except urllib.error.HTTPError:
            pass
        assert self.asked == 1
        self.asked = 0


class Console:
    """One browser page, watched: every document, request, message and fault."""

    def __init__(self, browser, base, axe, **options):
        self.base, self.axe = base, axe
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(LIMIT_MS)
        self.faults, self.documents = [], 0
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self.asked)
        self.page.on("response", self.answered)

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"console {message.type}: {message.text}")

    def asked(self, request):
        if not request.url.startswith((self.base, "data:")):
            self.faults.append(f"a request to {request.url}")

    def answered(self, response):
        if response.request.resource_type == "document" and response.status == 200:
            self.documents += 1
            size = int(response.headers["content-length"])
            if size > MOST_PAGE_BYTES:
                self.faults.append(f"{response.url} has {size} bytes")

    def open(self, path):
        self.page.goto(self.base + path)

    def check(self, name, shot=True):
        """No violation of level A or AA, nothing wider than the window; a screenshot."""
        if shot:
            self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
        self.page.evaluate(self.axe)
        result = self.page.evaluate("levels => axe.run({runOnly: levels})", LEVELS)
        tell(f"{name}: {len(result['passes'])} rules of axe held, {len(result['violations'])} broken")
        for violation in result["violations"]:
            nodes = [f"{node['html'][:160]} :: {node['failureSummary'][:300]}" for node in violation["nodes"][:3]]
            self.faults.append(f"{name}: {violation['id']}: {nodes}")
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.faults.append(f"{name}: {wide} pixels wider than the window")

    def close(self):
        self.context.close()
        return self.faults


def can_find(browser, axe):
    """Whether a violation would be found at all."""
    page = browser.new_page()
    page.set_content("<html><img src=data:,><p>x")
    page.evaluate(axe)
    found = page.evaluate("levels => axe.run({runOnly: levels})", LEVELS)["violations"]
    page.close()
    assert {"image-alt", "html-has-lang"} <= {violation["id"] for violation in found}, found


def submit(console, name, **more):
    page = console.page
    console.open("/runs/new?sample=tern-trail-shoe")
    page.get_by_label("Name", exact=True).fill(name)
    for label, text in more.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(text)
    page.get_by_text("Rules of the brand").click()
    # What the model says is banned, so that the auditor finds it.
    page.get_by_label("Banned words").fill("fumes")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/*?done=submitted")
    return page.url.split("/runs/")[1].split("?")[0]


def story(browser, base, axe):
    console = Console(browser, base, axe)
    page = console.page
    console.open("/")
    page.get_by_text("No runs yet").wait_for()
    console.check("1-empty")
    missing(console)
    console.open("/runs/new")
    console.check("2-brief")

    # A refused brief comes back with what was filled in, the fault at its field.
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("Objective").fill("<b>kept</b>")
    console.faults.clear()
    page.get_by_role("button", name="Start the run").click()
    page.locator("#name[aria-invalid=true]").wait_for()
    assert page.get_by_label("Objective").input_value() == "<b>kept</b>"
    # A browser tells of every answer that is not 200; this one is meant.
    console.faults = [fault for fault in console.faults if "422" not in fault]
    console.check("3-refused")

    # Submit and watch it live: the page is loaded once, the rest comes by itself.
    run = submit(console, "Arrive awake")
    loaded = console.documents
    page.locator(".node.p-running").first.wait_for()
    page.locator(".now progress").wait_for()
    # What each agent writes shows while it is written, and is announced once.
    for step, text in [("copy", "Park at the door"), ("short_copy", "Arrive awake"), ("visual_concept", "Morning light")]:
        page.locator(f"[data-writing={step}] .live-text", has_text=text).first.wait_for()
    assert page.locator(".card h3 a").count() == 0, "there is no artifact yet"
    said = page.locator("#said").inner_text()
    assert said.endswith(" is being written.") and "awake" not in said, said
    console.check("4-running")
    page.locator(".toast", has_text="ended").wait_for()
    page.get_by_text("Everything is done").wait_for()
    page.locator(".log li", has_text="The run ended").wait_for()
    assert console.documents == loaded, "the page was loaded again"
    assert page.locator(".node.p-done").count() == 4
    # The artifacts took the places of their text.
    assert page.locator("[data-writing]").count() == 0
    page.locator("#card-copy .card-headline").wait_for()
    page.locator("#card-visual-concept img.thumb").wait_for()
    console.check("5-done")

    # A finding in its place: exactly its bytes, and the note leads there and back.
    page.locator("nav.tabs").get_by_role("link", name="Copy", exact=True).click()
    mark = page.locator(".prose mark", has_text="fumes").first
    mark.wait_for()
    assert mark.inner_text() == "fumes", mark.inner_text()
    number = mark.locator("a").get_attribute("data-finding")
    mark.locator("a").click()
    note = page.locator(f"#finding-{number}")
    assert "fumes" in note.inner_text()
    assert page.evaluate("document.activeElement.id") == f"finding-{number}"
    console.check("6-copy")
    page.locator("nav.tabs").get_by_role("link", name="Short copy").click()
    assert page.locator("figure.post").count() >= 4
    console.check("7-posts")
    page.locator("nav.tabs").get_by_role("link", name="Visual concept").click()
    page.locator(".swatches svg").first.wait_for()
    decoded = "image => image.decode().then(() => image.naturalWidth)"
    poster = page.locator(".poster img").first
    assert poster.evaluate(decoded) == 1080 and "cyclist" in poster.get_attribute("alt")
    console.check("8-concept")

    # The poster large, and its files.
    page.locator(".poster a:has(img)").click()
    page.wait_for_url("**/poster?version=1")
    assert page.locator(".poster.large img").evaluate(decoded) == 1080
    console.check("8b-poster")
    for kind, begins in [("PNG", b"\x89PNG"), ("SVG", b"<svg ")]:
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Download {kind}").click()
        assert download.value.suggested_filename == f"poster.{kind.lower()}"
        assert pathlib.Path(download.value.path()).read_bytes().startswith(begins), kind

    # Regenerate with a note, and see what it changed.
    console.open(f"/runs/{run}/artifacts/copy")
    page.get_by_label("What to do differently").fill("warmer <i>please</i>")
    page.get_by_role("button", name="Make a new version").click()
    page.get_by_text("A new version is being made").wait_for()
    page.get_by_text("Everything is done").wait_for()
    console.open(f"/runs/{run}/artifacts/copy")
    page.get_by_role("link", name="Compare with version 1").click()
    page.locator("ins", has_text="warmer").first.wait_for()
    assert page.locator("ins i").count() == 0
    console.check("9-compare")
    console.open(f"/runs/{run}/artifacts/visual_concept")
    page.get_by_label("What to do differently").fill("later in the day")
    page.get_by_role("button", name="Make a new version").click()
    page.get_by_text("Everything is done").wait_for()
    console.open(f"/runs/{run}/artifacts/visual_concept/compare")
    assert page.locator(".posters img").count() == 2
    for i in range(2):
        assert page.locator(".posters img").nth(i).evaluate(decoded) == 1080
    console.check("9b-posters")

    # Cancel one, then two at once from the list.
    submit(console, "Stop me")
    page.get_by_label("Why").fill("the offer has changed")
    page.get_by_role("button", name="Cancel the run").click()
    page.get_by_text("It was cancelled").wait_for()
    names = ["Bulk one", "Bulk two"]
    for name in names:
        submit(console, name)
    console.open("/?status=running")
    for name in names:
        page.get_by_label(f"Select {name}").check()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel selected").click()
    page.get_by_text("The selected runs were cancelled").wait_for()
    console.open("/?q=bulk")
    assert page.locator(".s-cancelled").count() == 2
    assert page.locator("tbody tr").count() == 2
    console.open("/")
    page.locator("[data-live-state][data-on=yes]").wait_for()
    console.check("10-runs")

    # Who is alive.
    console.open("/system")
    page.get_by_role("rowheader", name="Visual concept").wait_for()
    console.check("11-system")
    console.open("/")

    # By keyboard alone: the skip link is first and leads to the content.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    # From there to a run, and into one of its artifacts.
    tab_to(page, "document.activeElement.textContent == 'Arrive awake'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{run}")
    tab_to(page, "document.activeElement.closest('#card-copy h3') != null")
    page.keyboard.press("Enter")
    page.wait_for_url("**/artifacts/copy")
    return run, console.close()


def missing(console):
    """A page that is not there says so, in our own frame, with a way on."""
    before = list(console.faults)
    console.open("/runs/01a1f9b2-0000-7000-8000-000000000000")
    console.page.get_by_role("heading", name="There is no such thing here").wait_for()
    console.check("1b-missing")
    console.page.get_by_role("link", name="All runs").click()
    console.page.get_by_text("No runs yet").wait_for()
    # A browser tells of every answer that is not 200; this one is meant.
    found = [fault for fault in console.faults if fault not in before and "404" not in fault]
    console.faults = before + found


def tab_to(page, there):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(there):
            return
    raise AssertionError(f"the keyboard does not come to {there}")


def hostile(browser, base, axe, canary, model):
    """A brief, and a model, whose texts are markup: shown as they are, live and after; nothing runs."""
    payload = f"<img src={canary}/a onerror=window.ran=1><script src={canary}/b></script>![x]({canary}/c)[y](javascript:window.ran=1)<svg onload=window.ran=1>"
    rule = json.dumps({"brief": payload, "act": "echo"}).encode()
    add = urllib.request.Request(f"{model}/rules", rule, {"content-type": "application/json"})
    urllib.request.urlopen(add, timeout=10).close()
    console = Console(browser, base, axe)
    page = console.page
    run = submit(console, payload, Objective=payload, Audience=payload, Offer=payload)
    page.locator("[data-writing=copy] .live-text", has_text="onerror=window.ran").first.wait_for()
    page.locator("[data-writing=short_copy] .live-text", has_text="onerror=window.ran").first.wait_for()
    assert page.locator("[data-writing] :is(img, script, svg, a)").count() == 0
    page.get_by_text("Everything is done").wait_for()
    steps = [f"/artifacts/{step}" for step in ("copy", "short_copy", "visual_concept", "visual_concept/poster")]
    for path in ["", *steps]:
        console.open(f"/runs/{run}{path}")
        page.get_by_text("onerror=window.ran").first.wait_for()
        assert page.evaluate("window.ran") is None, path
        assert page.locator(f"[src*='{canary}'], a[href^='javascript']").count() == 0, path
    console.open("/")
    page.locator("tbody a", has_text="onerror=window.ran").wait_for()
    assert page.evaluate("window.ran") is None
    return console.close()


def calm(browser, base, axe):
    """Who wants less motion gets none, also while everything is under way."""
    console = Console(browser, base, axe, reduced_motion="reduce")
    submit(console, "Calm")
    console.page.locator("[data-writing=copy] .live-text").first.wait_for()
    assert console.page.evaluate("document.getAnimations().length") == 0
    console.page.get_by_role("button", name="Cancel the run").click()
    console.page.get_by_text("It was cancelled").wait_for()
    return console.close()


def cold(browser, base, axe, run):
    """What a first visit loads, pictures aside."""
    faults = []
    for path in ["/", f"/runs/{run}", f"/runs/{run}/artifacts/copy"]:
        console, loaded = Console(browser, base, axe), []
        console.page.on("response", lambda response: loaded.append(response))
        console.page.goto(base + path)
        console.page.evaluate("document.fonts.ready.then(() => true)")
        weighed = {
            response.url: int(response.headers.get("content-length", 0))
            for response in loaded if response.request.resource_type in ("document", "stylesheet", "script", "font")
        }
        tell(f"{path.replace(run, '…')}: {sum(weighed.values()) // 1024} KB without pictures")
        faults += console.close()
        if sum(weighed.values()) > MOST_PAGE_BYTES:
            faults.append(f"{path}: {weighed}")
    return faults


def elsewhere(browser, base, axe, run):
    """The same pages in the dark, on a phone, and without the script."""
    faults = []
    pages = {"run": f"/runs/{run}", "copy": f"/runs/{run}/artifacts/copy", "runs": "/", "posts": f"/runs/{run}/artifacts/short_copy",
             "brief": "/runs/new", "compare": f"/runs/{run}/artifacts/copy/compare", "concept": f"/runs/{run}/artifacts/visual_concept",
             "poster": f"/runs/{run}/artifacts/visual_concept/poster", "system": "/system"}
    for look, options in {
        "dark": {"color_scheme": "dark"},
        "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    }.items():
        console = Console(browser, base, axe, **options)
        for name, path in pages.items():
            console.open(path)
            console.check(f"{look}-{name}")
        faults += console.close()
    console = Console(browser, base, axe, java_script_enabled=False)
    console.open(f"/runs/{run}")
    assert console.page.get_by_text("Everything is done").count() == 1
    assert console.page.locator("svg .node").count() == 4
    return faults + console.close()


def main():
    from playwright.sync_api import sync_playwright

    axe = pathlib.Path(sys.argv[2]).read_text()
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    binaries = ROOT / "target/debug"
    with tempfile.TemporaryDirectory() as home:
        model, port, grpc = free_port(), free_port(), free_port()
        base = f"http://127.0.0.1:{port}"
        slow = subprocess.Popen([
            binaries / "fake-model", "--listen", f"127.0.0.1:{model}", "--world-log", f"{home}/world.log",
            "--min-delay-ms", "200", "--max-delay-ms", "700", "--stream-ms", str(STREAM_MS)])
        canary = Canary()
        dev = subprocess.Popen(
            [binaries / "pressrun", "dev", "--data-dir", home, "--port", str(port), "--grpc-port", str(grpc)],
            env={**os.environ, "PRESSRUN_MODEL_URL": f"http://127.0.0.1:{model}", "PRESSRUN_MODEL": "fake-1"},
            stderr=subprocess.DEVNULL)
        try:
            ready(f"http://127.0.0.1:{model}/health/ready", slow)
            ready(f"{base}/health/ready", dev)
            with sync_playwright() as playwright:
                # Root may not use the sandbox; CI and containers are root.
                arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = playwright.chromium.launch(executable_path=sys.argv[1], args=arguments)
                can_find(browser, axe)
                run, faults = story(browser, base, axe)
                faults += elsewhere(browser, base, axe, run)
                faults += hostile(browser, base, axe, canary.base, f"http://127.0.0.1:{model}")
                faults += calm(browser, base, axe)
                faults += cold(browser, base, axe, run)
                browser.close()
        finally:
            for process in (dev, slow):
                process.terminate()
            for process in (dev, slow):
                process.wait(60)
    if canary.asked:
        faults.append(f"the canary was asked {canary.asked} times")
    for fault in faults:
        print(fault, file=sys.stderr)
    tell(f"{len(list(SHOTS.iterdir()))} pages looked at, {len(faults)} faults; screenshots in {SHOTS.relative_to(ROOT)}")
    if os.environ.get("PRESSRUN_TEST_RECORD"):
        record(sys.argv[1])
    sys.exit(bool(faults))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        python, axe = fetch_tools()
        browser = chromium()
        sys.exit(subprocess.run([python, __file__, browser, axe]).returncode)
    main()
