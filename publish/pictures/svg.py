"""Draws SVG by hand: shapes, text that is known to fit, scales that also work in greyscale."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from publish.release import About

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
INK, SOFT, FAINT = "#1a1a1a", "#555555", "#d9d9d9"
# Five blues of falling lightness (84, 67, 51, 34, 20 of 100): apart from each other and from white paper in
# greyscale and for readers who do not tell red from green.
BLUES = ("#bdd7e7", "#6baed6", "#3182bd", "#08519c", "#08306b")
# Four steps of viridis, whose lightness rises evenly, and a light grey for all the rest; for classes without an order.
KINDS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#dcdcdc")
MARGIN = 24

# Widths of Liberation Sans (as Arial) in thousandths of the size; letters that are not here count as an "n".
_WIDTHS = {
    **dict.fromkeys("ijl'|", 222), **dict.fromkeys("ftI ,.:;!/[]()-", 290), **dict.fromkeys("rs\"", 400),
    **dict.fromkeys("ckvxyzJ", 500), **dict.fromkeys("abdeghnopqu0123456789L?_$#", 556),
    **dict.fromkeys("ABEFKPSTVXYZ&", 667), **dict.fromkeys("CDHNRUw", 722), **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("mM", 833), **dict.fromkeys("W%…", 960),
}  # fmt: skip


_WIDEST = 1.18
"""A machine without these faces takes one of its own; DejaVu Sans is wider by so much, bold or not."""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide the text will be at most, in the units of `size`."""
    units = sum(_WIDTHS.get(char, 600 if ord(char) < 0x2E80 else 1000) for char in text)
    return units * size / 1000 * _WIDEST * (1.08 if bold else 1)


def fitted(text: str, size: float, room: float) -> str:
    """`text`, cut with an ellipsis where it would be wider than `room`."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def lines_of(text: str, size: float, room: float) -> list[str]:
    """`text` broken at spaces into lines that fit `room`."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return [line for line in lines if line]


@dataclass(slots=True)
class Drawing:
    """A picture that is being drawn; the origin is the upper left corner."""

    width: float
    height: float
    title: str
    told: str  # what the picture shows, for those who do not see it
    parts: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, text: str, size: float = 11, *,
        anchor: str = "start", fill: str = INK, bold: bool = False, turn: float = 0, halo: bool = False,
    ) -> None:  # fmt: skip
        """One line; `turn` in degrees around its anchor; `halo` keeps what is drawn under it off the letters."""
        weight = ' font-weight="bold"' if bold else ""
        turned = f' transform="rotate({_n(turn)} {_n(x)} {_n(y)})"' if turn else ""
        around = ' stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"' if halo else ""
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" text-anchor="{anchor}" fill="{fill}"{weight}{turned}{around}>'
            f"{escape(text)}</text>"
        )

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str, stroke: str = "none", hint: str = ""
    ) -> None:
        """A box; `hint` shows when the pointer rests on it."""
        self._shape(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" fill="{fill}" stroke="{stroke}"',
            hint,
        )

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str, hint: str = "") -> None:
        """A disc."""
        self._shape(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}" stroke="{stroke}"', hint)

    def path(
        self, d: str, *, fill: str = "none", stroke: str = "none", width: float = 1, opacity: float = 1, hint: str = ""
    ) -> None:
        """A path in SVG's own notation."""
        seen = f' opacity="{_n(opacity)}"' if opacity != 1 else ""
        self._shape(f'<path d="{d}" fill="{fill}" stroke="{stroke}" stroke-width="{_n(width)}"{seen}', hint)

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = FAINT, width: float = 1) -> None:
        """A straight line."""
        self.path(f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}", stroke=stroke, width=width)

    def _shape(self, begun: str, hint: str) -> None:
        self.parts.append(f"{begun}><title>{escape(hint)}</title></{begun[1:].split()[0]}>" if hint else f"{begun}/>")

    def heading(self, subtitle: str) -> float:
        """Title and subtitle; returns where the picture may begin."""
        self.text(MARGIN, 34, self.title, 19, bold=True)
        lines = lines_of(subtitle, 12, self.width - 2 * MARGIN)
        for number, line in enumerate(lines):
            self.text(MARGIN, 54 + 16 * number, line, 12, fill=SOFT)
        return 54 + 16 * len(lines) + 6

    def source(self, text: str) -> None:
        """The source line at the foot."""
        lines = lines_of(text, 9.5, self.width - 2 * MARGIN)
        for number, line in enumerate(lines):
            self.text(MARGIN, self.height - 14 - 13 * (len(lines) - 1 - number), line, 9.5, fill=SOFT)

    def legend(self, x: float, y: float, entries: list[tuple[str, str]], *, size: float = 11) -> float:
        """Boxes with their meaning in a row; returns where it ends."""
        for fill, told in entries:
            self.rect(x, y - 10, 18, 12, fill, stroke="#777777")
            self.text(x + 23, y, told, size)
            x += 23 + width_of(told, size) + 18
        return x

    def svg(self) -> str:
        """The whole file."""
        size = f'width="{_n(self.width)}" height="{_n(self.height)}" viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family={quoteattr(FONT)}>\n'
            f"<title>{escape(self.title)}</title>\n<desc>{escape(self.told)}</desc>\n"
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def source_line(about: About, more: str = "") -> str:
    """Where a picture is from."""
    return (
        f"Source: {about.title}, version {about.version} ({about.date}), {about.licence}.{' ' + more if more else ''}"
    )


def left_out(about: About) -> str:
    """Which deals the pictures do not count, in words."""
    kinds = [
        *(() if about.count_proposed else ("proposed",)),
        "cancelled",
        *(() if about.count_umbrella else ("umbrella",)),
    ]
    told = ", ".join(kinds[:-1]) + f" and {kinds[-1]}" if len(kinds) > 1 else kinds[0]
    return f"{told.capitalize()} deals are left out."


def classes(most: int) -> list[int]:
    """Lower ends of at most five classes of counts from 1 to `most`: single numbers, else steps of 1-2-5."""
    if most <= len(BLUES):
        return list(range(1, max(most, 1) + 1))
    steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
    below = [step for step in steps if step <= most]
    if len(below) > len(BLUES):
        # Few of the many steps, evenly apart: counts are skewed, and so must the classes be.
        return [below[round(i * (len(below) - 1) / (len(BLUES) - 1))] for i in range(len(BLUES))]
    return below


def class_of(count: int, ends: list[int]) -> str:
    """The colour of a count."""
    place = max(i for i, end in enumerate(ends) if end <= count)
    return _spread(len(ends))[place]


def class_names(ends: list[int], most: int) -> list[tuple[str, str]]:
    """Colour and range of each class, for a legend."""
    tops = [*(end - 1 for end in ends[1:]), most]
    names = [f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in zip(ends, tops, strict=True)]
    return list(zip(_spread(len(ends)), names, strict=True))


def on(fill: str) -> str:
    """Ink that can be read on a colour."""
    red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "#ffffff"


def _spread(n: int) -> tuple[str, ...]:
    """`n` of the blues, as far apart as they go."""
    if n == 1:
        return (BLUES[2],)
    return tuple(BLUES[round(i * (len(BLUES) - 1) / (n - 1))] for i in range(n))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
