"""Cost against table size, as a drawing that needs no program to be made."""

from collections.abc import Mapping, Sequence
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 360
LEFT: Final = 56
TOP: Final = 48
RIGHT: Final = 120
BOTTOM: Final = 48
FONT: Final = 'font-family="sans-serif" font-size="12"'
HIGHEST: Final = 2.0
COLOURS: Final = ("#1f6f8b", "#c8553d", "#6a8d3b", "#7a4e9c")
Curves = Mapping[str, Mapping[int, float]]


def drawing(curves: Curves) -> str:
    """Draw each operation's cost as a multiple of its cost with the smallest tables."""
    sizes = sorted({size for curve in curves.values() for size in curve})
    title = f"Time of an answer (p50); with {sizes[0]:,} sessions it is 1"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="14">{title}</text>',
        *(_level(value / 4, sizes) for value in range(int(HIGHEST * 4) + 1)),
        *(_size(size, sizes) for size in sizes),
        *(_curve(name, curves[name], sizes, at) for at, name in enumerate(curves)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _level(value: float, sizes: Sequence[int]) -> str:
    y = _y(value)
    return (
        f'<line x1="{LEFT}" y1="{y}" x2="{_x(sizes[-1], sizes)}" y2="{y}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>'
    )


def _size(size: int, sizes: Sequence[int]) -> str:
    return f'<text x="{_x(size, sizes)}" y="{HEIGHT - 20}" text-anchor="middle">{size:,}</text>'


def _curve(name: str, curve: Mapping[int, float], sizes: Sequence[int], at: int) -> str:
    colour, first = COLOURS[at % len(COLOURS)], curve[sizes[0]]
    points = " ".join(f"{_x(size, sizes)},{_y(curve[size] / first)}" for size in sizes)
    beside = f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 16 + 18 * at}" fill="{colour}">{name}</text>'
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>{beside}'


def _x(size: int, sizes: Sequence[int]) -> int:
    step = (WIDTH - LEFT - RIGHT) / max(len(sizes) - 1, 1)
    return round(LEFT + step * sizes.index(size))


def _y(value: float) -> int:
    return round(HEIGHT - BOTTOM - min(value, HIGHEST) / HIGHEST * (HEIGHT - TOP - BOTTOM))
