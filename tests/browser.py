"""A real browser without a window, for pages that the project writes."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Opened:
    """A page that was opened, and what it did.

    Attributes:
        page: playwright's.
        messages: of its console, and its errors.
        requests: that it made beside itself.
    """

    def __init__(self, page, file: Path):
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", self._note)
        self._file = file.resolve().as_uri()
        page.goto(self._file)

    def _note(self, request) -> None:
        if request.url != self._file and not request.url.startswith("data:"):
            self.requests.append(request.url)


@contextlib.contextmanager
def chromium() -> Iterator[Callable[..., Opened]]:
    """Gives what opens a file; skips the test, saying so, where no Chromium is installed."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no Chromium is installed ({', '.join(_NAMES)}): apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p, contextlib.ExitStack() as stack:

        def open_file(file: Path, *, width: int, height: int, touch: bool = False) -> Opened:
            context = p.chromium.launch_persistent_context(
                stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)),
                executable_path=program,
                args=list(_QUIET),
                viewport={"width": width, "height": height},
                has_touch=touch,
            )
            stack.callback(context.close)
            return Opened(context.pages[0], file)

        yield open_file
