"""browser.py BROWSER SITE: the site in Chromium, as a person has it: from files, on a phone and on a desk, by day and by night.

The browser is spoken to over two pipes (its remote debugging), so nothing listens anywhere.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urldefrag

DEADLINE = 60  # seconds; only stops what hangs
PHONE, DESK = (360, 740), (1280, 900)

# Texts that are too faint, as "contrast: text". Colours are laid over each other as far as they are transparent.
CONTRAST = """(() => {
    const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
    const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const light = (c) => [0, 1, 2].map((i) => c[i] / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor));
        return layers.reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const ratio = (text, behind) => {
        const [a, b] = [light(over(text, behind)), light(behind)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const faint = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        count++;
        const found = ratio(parse(getComputedStyle(element).color), ground(element));
        if (found < 4.5) faint.add(found.toFixed(2) + ": " + texts.currentNode.data.trim().slice(0, 40));
    }
    const query = document.getElementById("query");
    const found = ratio(parse(getComputedStyle(query, "::placeholder").color), ground(query));
    if (found < 4.5) faint.add(found.toFixed(2) + ": the placeholder of the search");
    return {count, faint: [...faint]};
})()"""

# Elements that make the page wider than the window.
WIDE = """(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("main *, header *, nav *")].filter((e) => e.getBoundingClientRect().right > width + 0.5);
    return ["scrolls to " + document.documentElement.scrollWidth, ...wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 80))];
})()"""

LINKS = """({ids: [...document.querySelectorAll("[id]")].map((e) => e.id), links: [...document.links].map((a) => a.href),
             broken: [...document.images].filter((i) => i.naturalWidth === 0).map((i) => i.src)})"""

# The titles of what the search has found, when it has found something or says that there is nothing.
FOUND = """new Promise((resolve) => {
    const look = () => {
        const list = document.getElementById("found");
        if (!list.hidden && list.children.length) resolve([...list.children].map((e) => (e.querySelector("a")?.firstChild ?? e).textContent));
    };
    new MutationObserver(look).observe(document.getElementById("found"), {childList: true, attributes: true});
    look();
})"""


class Browser:
    def __init__(self, program: str, directory: str):
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        arguments = [program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={directory}", "--no-first-run", "--disable-gpu",
                     "--disable-dev-shm-usage", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")

        def pipes() -> None:  # the browser reads from 3 and writes to 4
            reader, writer = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reader, 3)
            os.dup2(writer, 4)

        self.log = open(Path(directory) / "log", "w+b")
        self.process = subprocess.Popen(arguments, preexec_fn=pipes, close_fds=False, stdout=self.log, stderr=self.log)
        os.close(to_browser)
        os.close(from_browser)
        self.rest = b""
        self.number = 0
        self.events: list[dict] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self) -> dict:
        while b"\0" not in self.rest:
            if not select.select([self.answers], [], [], DEADLINE)[0]:
                raise SystemExit("browser: no answer")
            received = os.read(self.answers, 1 << 20)
            if not received:
                self.log.seek(0)
                raise SystemExit(f"browser: it has ended: {self.log.read()[-2000:].decode(errors='replace')}")
            self.rest += received
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method: str, **parameters) -> dict:
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            command["sessionId"] = self.session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data) :]
        while (message := self.receive()).get("id") != self.number:
            self.events.append(message)
        if "error" in message:
            raise SystemExit(f"browser: {method}: {message['error']}")
        return message["result"]

    def evaluate(self, expression: str):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"browser: {expression[:60]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def take(self, method: str) -> list[dict]:
        taken = [event["params"] for event in self.events if event.get("method") == method]
        self.events = [event for event in self.events if event.get("method") != method]
        return taken

    def open(self, url: str) -> None:
        self.take("Page.loadEventFired")
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def window(self, size: tuple[int, int]) -> None:
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=size == PHONE)

    def colours(self, scheme: str) -> None:
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def key(self, key: str, code: int, text: str = "") -> None:
        pressed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **pressed)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def end(self) -> None:
        self.session = None
        self.call("Browser.close")
        self.process.wait(DEADLINE)


class Check:
    def __init__(self, browser: Browser, site: Path):
        self.browser = browser
        self.site = site
        self.wrong: list[str] = []
        self.texts = 0

    def expect(self, what: str, got, expected) -> None:
        if got != expected:
            self.wrong.append(f"{what}: expected {expected!r}, got {got!r}")

    def noise(self, where: str) -> None:
        """What the browser complained of since the last call, and what it asked for."""
        for event in self.browser.take("Runtime.consoleAPICalled"):
            self.wrong.append(f"{where}: the console says {[a.get('value') for a in event['args']]}")
        for event in self.browser.take("Runtime.exceptionThrown"):
            self.wrong.append(f"{where}: {event['exceptionDetails']['exception'].get('description')}")
        for event in self.browser.take("Log.entryAdded"):
            self.wrong.append(f"{where}: {event['entry']['text']}")
        for event in self.browser.take("Network.requestWillBeSent"):
            url = event["request"]["url"]
            if not url.startswith((self.site.as_uri() + "/", "data:")):
                self.wrong.append(f"{where}: asks for {url}")

    def pages(self) -> None:
        anchors, links = {}, {}
        for path in sorted(self.site.rglob("*.html")):
            where = str(path.relative_to(self.site))
            self.browser.window(DESK)
            self.browser.open(path.as_uri())
            for size in (DESK, PHONE):
                self.browser.window(size)
                self.wrong += [f"{where}, {size[0]} wide: {what}" for what in self.browser.evaluate(WIDE)]
            for scheme in ("light", "dark"):
                self.browser.colours(scheme)
                contrast = self.browser.evaluate(CONTRAST)
                self.texts += contrast["count"]
                self.wrong += [f"{where}, {scheme}: contrast {what}" for what in contrast["faint"]]
            content = self.browser.evaluate(LINKS)
            self.wrong += [f"{where}: no picture at {source}" for source in content["broken"]]
            anchors[path.as_uri()] = set(content["ids"])
            links[where] = content["links"]
            self.noise(where)
        for where, found in links.items():
            for url, anchor in {tuple(urldefrag(link)) for link in found if link.startswith("file:")}:
                if not Path(unquote(url).removeprefix("file://")).is_file():
                    self.wrong.append(f"{where}: nothing at {url}")
                elif anchor and unquote(anchor) not in anchors[url]:
                    self.wrong.append(f"{where}: no {anchor} in {url}")

    def search(self) -> None:
        browser = self.browser
        browser.window(DESK)
        browser.open((self.site / "index.html").as_uri())
        browser.key("/", 191, "/")
        browser.call("Input.insertText", text="ws_connect")
        self.expect("the first result for ws_connect", browser.evaluate(FOUND)[:1], ["ws_connect"])
        browser.take("Page.loadEventFired")
        browser.key("Enter", 13, "\r")
        browser.wait_for("Page.loadEventFired")
        self.expect("where Enter leads", browser.evaluate("location.href"), (self.site / "reference/connecting.html").as_uri() + "#ws_connect")
        top, below = browser.evaluate("""[document.querySelector("#ws_connect h2").getBoundingClientRect().top,
                                          document.querySelector("header").getBoundingClientRect().bottom]""")
        self.expect("the heading is below the bar, and in sight", below <= top < DESK[1], True)

        browser.window(PHONE)
        browser.evaluate('document.getElementById("query").focus()')
        browser.call("Input.insertText", text="proxy credentials")
        found = browser.evaluate(FOUND)
        self.expect("WS_ERR_PROXY_AUTH is found by its meaning", "WS_ERR_PROXY_AUTH" in found, True)
        self.wrong += [f"with results, on a phone: {what}" for what in browser.evaluate(WIDE)]
        faint = browser.evaluate(CONTRAST)["faint"]
        self.expect("results that are too faint", faint, [])
        browser.key("ArrowDown", 40)
        self.expect("what the arrow leads to", browser.evaluate("document.activeElement.firstChild.textContent"), found[0])
        browser.key("Escape", 27)
        self.expect("the results are gone", browser.evaluate('document.getElementById("found").hidden'), True)
        browser.evaluate('document.getElementById("query").value = ""; document.getElementById("query").focus()')
        browser.call("Input.insertText", text="kwyjibo")
        self.expect("results for nonsense", browser.evaluate(FOUND), ["Nothing found"])
        self.noise("search")

    def navigation(self) -> None:
        browser = self.browser
        shown = 'getComputedStyle(document.querySelector(".menu")).display !== "none"'
        browser.window(PHONE)
        browser.open((self.site / "waiting.html").as_uri())
        self.expect("a way to the contents on a phone", browser.evaluate(shown), True)
        browser.evaluate('document.querySelector(".menu").click()')
        seen = browser.evaluate("""new Promise((resolve) => new IntersectionObserver((entries) => resolve(entries[0].isIntersecting))
                                   .observe(document.querySelector("#navigation h2")))""")
        self.expect("the contents are in sight after it", seen, True)
        browser.window(DESK)
        self.expect("a way to the contents on a desk", browser.evaluate(shown), False)
        left, right = browser.evaluate("""[document.querySelector("nav").getBoundingClientRect().right,
                                           document.querySelector("main").getBoundingClientRect().left]""")
        self.expect("the contents are left of the text", left <= right, True)
        self.expect("the page that is marked", browser.evaluate("document.querySelector('nav [aria-current]').textContent"), "Waiting")
        self.noise("navigation")


def main() -> None:
    program, site = sys.argv[1], Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        browser = Browser(program, directory)
        try:
            check = Check(browser, site)
            check.pages()
            check.search()
            check.navigation()
            browser.end()
        finally:
            browser.process.kill()
            browser.process.wait()
    for line in check.wrong:
        print(line, file=sys.stderr)
    print(f"browser: {len(list(site.rglob('*.html')))} pages, {check.texts} texts")
    sys.exit(1 if check.wrong else 0)


main()
