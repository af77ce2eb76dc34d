"""A real browser for tests that records what a page does by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page

PATIENCE_MS = 20_000
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WIDE, NARROW = 1280, 360
EXPECT_CHANGE = "() => { noticed = new Promise((done) => addEventListener('hashchange', done, { once: true })); }"


@dataclass
class Opened:
    """An open page, the addresses that it has requested, and its faults: console errors, script errors and dialogs."""

    page: Page
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def records(self) -> Locator:
        """The visible records, in order."""
        return self.page.locator("#list > li:visible")

    @property
    def ids(self) -> list[str]:
        """The ids of the visible records, in order."""
        return self.records.get_by_role("heading").get_by_role("link").all_inner_texts()

    def record(self, key: str) -> Locator:
        """Return the entry of a record."""
        link = self.page.get_by_role("heading").get_by_role("link", name=key, exact=True)
        return self.page.locator("#list > li").filter(has=link)

    @property
    def address(self) -> str:
        """The address of the view, as a reader would share it."""
        return str(self.evaluate("location.href"))

    @property
    def count(self) -> str:
        """The page's count of visible records."""
        return self.page.get_by_role("status").inner_text()

    def field(self, label: str) -> Locator:
        """Return a field of the filter."""
        return self.page.get_by_role("searchbox" if label == "Search" else "combobox", name=label, exact=True)

    def sort(self, order: str) -> None:
        """Choose an order by its value."""
        self.field("Sort by").select_option(value=order)

    def groups(self, label: str) -> Locator:
        """Return the visible groups of one kind, such as the label pairs, unfolded."""
        kind = self.page.locator("#groups > details").filter(has=self.page.locator("summary", has_text=label))
        if kind.get_attribute("open") is None:
            kind.locator("summary").click()
        return kind.get_by_role("link")

    def choose(self, label: str, value: str) -> None:
        """Choose a group, or give it up."""
        self.groups(label).filter(has=self.page.get_by_text(value, exact=True)).click()

    def chosen_group(self, label: str) -> str:
        """Return the chosen group of one kind; empty if it is all."""
        return "".join(self.groups(label).and_(self.page.locator("[aria-current]")).locator("bdi").all_inner_texts())

    def counts(self, label: str) -> dict[str, int]:
        """Return the visible groups of one kind, and their counts."""
        links = self.groups(label).all()
        return {link.locator("bdi").inner_text(): int(link.locator("b").inner_text()) for link in links}

    def chosen(self, label: str) -> str:
        """Return the value of a field of the filter."""
        return self.field(label).input_value()

    def follow(self, step: Callable[[], object]) -> None:
        """Change the fragment of the address by a step, such as a click on a link, and wait until the page has noticed.

        Browsers tell it to the page some time after the address changed.
        """
        self.evaluate(EXPECT_CHANGE)
        step()
        self.evaluate("async () => { await noticed }")

    def unfold(self) -> None:
        """Unfold everything, one after the other, as a reader would."""
        for summary in self.page.locator("summary").all():
            if not summary.evaluate("element => element.parentElement.open"):
                summary.click()

    def text(self) -> str:
        """Return the visible text of the page, with white space collapsed."""
        return " ".join(self.page.locator("body").inner_text().split())

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Return the result of a script in the page."""
        return self.page.evaluate(script, argument)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return int(self.evaluate("document.scrollingElement.scrollWidth - innerWidth"))


class Browsing:
    """Opens pages for different kinds of readers."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[tuple[bool, int, bool], BrowserContext] = {}

    def open(
        self, address: Path | str, fragment: str = "", *, scripts: bool = True, width: int = WIDE, dark: bool = False
    ) -> Opened:
        """Open a file or a web address in a window of this width, with or without JavaScript."""
        context = self._context(scripts, width, dark)
        opened = Opened(context.new_page())
        _watch(opened)
        named = address.as_uri() if isinstance(address, Path) else address
        opened.page.goto(f"{named}#{fragment}" if fragment else named)
        return opened

    def close_pages(self) -> None:
        """Close all pages."""
        for context in self._contexts.values():
            for page in context.pages:
                page.close()

    def _context(self, scripts: bool, width: int, dark: bool) -> BrowserContext:
        reader = scripts, width, dark
        if reader not in self._contexts:
            self._contexts[reader] = self._browser.new_context(
                java_script_enabled=scripts,
                viewport={"width": width, "height": 800},
                color_scheme="dark" if dark else "light",
            )
            self._contexts[reader].set_default_timeout(PATIENCE_MS)
        return self._contexts[reader]


def _watch(opened: Opened) -> None:
    page, faults = opened.page, opened.faults
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda said: faults.append(f"{said.type}: {said.text}") if said.type == "error" else None)

    def dismiss(dialog: Any) -> None:
        faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
