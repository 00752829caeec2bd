"""Athena SQL over the lake: asked (`run`), its rows (`results`, `values`, `nested`), what went wrong (`errors`),
what was asked before (`history`) and what is kept under a name (`saved`)."""

from salespipe.services.query.run import QueryResult, query, run

__all__ = ["QueryResult", "query", "run"]
