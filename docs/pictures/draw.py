#!/usr/bin/env python3
"""Draws the pictures of this folder from their texts: python3 docs/pictures/draw.py [NAME.txt ...]

A text says what there is and what leads where; the places follow from it.

    title: A deployed network
    row: everything                       a row or a column of what is indented below it, without a frame
      group cluster (column): Kubernetes  the same with a frame and a title
        box node: miner-1                 a box with its title
          bootstrap node                  ... and its lines
    note: below the picture
    node -> poet: sends challenges        arrows, at the end: ->, <->, and -.-> for a dashed one

Rows and columns are laid out from the inside out. Arrows look for the cheapest way over a grid (A*): around boxes and titles, with few
bends, apart from each other. Labels take the first free place along their arrow.
"""

import heapq
import re
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

GRID = 10
GAP = 60
PADDING = 20
TITLE = 30
LINE = 17
FONT = 13
LEFT, RIGHT, UP, DOWN = (-1, 0), (1, 0), (0, -1), (0, 1)
END = ((-1, -1), (0, 0))
FILLS = ["#f3f6fa", "#e6edf6", "#d9e4f1", "#cddbed"]
INK, QUIET, EDGE, ARROW = "#1b2733", "#46566a", "#7d91a8", "#35506e"


@dataclass
class Part:
    """A row, a column, a framed group or a box."""

    kind: str
    name: str
    title: str
    depth: int
    across: bool = False
    parts: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    @property
    def framed(self):
        return self.kind == "group"


@dataclass
class Arrow:
    source: str
    target: str
    label: str
    both: bool
    dashed: bool


@dataclass
class Picture:
    title: str
    root: Part
    arrows: list
    notes: list


def fail(path, number, message):
    sys.exit(f"{path}:{number}: {message}")


PART = re.compile(r"(row|column|group|box)(?: ([\w-]+))?(?: \((row|column)\))?:\s*(.*)")
ARROW_LINE = re.compile(r"([\w-]+) (->|<->|-\.->) ([\w-]+)(?::\s*(.*))?")


def read(path):
    """The picture that a text describes."""
    picture = Picture("", Part("column", "", "", 0), [], [])
    open_parts = [(-1, picture.root)]
    for number, text in enumerate(path.read_text().splitlines(), 1):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        indent = len(text) - len(text.lstrip())
        if line.startswith("title:"):
            picture.title = line.removeprefix("title:").strip()
            continue
        if line.startswith("note:"):
            picture.notes.append(line.removeprefix("note:").strip())
            continue
        while open_parts[-1][0] >= indent:
            open_parts.pop()
        parent = open_parts[-1][1]
        if parent.kind == "box":
            parent.lines.append(line)
        elif match := PART.fullmatch(line):
            kind, name, direction, title = match.groups()
            part = Part(kind, name or "", title, parent.depth + parent.framed)
            part.across = kind == "row" or direction == "row"
            parent.parts.append(part)
            open_parts.append((indent, part))
        elif match := ARROW_LINE.fullmatch(line):
            source, mark, target, label = match.groups()
            picture.arrows.append(Arrow(source, target, label or "", mark == "<->", mark == "-.->"))
        else:
            fail(path, number, f"cannot read: {line}")
    return picture


# --- places ---------------------------------------------------------------------------------------------------------------------


def text_width(text, size=FONT, bold=False):
    """An upper bound of what a text takes in the usual sans-serif fonts."""
    narrow = sum(text.count(c) for c in "iljtfrI.,:;'|!()[]/ -")
    wide = sum(text.count(c) for c in "mwMW")
    letters = (len(text) - narrow - wide) * 0.59 + narrow * 0.36 + wide * 0.88
    return letters * size * (1.2 if bold else 1)


