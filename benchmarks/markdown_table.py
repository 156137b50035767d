"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def markdown(names: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table."""
    body = [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(names)} |", "| --- " * len(names) + "|", *body]
