#!/usr/bin/env python3
"""Print what a workbook holds, sheet by sheet, without its cells."""

import sys
from collections import Counter

from openpyxl import load_workbook


def kind(value):
    if isinstance(value, str):
        return "formula" if value.startswith("=") else "text"
    return type(value).__name__


def main(path):
    book = load_workbook(path, keep_vba=path.endswith(".xlsm"))
    print(f"{path}: {len(book.sheetnames)} sheet(s)")
    if book.defined_names:
        print("names:", ", ".join(sorted(book.defined_names)))
    for sheet in book:
        if not hasattr(sheet, "iter_rows"):
            print(f"\n[{sheet.title}] a chart sheet")
            continue
        hidden = "" if sheet.sheet_state == "visible" else f", {sheet.sheet_state}"
        print(f"\n[{sheet.title}] {sheet.dimensions}{hidden}")
        rows = list(sheet.iter_rows())
        if rows:
            print("  first row:", [cell.value for cell in rows[0]][:30])
        for column in sheet.iter_cols(min_row=2, max_row=min(sheet.max_row, 2000)):
            kinds = Counter(kind(cell.value) for cell in column if cell.value is not None)
            if kinds:
                formats = Counter(cell.number_format for cell in column if cell.value is not None)
                told = ", ".join(f"{count} {name}" for name, count in kinds.most_common())
                print(f"  {column[0].column_letter}: {told}; format {formats.most_common(1)[0][0]}")
        formulas = [cell for row in rows for cell in row if isinstance(cell.value, str) and cell.value.startswith("=")]
        for cell in formulas[:5]:
            print(f"  {cell.coordinate} {cell.value[:120]}")
        if len(formulas) > 5:
            print(f"  … and {len(formulas) - 5} more formulas")
        for what, found in (
            ("merged", [str(each) for each in sheet.merged_cells.ranges]),
            ("tables", [f"{name} {table.ref}" for name, table in sheet.tables.items()]),
            ("charts", [type(chart).__name__ for chart in sheet._charts]),
            ("pictures", ["one"] * len(sheet._images)),
        ):
            if found:
                print(f"  {what} ({len(found)}): {', '.join(found[:10])}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: outline.py FILE.xlsx")
    main(sys.argv[1])