def up_to_grid(length):
    return -(-int(length + 0.999) // GRID) * GRID


def measure(part):
    """The least size of a part, from its inside."""
    for inner in part.parts:
        measure(inner)
    heading = text_width(part.title, FONT + 1, True)
    if part.kind == "box":
        width = max([heading] + [text_width(line) for line in part.lines])
        part.width = up_to_grid(width + 2 * 14)
        part.height = up_to_grid(16 + LINE * (1 + len(part.lines)))
        return
    along = sum((p.width if part.across else p.height) for p in part.parts) + GAP * (len(part.parts) - 1)
    other = max((p.height if part.across else p.width) for p in part.parts)
    part.width, part.height = (along, other) if part.across else (other, along)
    if part.framed:
        part.width = max(part.width + 2 * PADDING, up_to_grid(heading + 2 * PADDING))
        part.height += 2 * PADDING + TITLE


def place(part, x, y, width, height):
    """Puts a part at a place with room to spare: in a row the parts grow, in a column they move apart."""
    part.x, part.y, part.width, part.height = x, y, width, height
    if part.kind == "box":
        return
    if part.framed:
        x, y, width, height = x + PADDING, y + PADDING + TITLE, width - 2 * PADDING, height - 2 * PADDING - TITLE
    sizes = [(p.width if part.across else p.height) for p in part.parts]
    spare = (width if part.across else height) - sum(sizes) - GAP * (len(sizes) - 1)
    gap = GAP
    if len(sizes) > 1 and not part.across:
        gap += spare // (len(sizes) - 1) // GRID * GRID
        spare -= (gap - GAP) * (len(sizes) - 1)
    share = spare // len(sizes) // GRID * GRID
    sizes = [size + share for size in sizes]
    sizes[-1] += spare - share * len(sizes)
    at = x if part.across else y
    for inner, size in zip(part.parts, sizes):
        if part.across:
            place(inner, at, y, size, height)
        else:
            place(inner, x, at, width, size)
        at += size + gap


def every(part):
    yield part
    for inner in part.parts:
        yield from every(inner)


# --- arrows ---------------------------------------------------------------------------------------------------------------------


class Ways:
    """Where arrows may go, and where they have gone."""

    def __init__(self, picture, width, height):
        self.columns, self.rows = width // GRID, height // GRID
        self.blocked, self.dear, self.used = set(), {}, {}
        for part in every(picture.root):
            left, top, right, bottom = (v // GRID for v in (part.x, part.y, part.x + part.width, part.y + part.height))
            if part.kind == "box":
                self.blocked.update((c, r) for c in range(left, right + 1) for r in range(top, bottom + 1))
                for c in range(left - 1, right + 2):
                    for r in range(top - 1, bottom + 2):
                        self.dear[c, r] = max(self.dear.get((c, r), 0), 3)
            elif part.framed:
                end = left + 2 + int(text_width(part.title, FONT + 1, True) // GRID)
                self.blocked.update((c, r) for c in range(left + 1, end + 1) for r in range(top + 1, top + 4))
                border = [(c, r) for c in range(left, right + 1) for r in (top, bottom)]
                border += [(c, r) for c in (left, right) for r in range(top, bottom + 1)]
                for cell in border:
                    self.dear[cell] = max(self.dear.get(cell, 0), 4)

    def gates(self, part):
        """The cells of a part's edge, with the direction that leads out and the price of leaving there."""
        left, top, right, bottom = (v // GRID for v in (part.x, part.y, part.x + part.width, part.y + part.height))
        middle_c, middle_r = (left + right) / 2, (top + bottom) / 2
        for c in range(left + 1, right):
            price = abs(c - middle_c) * 0.3
            yield (c, top), UP, price
            yield (c, bottom), DOWN, price
        for r in range(top + 1, bottom):
            price = abs(r - middle_r) * 0.3
            yield (left, r), LEFT, price
            yield (right, r), RIGHT, price

    def price(self, cell, direction):
        """What a step onto a cell costs: near boxes, along frames and beside or across other arrows it is dearer."""
        price = 1 + self.dear.get(cell, 0)
        across = direction[0] == 0
        for step in self.used.get(cell, ()):
            price += 60 if step == across else 6
        for offset in (-1, 1):
            beside = (cell[0] + offset, cell[1]) if across else (cell[0], cell[1] + offset)
            if across in self.used.get(beside, ()):
                price += 4
        return price

    def find(self, source, target):
        """The cheapest way from the edge of one part to the edge of another, as cells."""
        goals = {}
        for cell, out, price in self.gates(target):
            inward = (-out[0], -out[1])
            goals[cell, inward] = price + 40 * len(self.used.get(cell, ()))
        centre = ((target.x + target.width / 2) / GRID, (target.y + target.height / 2) / GRID)
        reach = (target.width + target.height) / 2 / GRID

        def guess(cell):
            return max(0, abs(cell[0] - centre[0]) + abs(cell[1] - centre[1]) - reach)

        queue, best, before = [], {}, {}
        for cell, out, price in self.gates(source):
            state = (cell, out)
            best[state] = price + 40 * len(self.used.get(cell, ()))
            heapq.heappush(queue, (best[state] + guess(cell), state))
        while queue:
            _, state = heapq.heappop(queue)
            if state == END:
                state, way = before[END], []
                while state is not None:
                    way.append(state[0])
                    state = before.get(state)
                return way[::-1]
            cell, direction = state
            cost = best[state]
            if state in goals and cost + goals[state] < best.get(END, 1e9):
                best[END], before[END] = cost + goals[state], state
                heapq.heappush(queue, (best[END], END))
            for turn in (LEFT, RIGHT, UP, DOWN):
                if turn == (-direction[0], -direction[1]) or (turn != direction and state not in before):
                    continue
                following = ((cell[0] + turn[0], cell[1] + turn[1]), turn)
                place_there = following[0]
                if not (0 < place_there[0] < self.columns and 0 < place_there[1] < self.rows):
                    continue
                if place_there in self.blocked and following not in goals:
                    continue
                total = cost + self.price(place_there, turn) + (12 if turn != direction else 0)
                if total < best.get(following, 1e9):
                    best[following], before[following] = total, state
                    heapq.heappush(queue, (total + guess(place_there), following))
        return []

    def take(self, way):
        for here, there in zip(way, way[1:]):
            across = here[0] == there[0]
            for cell in (here, there):
                self.used.setdefault(cell, set()).add(across)


def corners(way):
    """The points of a way where it starts, bends and ends, in pixels."""
    kept = [cell for i, cell in enumerate(way) if i in (0, len(way) - 1) or not straight(way[i - 1], cell, way[i + 1])]
    return [(c * GRID, r * GRID) for c, r in kept]


def straight(a, b, c):
    return (a[0] == b[0] == c[0]) or (a[1] == b[1] == c[1])


# --- labels ---------------------------------------------------------------------------------------------------------------------


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def label_places(points, width):
    """Rectangles along a way where its label could stand, the best first."""
    height = LINE - 2
    pieces = sorted(zip(points, points[1:]), key=lambda p: -abs(p[0][0] - p[1][0]) - abs(p[0][1] - p[1][1]))
    for (x1, y1), (x2, y2) in pieces:
        for share in (0.5, 0.35, 0.65, 0.2, 0.8, 0.05, 0.95):
            x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
            if y1 == y2:
                yield (x - width / 2, y - height - 3, x + width / 2, y - 3)
                yield (x - width / 2, y + 3, x + width / 2, y + height + 3)
            else:
                yield (x + 5, y - height / 2, x + 5 + width, y + height / 2)
                yield (x - 5 - width, y - height / 2, x - 5, y + height / 2)


def frame_lines(part):
    """The lines of a group's frame, as thin rectangles."""
    left, top, right, bottom = part.x, part.y, part.x + part.width, part.y + part.height
    yield from ((left, y - 1, right, y + 1) for y in (top, bottom))
    yield from ((x - 1, top, x + 1, bottom) for x in (left, right))


def place_labels(labelled, obstacles, lines, ways, room):
    """Where each label stands: the place along its arrow that covers least."""
    lines = list(lines)
    for _, points in ways:
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            lines.append((min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1))
    placed = []
    for text, points in labelled:
        width = text_width(text, FONT - 1) + 4
        found, least = None, 1e9
        for rank, spot in enumerate(label_places(points, width)):
            cost = rank * 0.5 + sum(overlap(spot, other) * 4 for other in obstacles + placed)
            cost += sum(overlap(spot, line) * 3 for line in lines)
            if spot[0] < 4 or spot[2] > room - 4:
                cost += 1000
            if cost < least:
                found, least = spot, cost
        if least > 60:
            print(f"  little room for the label {text!r}", file=sys.stderr)
        placed.append(found)
    return placed


# --- the picture ----------------------------------------------------------------------------------------------------------------


def text_at(x, y, text, size=FONT, weight="normal", fill=INK, anchor="start"):
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def draw_part(part):
    shapes = []
    if part.framed:
        fill = FILLS[min(part.depth, len(FILLS) - 1)]
        shapes.append(
            f'<rect x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}" rx="8" fill="{fill}" stroke="{EDGE}"/>'
        )
        shapes.append(text_at(part.x + 14, part.y + 24, part.title, FONT + 1, "bold"))
    elif part.kind == "box":
        shapes.append(
            f'<rect x="{part.x}" y="{part.y}" width="{part.width}" height="{part.height}" rx="4" fill="#ffffff" stroke="{INK}"/>'
        )
        middle = part.x + part.width / 2
        top = part.y + (part.height - LINE * (1 + len(part.lines))) / 2
        shapes.append(text_at(middle, top + 13, part.title, FONT, "bold", anchor="middle"))
        for index, line in enumerate(part.lines, 1):
            shapes.append(text_at(middle, top + 13 + LINE * index, line, FONT - 0.5, fill=QUIET, anchor="middle"))
    for inner in part.parts:
        shapes.extend(draw_part(inner))
    return shapes


def draw(picture):
    margin, head = 40, 50
    measure(picture.root)
    widest = max([text_width(picture.title, 20, True)] + [text_width(note) for note in picture.notes])
    place(picture.root, margin, margin + head, max(picture.root.width, up_to_grid(widest)), picture.root.height)
    width = picture.root.width + 2 * margin
    body = picture.root.height + 2 * margin + head
    height = body + (LINE * len(picture.notes) + 10 if picture.notes else 0)
    names = {part.name: part for part in every(picture.root) if part.name}
    ways = Ways(picture, width, body)
    found = []
    for arrow in picture.arrows:
        if missing := {arrow.source, arrow.target} - names.keys():
            sys.exit(f"arrow to or from unknown {', '.join(sorted(missing))}")
        way = ways.find(names[arrow.source], names[arrow.target])
        if not way:
            sys.exit(f"no way from {arrow.source} to {arrow.target}")
        ways.take(way)
        found.append((arrow, corners(way)))
    boxes = [(p.x, p.y, p.x + p.width, p.y + p.height) for p in every(picture.root) if p.kind == "box"]
    boxes += [
        (p.x, p.y + 6, p.x + 20 + text_width(p.title, FONT + 1, True), p.y + TITLE)
        for p in every(picture.root)
        if p.framed
    ]
    labelled = [(arrow.label, points) for arrow, points in found if arrow.label]
    frames = [line for part in every(picture.root) if part.framed for line in frame_lines(part)]
    spots = place_labels(labelled, boxes, frames, found, width)

    shapes = [f'<rect width="{width}" height="{height}" fill="#ffffff"/>']
    shapes.append(text_at(margin, margin + 20, picture.title, 20, "bold"))
    shapes.extend(draw_part(picture.root))
    for arrow, points in found:
        path = " L".join(f"{x} {y}" for x, y in points)
        marks = ' marker-end="url(#head)"' + (' marker-start="url(#tail)"' if arrow.both else "")
        dashes = ' stroke-dasharray="6 4"' if arrow.dashed else ""
        shapes.append(
            f'<path d="M{path}" fill="none" stroke="{ARROW}" stroke-width="1.6" stroke-linejoin="round"{dashes}{marks}/>'
        )
    for (text, _), (x1, y1, x2, y2) in zip(labelled, spots):
        shapes.append(
            f'<text x="{(x1 + x2) / 2:g}" y="{y2 - 4:g}" font-size="{FONT - 1}" fill="{ARROW}" text-anchor="middle" '
            f'stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke">{escape(text)}</text>'
        )
    for index, note in enumerate(picture.notes):
        shapes.append(text_at(margin, body - margin + 24 + LINE * index, note, FONT, fill=QUIET))
    head_shape = '<path d="M0 0 L9 4.5 L0 9 z" fill="{}"/>'.format(ARROW)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" role="img">',
            f"<title>{escape(picture.title)}</title>",
            "<defs>",
            f'<marker id="head" markerWidth="9" markerHeight="9" refX="8.5" refY="4.5" orient="auto" markerUnits="userSpaceOnUse">{head_shape}</marker>',
            f'<marker id="tail" markerWidth="9" markerHeight="9" refX="8.5" refY="4.5" orient="auto-start-reverse" markerUnits="userSpaceOnUse">{head_shape}</marker>',
            "</defs>",
            *shapes,
            "</svg>",
            "",
        ]
    )


def main():
    here = Path(__file__).resolve().parent
    texts = [Path(name) for name in sys.argv[1:]] or sorted(here.glob("*.txt"))
    for text in texts:
        text.with_suffix(".svg").write_text(draw(read(text)))


if __name__ == "__main__":
    main()
