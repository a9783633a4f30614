#!/usr/bin/env python3
"""Print a Word document in reading order, with tables, headers, comments and tracked changes."""

import sys

from docx import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph


def text_of(element):
    """A paragraph's text; what is tracked is marked."""
    parts = []
    for node in element.iter():
        inside = {ancestor.tag for ancestor in node.iterancestors()}
        if node.tag == qn("w:t"):
            parts.append(f"[+{node.text or ''}+]" if qn("w:ins") in inside else node.text or "")
        elif node.tag == qn("w:delText"):
            parts.append(f"[-{node.text or ''}-]")
        elif node.tag == qn("w:tab"):
            if qn("w:tabs") not in inside:
                parts.append("\t")
        elif node.tag in (qn("w:br"), qn("w:cr")):
            parts.append("\n")
        elif node.tag in (qn("w:drawing"), qn("w:pict")):
            parts.append("[picture]")
        elif node.tag == qn("w:commentReference"):
            parts.append(f"[comment {node.get(qn('w:id'))}]")
    return "".join(parts)


def show(container):
    for block in container.iter_inner_content():
        if isinstance(block, Paragraph):
            style = block.style.name if block.style is not None else ""
            text = text_of(block._p)
            if style.startswith("Heading") and style[-1].isdigit():
                print(f"\n{'#' * int(style[-1])} {text}")
            elif style == "Title":
                print(f"# {text}")
            elif style.startswith("List") or block._p.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None:
                print(f"- {text}")
            elif text.strip():
                print(text)
        elif isinstance(block, Table):
            print()
            for number, row in enumerate(block.rows):
                cells = [" ".join(text_of(cell._tc).split()).replace("|", "\\|") for cell in row.cells]
                print(f"| {' | '.join(cells)} |")
                if number == 0:
                    print(f"|{' --- |' * len(cells)}")
            print()


def main(path):
    document = Document(path)
    for number, section in enumerate(document.sections, 1):
        for what, part in (("header", section.header), ("footer", section.footer)):
            text = " / ".join(text_of(each._p) for each in part.paragraphs if each._p is not None).strip(" /")
            if text and not part.is_linked_to_previous:
                print(f"[{what} of section {number}: {text}]")
    show(document)
    for comment in getattr(document, "comments", ()):
        print(f"[comment {comment.comment_id} by {comment.author}: {comment.text}]")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: to_text.py FILE.docx")
    main(sys.argv[1])
