#!/usr/bin/env python3
"""Print what a presentation holds: layouts, and each slide's shapes, text and notes."""

import sys

from pptx import Presentation
from pptx.util import Emu


def place(shape):
    if shape.left is None:
        return "where its layout puts it"
    box = [Emu(each).inches for each in (shape.left, shape.top, shape.width, shape.height)]
    return "at {:.1f},{:.1f} size {:.1f}x{:.1f} in".format(*box)


def main(path):
    deck = Presentation(path)
    print(
        f"{path}: {len(deck.slides)} slide(s), {Emu(deck.slide_width).inches:.2f} x {Emu(deck.slide_height).inches:.2f} in"
    )
    for number, layout in enumerate(deck.slide_layouts):
        holders = [f"{each.placeholder_format.idx} {each.placeholder_format.type}" for each in layout.placeholders]
        print(f"layout {number} {layout.name!r}: {'; '.join(holders)}")
    for number, slide in enumerate(deck.slides, 1):
        print(f"\n--- slide {number} ({slide.slide_layout.name})")
        for shape in slide.shapes:
            holder = f" placeholder {shape.placeholder_format.idx}" if shape.is_placeholder else ""
            print(f"[{shape.shape_type}{holder}] {shape.name!r} {place(shape)}")
            if shape.has_text_frame and shape.text_frame.text.strip():
                for paragraph in shape.text_frame.paragraphs:
                    print(f"    {'  ' * paragraph.level}{paragraph.text}")
            if getattr(shape, "has_table", False) and shape.has_table:
                for row in shape.table.rows:
                    print("    | " + " | ".join(cell.text for cell in row.cells))
            if getattr(shape, "has_chart", False) and shape.has_chart:
                for plot in shape.chart.plots:
                    print(f"    {shape.chart.chart_type}: {[str(each) for each in plot.categories][:12]}")
                    for series in plot.series:
                        print(f"    {series.name}: {list(series.values)[:12]}")
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            print(f"notes: {slide.notes_slide.notes_text_frame.text}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: outline.py FILE.pptx")
    main(sys.argv[1])
