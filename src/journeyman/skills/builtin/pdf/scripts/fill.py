#!/usr/bin/env python3
"""Fill in the form fields of a PDF: fill.py IN OUT VALUES.json"""

import json
import sys

from pypdf import PdfReader, PdfWriter


def as_field_value(name, field, value):
    states = [str(each) for each in field.get("/_States_") or []]
    if field.get("/FT") == "/Btn":
        if isinstance(value, bool):
            on = [state for state in states if state != "/Off"] or ["/Yes"]
            return on[0] if value else "/Off"
        state = value if str(value).startswith("/") else f"/{value}"
        if states and state not in states:
            sys.exit(f"{name!r}: {value!r} is not one of {states}")
        return state
    options = [str(each[0] if isinstance(each, list) else each) for each in field.get("/Opt") or []]
    if field.get("/FT") == "/Ch" and options and str(value) not in options:
        sys.exit(f"{name!r}: {value!r} is not one of {options}")
    return str(value)


def main(source, target, values_file):
    with open(values_file, encoding="utf-8") as file:
        values = json.load(file)
    reader = PdfReader(source)
    fields = reader.get_fields() or {}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        sys.exit(f"no such field: {unknown}; there are {sorted(fields)}")
    writer = PdfWriter()
    writer.append(reader)
    wanted = {name: as_field_value(name, fields[name], value) for name, value in values.items()}
    for page in writer.pages:
        if "/Annots" in page:
            writer.update_page_form_field_values(page, wanted, auto_regenerate=False)
    writer.set_need_appearances_writer(True)
    writer.write(target)
    for name, value in wanted.items():
        print(f"{name!r} = {value!r}")
    print(f"{len(fields) - len(wanted)} field(s) left as they were")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: fill.py IN.pdf OUT.pdf VALUES.json")
    main(*sys.argv[1:])
