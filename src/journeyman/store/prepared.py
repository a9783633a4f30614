"""Statements of the paths that every turn takes: rendered once, and run on the driver's own cursor.

SQLAlchemy writes them, but building, caching and executing a statement through it costs more than the database's work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.sql.compiler import SQLCompiler

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Rendered:
    text: str
    fixed: dict[str, Any]
    """Values that stand in the statement itself."""
    order: Sequence[str] | None
    """Of the values, for a driver that takes them by place."""

    def bind(self, values: Values) -> Any:
        if self.order is None:
            return {**self.fixed, **values}
        if self.fixed:
            values = {**self.fixed, **values}
        return [values[name] for name in self.order]


class Prepared:
    """One statement, whose values are named by its bindparams. Columns must be of types that the drivers take as they
    are: text and integers."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._rendered: dict[str, _Rendered] = {}

    def rows(self, connection: Connection, **values: Any) -> list[dict[str, Any]]:
        cursor = self._run(connection, values)
        try:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def first(self, connection: Connection, **values: Any) -> dict[str, Any] | None:
        return next(iter(self.rows(connection, **values)), None)

    def change(self, connection: Connection, **values: Any) -> int:
        """How many rows it changed."""
        cursor = self._run(connection, values)
        try:
            return cursor.rowcount
        finally:
            cursor.close()

    def many(self, connection: Connection, values: Sequence[Values]) -> None:
        if len(values) == 1:
            self.change(connection, **values[0])
            return
        rendered = self._render(connection)
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(rendered.text, [rendered.bind(each) for each in values])
        finally:
            cursor.close()

    def _run(self, connection: Connection, values: Values) -> Any:
        rendered = self._render(connection)
        cursor = connection.connection.cursor()
        cursor.execute(rendered.text, rendered.bind(values))
        return cursor

    def _render(self, connection: Connection) -> _Rendered:
        dialect = connection.dialect
        found = self._rendered.get(dialect.name)
        if found is None:
            compiled = cast("SQLCompiler", self._statement.compile(dialect=dialect))
            given = compiled.construct_params({}, _check=False)
            fixed = {name: value for name, value in given.items() if value is not None}
            order = compiled.positiontup if dialect.positional else None
            found = self._rendered[dialect.name] = _Rendered(compiled.string, fixed, order)
        return found
