"""Driver of the page in headless Chromium, for browser tests and screenshots."""

import shutil
from contextlib import contextmanager

# No network, GPU or sandbox (root in a container cannot create one).
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 120_000
"""Milliseconds that a step may take on a busy machine."""


def missing_parts():
    """Say why there is no browser.

    Returns:
        str: empty when there is one.
    """
    if shutil.which("chromium") is None:
        return "Chromium is not installed (apt-get install chromium)."
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed (pip install playwright)."
    return ""


@contextmanager
def open_browser():
    """Start Chromium for the `with` block.

    Yields:
        A playwright browser.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        yield browser
        browser.close()


class PageDriver:
    """One visitor of the page.

    Args:
        browser: playwright browser.
        address: str. Where the page is served.
        width: int. Of the window, in CSS pixels.
        height: int.
        language: str. `"en"` or `"zh"`, the browser's.
        light: str. `"light"` or `"dark"`, the system's.
        touch: bool. Whether the visitor uses a finger.
        script: str. JavaScript to run before the page's own.
    """

    def __init__(
        self,
        browser,
        address,
        *,
        width=1280,
        height=900,
        language="en",
        light="light",
        touch=False,
        script="",
    ):
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN" if language == "zh" else "en-US",
            color_scheme=light,
            has_touch=touch,
            accept_downloads=True,
        )
        self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests = []
        self.errors = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note_console)
        self.page.goto(address)
        self.page.wait_for_selector("#read-text textarea")
        self.page.wait_for_selector("html:not(.lk-waiting) #theme[title]")

    def _note_console(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def close(self):
        """Leave the page."""
        self.context.close()

    def wait_until_models_are_ready(self, timeout=PATIENCE):
        """Wait until the models behind the page are loaded."""
        self.page.wait_for_selector("#status .lk-done", timeout=timeout)

    def choose_sample(self, number):
        """Put the sample of this number, from 1, into the text box."""
        before = self.page.input_value("#read-text textarea")
        self.page.click("#read-sample input")
        self.page.click(f"ul[role=listbox] li:nth-child({number})")
        self.page.wait_for_function(
            """(before) =>
              document.querySelector("#read-text textarea").value !== before""",
            arg=before,
        )

    def upload(self, path):
        """Give the page a file."""
        with self.page.expect_file_chooser() as chooser:
            self.page.click("#read-upload")
        chooser.value.set_files(path)

    def write_text(self, text):
        """Put a text into the text box."""
        self.page.fill("#read-text textarea", text)

    def read(self, timeout=PATIENCE):
        """Read, and return what the page says at the end."""
        self.page.click("#read-start")
        # Wait for a busy message first: the one before was not.
        self.page.wait_for_selector("#read-notice .lk-busy, #read-notice .lk-error")
        return self.end_of("#read-notice", timeout)

    def end_of(self, notice, timeout=PATIENCE):
        """Wait until nothing is busy, and return the message."""
        self.page.wait_for_selector(
            f"{notice} .lk-notice:not(.lk-busy)", timeout=timeout
        )
        return self.page.inner_text(notice)

    def open_place(self, share):
        """Click the first strip at a share of its length."""
        self.page.locator("#read-stage").scroll_into_view_if_needed()
        box = self.page.locator(".lk-strip").first.bounding_box()
        self.page.mouse.click(
            box["x"] + share * box["width"], box["y"] + box["height"] / 2
        )
        self.page.wait_for_selector(".lk-place")

    def continue_text(self, timeout=PATIENCE):
        """Let the models write on, and return what the page says at the end."""
        self.page.click("#read-continue")
        self.page.wait_for_selector(
            "#read-continue-notice .lk-busy, #read-continue-notice .lk-error"
        )
        return self.end_of("#read-continue-notice", timeout)

    def find_key(self, draw=1, timeout=PATIENCE):
        """Hide a key, look for it, and return what the page says at the end.

        Args:
            draw: int. Which one; another than before.
            timeout: int. Milliseconds.

        Returns:
            str.
        """
        self.page.get_by_role("tab").nth(1).click()
        said = self.page.locator("#key-notice")
        before = said.inner_text()
        self.page.fill("#key-draw input", str(draw))
        self.page.click("#key-find")
        self.page.wait_for_function(
            """(before) => {
              const notice = document.querySelector('#key-notice .lk-notice');
              return notice && !notice.classList.contains('lk-busy')
                && notice.innerText.trim() !== before.trim();
            }""",
            arg=before,
            timeout=timeout,
        )
        return said.inner_text()

    def switch_language(self, language):
        """Choose the page's language with its switch."""
        number = {"en": 1, "zh": 2}[language]
        self.page.click(f"#language label:nth-of-type({number})")
        start = {"en": "en", "zh": "zh-Hans"}[language]
        self.page.wait_for_selector(f"html[lang='{start}']")

    def focused(self):
        """Return the id of the block that holds the focus; empty for the body."""
        return self.page.evaluate(
            "(document.activeElement.closest('.block[id], button[id]') ?? {}).id ?? ''"
        )

    def layout_shift(self):
        """Return how much has moved since the page was opened (CLS)."""
        return self.page.evaluate(
            """() => new Promise((tell) => {
              let total = 0;
              new PerformanceObserver((list) => {
                for (const entry of list.getEntries())
                  if (!entry.hadRecentInput) total += entry.value;
              }).observe({ type: 'layout-shift', buffered: true });
              setTimeout(() => tell(total), 500);
            })"""
        )

    def width(self):
        """Return the width of what the page shows, in CSS pixels."""
        return self.page.evaluate(
            "document.querySelector('.gradio-container').getBoundingClientRect().width"
        )

    def overflow(self):
        """Return by how many pixels the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - window.innerWidth"
        )

    def colours(self, strip):
        """Return how many colours a strip has."""
        return self.page.evaluate(
            """(number) => {
              const canvas = document.querySelectorAll('canvas.lk-strip')[number];
              const context = canvas.getContext('2d');
              const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
              const pixels = new Uint32Array(data.buffer);
              return new Set(pixels).size;
            }""",
            strip,
        )
