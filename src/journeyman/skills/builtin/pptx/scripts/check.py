#!/usr/bin/env python3
"""List what probably looks wrong in a presentation. Exit 1 if there is anything."""

import sys
from itertools import combinations

from pptx import Presentation
from pptx.util import Pt


def box(shape):
    return shape.left, shape.top, shape.left + shape.width, shape.top + shape.height


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def area(one):
    return max(1, (one[2] - one[0]) * (one[3] - one[1]))


def needed(shape):
    """About how high the text is, in EMU: letters are half as wide as they are high."""
    height = 0
    for paragraph in shape.text_frame.paragraphs:
        sizes = [run.font.size for run in paragraph.runs if run.font.size] or [paragraph.font.size or Pt(18)]
        size = max(sizes)
        lines = max(1, -(-int(len(paragraph.text) * size * 0.5) // max(1, shape.width)))
        height += int(lines * size * 1.2)
    return height


def problems(path):
    deck = Presentation(path)
    for number, slide in enumerate(deck.slides, 1):
        if slide.shapes.title is None or not slide.shapes.title.text_frame.text.strip():
            yield f"slide {number}: no title"
        placed = [shape for shape in slide.shapes if shape.left is not None and shape.width is not None]
        for shape in placed:
            left, top, right, bottom = box(shape)
            if left < 0 or top < 0 or right > deck.slide_width or bottom > deck.slide_height:
                yield f"slide {number}: {shape.name!r} goes beyond the slide"
        for shape in slide.shapes:
            if shape.has_text_frame:
                text = shape.text_frame.text.strip()
                if shape.is_placeholder and not text:
                    yield f"slide {number}: the placeholder {shape.name!r} is empty"
                if text and shape.height and needed(shape) > shape.height * 1.1:
                    yield f"slide {number}: the text of {shape.name!r} probably does not fit"
        texts = [shape for shape in placed if shape.has_text_frame and shape.text_frame.text.strip()]
        for one, other in combinations(texts, 2):
            common = overlap(box(one), box(other))
            if common > 0.2 * min(area(box(one)), area(box(other))):
                yield f"slide {number}: {one.name!r} and {other.name!r} overlap"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check.py FILE.pptx")
    found = list(problems(sys.argv[1]))
    print("\n".join(found) or "nothing found")
    sys.exit(1 if found else 0)
