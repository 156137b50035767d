"""What a page says, read as a browser would, for the tests of pages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = {"meta", "img", "br", "path", "circle", "rect"}  # those of our pages that hold nothing


@dataclass
class Table:
    """Texts of a table: its caption and its rows, the header's among them."""

    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)


class Page(HTMLParser):
    """Elements of a page with their attributes, its tables, and its text.

    Raises
    ------
    AssertionError
        An element is closed that is not open, or one is left open.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: list[Table] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def table(self, caption: str) -> Table:
        """Return the one table whose caption begins like that."""
        (found,) = [table for table in self.tables if table.caption.startswith(caption)]
        return found

    def attributes(self, *names: str) -> list[str]:
        """Return the values of all attributes of these names."""
        return [found[name] for _, found in self.elements for name in names if name in found]

    def ids(self) -> set[str]:
        return set(self.attributes("id"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif "td" in self._open or "th" in self._open:
            self.tables[-1].rows[-1][-1] += data
