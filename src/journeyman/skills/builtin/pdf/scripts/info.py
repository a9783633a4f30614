#!/usr/bin/env python3
"""Print what a PDF holds: pages, metadata, outline, form fields, and how much text and how many pictures a page has."""

import sys

from pypdf import PdfReader


def outline(items, depth=1):
    for item in items:
        if isinstance(item, list):
            yield from outline(item, depth + 1)
        else:
            yield f"{'  ' * depth}{item.title}"


def pictures(page):
    try:
        resources = page.get("/Resources")
        found = resources.get_object().get("/XObject") if resources is not None else None
        objects = found.get_object() if found is not None else {}
        return sum(1 for each in objects.values() if each.get_object().get("/Subtype") == "/Image")
    except Exception as error:  # a damaged page should not hide the others
        return f"? ({error})"


def main(path, password):
    reader = PdfReader(path)
    if reader.is_encrypted:
        print("encrypted:", "opened" if reader.decrypt(password) else "a password is needed (second argument)")
    print(f"{path}: {len(reader.pages)} page(s)")
    for key, value in (reader.metadata or {}).items():
        print(f"{key.lstrip('/')}: {value}")
    if reader.outline:
        print("outline:")
        print("\n".join(outline(reader.outline)))
    form = reader.trailer["/Root"].get("/AcroForm")
    if form is not None and "/XFA" in form.get_object():
        print("the form is XFA")
    for name, field in (reader.get_fields() or {}).items():
        options = field.get("/_States_") or field.get("/Opt") or ""
        print(
            f"field {name!r}: {field.get('/FT')} value {field.get('/V')!r}{f' of {list(options)}' if options else ''}"
        )
    for number, page in enumerate(reader.pages, 1):
        box = page.mediabox
        words = len((page.extract_text() or "").split())
        turned = f", rotated {page.rotation}" if page.rotation else ""
        print(
            f"page {number}: {float(box.width):.0f} x {float(box.height):.0f} pt{turned}, {words} words, {pictures(page)} picture(s)"
        )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: info.py FILE.pdf [PASSWORD]")
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "")
