"""Documented examples of Trino, a module a page of https://trino.io/docs/current/.

An example is a query and its answer: of an expression one value, of a query its rows, each value as Athena writes it
(`null` inside an array, None for NULL). An answer that begins with `!` is the error that the page promises.
Where a page shows a session in another time zone, the answer is that of Athena's session, which is in UTC.
"""

from __future__ import annotations

Answer = str | None | list[list[str | None]]
Examples = list[tuple[str, Answer]]
