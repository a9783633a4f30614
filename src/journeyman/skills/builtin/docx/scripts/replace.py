#!/usr/bin/env python3
"""Replace text in a Word document, keeping its formatting: replace.py IN OUT OLD NEW [OLD NEW …]"""

import sys

from docx import Document
from docx.oxml.ns import qn


def replace_in(paragraph, old, new):
    """How often; the new text takes the formatting of where the old began."""
    texts = list(paragraph.iter(qn("w:t")))
    count, start = 0, 0
    while True:
        whole = "".join(node.text or "" for node in texts)
        place = whole.find(old, start)
        if place < 0:
            return count
        left, right, position, put = place, place + len(old), 0, False
        for node in texts:
            text = node.text or ""
            begin, end = position, position + len(text)
            position = end
            if end <= left or begin >= right:
                continue
            before, after = text[: max(0, left - begin)], text[max(0, right - begin) :]
            node.text = before + ("" if put else new) + after
            node.set(qn("xml:space"), "preserve")
            put = True
        count, start = count + 1, place + len(new)


def parts(document):
    yield document.element.body
    for section in document.sections:
        for each in (
            section.header,
            section.footer,
            section.first_page_header,
            section.first_page_footer,
            section.even_page_header,
            section.even_page_footer,
        ):
            if not each.is_linked_to_previous:
                yield each._element


def main(source, target, *pairs):
    document = Document(source)
    missing = False
    for old, new in zip(pairs[::2], pairs[1::2]):
        count = sum(replace_in(each, old, new) for part in parts(document) for each in part.iter(qn("w:p")))
        missing = missing or not count
        print(f"{old!r} -> {new!r}: {count}")
    document.save(target)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    if len(sys.argv) < 5 or len(sys.argv) % 2 == 0 or "" in sys.argv[3::2]:
        sys.exit("usage: replace.py IN.docx OUT.docx OLD NEW [OLD NEW …]")
    main(*sys.argv[1:])
