"""What the charts share: look, size, and a PNG or SVG that is always the same."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

INK = "#1f2328"
QUIET = "#6b7280"
ACCENT = "#0072b2"  # after Okabe and Ito 2008, as the next
WARM = "#d55e00"
DICE_COLOURS = "viridis_r"  # dark is good; told apart in grey too
DICE_RANGE = (0.5, 1.0)

Form = Literal["png", "svg"]
FORMS: tuple[Form, ...] = ("png", "svg")

_DPI = 200
_METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None}}
_LONGEST_NAME = 32


@dataclass(frozen=True)
class Drawing:
    """What a chart shows, before it is known in which form: see `chart`."""

    draw: "Callable[[Figure], None]"
    width_in: float
    height_in: float

    def rendered(self, form: Form = "png") -> bytes:
        """Return the chart as a PNG or an SVG; the same input, the same bytes."""
        return chart(self.draw, width_in=self.width_in, height_in=self.height_in, form=form)


def chart(
    draw: "Callable[[Figure], None]",
    *,
    width_in: float,
    height_in: float,
    form: Form = "png",
) -> bytes:
    """Return what ``draw`` puts on an empty white page; the same input, the same bytes.

    Parameters
    ----------
    form
        ``png``, of 200 dots per inch, or ``svg``, whose letters are outlines.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = mpl.rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9.0,
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.linewidth": 0.8,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.axisbelow": True,
            "axes.titlelocation": "left",
            "axes.titlesize": 10.0,
            "axes.titleweight": "bold",
            "grid.color": "#e5e7eb",
            "grid.linewidth": 0.6,
            "text.color": INK,
            "text.parse_math": False,
            "xtick.color": QUIET,
            "ytick.color": QUIET,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "legend.frameon": False,
            "path.simplify": False,
            "svg.fonttype": "path",
            "svg.hashsalt": "oncotrace",  # else the names of its parts differ every time
        }
    )
    with style:
        figure = Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        content = BytesIO()
        figure.savefig(content, format=form, dpi=_DPI, metadata=_METADATA[form])
    return content.getvalue()


def add_dice_scale(figure: "Figure", axes: "Axes", points: "PathCollection") -> None:
    """Add the scale of the colours that stand for Dice."""
    bar = figure.colorbar(points, ax=axes, pad=0.02, fraction=0.045, extend="min")
    bar.set_label("Dice")
    bar.outline.set_visible(False)


def signed(value: float, decimals: int = 1) -> str:
    """Return the number with its sign; a true minus, and none before what rounds to zero."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def printable(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return the text on one short line, with ? for what the font of the charts lacks."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    line = "".join(c if ord(c) in known else "?" for c in " ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
