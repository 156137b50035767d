"""The page that shows all thumbnails of a cohort and links to its larger pictures.

It runs nothing and asks nothing of any other host; its pictures lie beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from oncotrace.report.chart import printable
from oncotrace.report.panel import BACKGROUND, QUIET_COLOUR, TEXT_COLOUR

_LONGEST = 200  # characters
_STYLE = f"""
body {{ background: {BACKGROUND}; color: {TEXT_COLOUR}; margin: 1rem; font: 14px sans-serif; }}
h1 {{ font-size: 1.3rem; }}
a {{ color: inherit; }}
p, small, footer {{ color: {QUIET_COLOUR}; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, 240px); gap: 14px 10px; }}
figure {{ margin: 0; overflow-wrap: anywhere; }}
img, .none {{ display: block; width: 240px; height: 240px; margin-bottom: 4px; }}
.none {{ display: grid; place-items: center; background: #22272e; color: {QUIET_COLOUR}; }}
@media print {{ figure {{ break-inside: avoid; }} }}
"""


@dataclass(frozen=True)
class ContactLink:
    """A thumbnail with its caption, and the picture that it leads to, as relative links.

    Both are empty where there is no picture.
    """

    case_id: str
    line: str
    thumbnail: str = ""
    picture: str = ""


def contact_page(title: str, links: Sequence[ContactLink], sheets: Sequence[str]) -> str:
    """HTML of the page.

    Parameters
    ----------
    sheets
        Relative links to the sheets.
    """
    shown = sum(bool(link.thumbnail) for link in links)
    leaves = " ".join(f'<a href="{escape(file)}">{n}</a>' for n, file in enumerate(sheets, start=1))
    figures = "\n".join(map(_figure, links))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="script-src 'none'; object-src 'none'">
<meta name="viewport" content="width=device-width">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p>{shown} of {len(links)} pictures · sheets {leaves}</p>
<main>
{figures}
</main>
<footer><p>oncotrace · research use only, not for diagnosis</p></footer>
</body>
</html>
"""


def _figure(link: ContactLink) -> str:
    caption = f"<b>{_text(link.case_id)}</b><br><small>{_text(link.line)}</small>"
    if not link.thumbnail:
        return f'<figure><span class="none">no picture</span>{caption}</figure>'
    name = f"{_text(link.case_id)}, {_text(link.line)}"
    image = f'<img src="{escape(link.thumbnail)}" alt="{name}" loading="lazy">'
    return f'<figure><a href="{escape(link.picture)}">{image}</a>{caption}</figure>'


def _text(text: str) -> str:
    return escape(printable(text, _LONGEST))
