"""Athena: queries, their results, named queries, prepared statements, workgroups and the catalog as Athena shows it.
The rest is moto's.

What translates and runs queries takes half a second to import, so it is loaded by `warm` in the background, or by the
first request that needs it; the runtime is ready without it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from salespipe.local.api.athena_catalog import AthenaCatalogApi
from salespipe.local.api.athena_named_queries import AthenaNamedQueriesApi
from salespipe.local.api.athena_prepared import AthenaPreparedApi
from salespipe.local.api.workgroups import WorkGroupsApi
from salespipe.local.call import Call, Handler
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

if TYPE_CHECKING:
    from salespipe.local.api.athena_queries import AthenaQueriesApi

_QUERY_OPERATIONS = (
    "StartQueryExecution",
    "GetQueryExecution",
    "BatchGetQueryExecution",
    "ListQueryExecutions",
    "StopQueryExecution",
    "GetQueryResults",
    "GetQueryRuntimeStatistics",
)


class AthenaApi:
    """Answers for Athena. `close` cancels what runs."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto
        self._light = (
            AthenaCatalogApi(moto),
            AthenaNamedQueriesApi(stores, moto),
            AthenaPreparedApi(stores, moto),
            WorkGroupsApi(stores, moto),
        )
        self._lock = threading.Lock()
        self._queries: AthenaQueriesApi | None = None
        self._warming: threading.Thread | None = None

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        found = {name: self._later(name) for name in _QUERY_OPERATIONS}
        for api in self._light:
            found |= api.operations()
        return found

    def warm(self) -> None:
        """Load what queries need, in the background."""
        self._warming = threading.Thread(target=self._warm, name="athena-warm", daemon=True)
        self._warming.start()

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        if self._warming is not None:
            self._warming.join()
        with self._lock:
            if self._queries is not None:
                self._queries.close()

    def _warm(self) -> None:
        self._load().warm()

    def _load(self) -> AthenaQueriesApi:
        from salespipe.local.api.athena_queries import AthenaQueriesApi

        with self._lock:
            if self._queries is None:
                self._queries = AthenaQueriesApi(self._stores, self._moto)
            return self._queries

    def _later(self, name: str) -> Handler:
        def answer(call: Call) -> dict[str, Any]:
            return self._load().operations()[name](call)

        return answer
