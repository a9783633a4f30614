#!/usr/bin/env python3
"""List what is wrong in a workbook: errors, dangling references, numbers kept as text, narrow columns. Exit 1 if any."""

import re
import sys

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

REFERENCE = re.compile(
    r"(?:(?:'((?:[^']|'')+)'|([A-Za-z_][\w.]*))!)?\$?([A-Z]{1,3})\$?([0-9]+)(?::\$?([A-Z]{1,3})\$?([0-9]+))?(?![\w(])"
)
NUMBER = re.compile(r"\s*[-+]?[0-9]{1,15}([.,][0-9]+)?\s*%?\s*")


def problems(path):
    formulas, values = load_workbook(path), load_workbook(path, data_only=True)
    sheets = {sheet.title.lower(): sheet for sheet in formulas.worksheets}
    computed = False
    for sheet in formulas.worksheets:
        shown = values[sheet.title]
        for row in sheet.iter_rows():
            for cell in row:
                value, result = cell.value, shown[cell.coordinate].value
                place = f"{sheet.title}!{cell.coordinate}"
                if isinstance(result, str) and result.startswith("#") and result.rstrip("!?").isupper():
                    yield f"{place}: shows {result}"
                if isinstance(value, str) and value.startswith("="):
                    computed = computed or result is not None
                    yield from dangling(place, value, sheet, sheets)
                elif isinstance(value, str) and NUMBER.fullmatch(value) and not value.lstrip("+-").startswith("0"):
                    yield f"{place}: the number {value!r} is stored as text"
                elif isinstance(value, (int, float)) and cell.number_format == "General":
                    width = sheet.column_dimensions[get_column_letter(cell.column)].width or 8.43
                    if len(str(value)) > width + 1:
                        yield f"{place}: column too narrow for {value}"
    has_formulas = any(
        isinstance(cell.value, str) and cell.value.startswith("=")
        for sheet in formulas.worksheets
        for row in sheet.iter_rows()
        for cell in row
    )
    if has_formulas and not computed:
        print("note: no formula has a computed value yet; recalculate with LibreOffice to see errors")


def dangling(place, formula, sheet, sheets):
    text = re.sub(r'"[^"]*"', '""', formula)
    for quoted, plain, column, row, column_2, _ in REFERENCE.findall(text):
        name = (quoted.replace("''", "'") or plain or sheet.title).lower()
        if name not in sheets:
            if quoted or plain:
                yield f"{place}: refers to the sheet {quoted or plain}, which does not exist"
            continue
        if not column_2 and sheets[name][f"{column}{row}"].value is None:
            yield f"{place}: refers to the empty cell {sheets[name].title}!{column}{row}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check.py FILE.xlsx")
    found = list(problems(sys.argv[1]))
    print("\n".join(found[:200]) or "nothing found")
    sys.exit(1 if found else 0)
