"""Athena's named queries: texts kept under a name in a workgroup, as documents. Names need not differ.

https://docs.aws.amazon.com/athena/latest/APIReference/API_NamedQuery.html
"""

from __future__ import annotations

import uuid
from typing import Any

from salespipe.local.api.paging import page
from salespipe.local.athena.errors import checked, refused
from salespipe.local.athena.workgroup import workgroup
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

KIND = "athena-named-query"
_PAGE = 50
_LONGEST = {"Name": 128, "Description": 1024, "Database": 255, "QueryString": 262_144}
_REQUIRED = ("Name", "Database", "QueryString")


class AthenaNamedQueriesApi:
    """Answers for named queries."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        return {
            "CreateNamedQuery": self.create_named_query,
            "GetNamedQuery": self.get_named_query,
            "BatchGetNamedQuery": self.batch_get_named_query,
            "ListNamedQueries": self.list_named_queries,
            "UpdateNamedQuery": self.update_named_query,
            "DeleteNamedQuery": self.delete_named_query,
        }

    def create_named_query(self, call: Call) -> dict[str, Any]:
        """The same ClientRequestToken gives the same id again."""
        given = _given(call.params, _REQUIRED)
        group = str(workgroup(self._moto, call.region, call.params.get("WorkGroup"))["Name"])
        token = str(call.params.get("ClientRequestToken") or uuid.uuid4())
        id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call.region}/{token}"))
        query = given | {"NamedQueryId": id, "WorkGroup": group}
        with self._stores.db.write():
            known = self._stores.documents.get(KIND, id)
            if known is not None and known["query"] != query:
                raise refused("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
            self._stores.documents.put(KIND, id, {"region": call.region, "query": query})
        return {"NamedQueryId": id}

    def get_named_query(self, call: Call) -> dict[str, Any]:
        return {"NamedQuery": self._found(call)}

    def batch_get_named_query(self, call: Call) -> dict[str, Any]:
        """Ids that are not known come back as such."""
        ids = call.params.get("NamedQueryIds") or []
        checked((1 <= len(ids) <= _PAGE, "namedQueryIds", f"have length between 1 and {_PAGE}"))
        found, missing = [], []
        for id in ids:
            try:
                found.append(self._get(call.region, str(id)))
            except AwsError as error:
                code = error.details["AthenaErrorCode"]
                missing.append({"NamedQueryId": id, "ErrorCode": code, "ErrorMessage": error.message})
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def list_named_queries(self, call: Call) -> dict[str, Any]:
        """Ids of a workgroup, newest first."""
        group = str(workgroup(self._moto, call.region, call.params.get("WorkGroup"))["Name"])
        found = [query["NamedQueryId"] for query in named_queries(self._stores, call.region, group)]
        return page(found, "NamedQueryIds", call.params, _PAGE)

    def update_named_query(self, call: Call) -> dict[str, Any]:
        """Replaces name, text and description."""
        given = _given(call.params, ("Name", "QueryString"))
        with self._stores.db.write():
            query = {name: value for name, value in self._found(call).items() if name != "Description"}
            document = {"region": call.region, "query": query | given}
            self._stores.documents.put(KIND, str(query["NamedQueryId"]), document)
        return {}

    def delete_named_query(self, call: Call) -> dict[str, Any]:
        self._stores.documents.delete(KIND, str(self._found(call)["NamedQueryId"]))
        return {}

    def _found(self, call: Call) -> dict[str, Any]:
        return self._get(call.region, str(call.params.get("NamedQueryId")))

    def _get(self, region: str, id: str) -> dict[str, Any]:
        document = self._stores.documents.get(KIND, id)
        if document is None or document["region"] != region:
            raise refused(f"NamedQuery {id} was not found", "NAMED_QUERY_NOT_FOUND")
        found: dict[str, Any] = document["query"]
        return found


def named_queries(stores: Stores, region: str, workgroup: str) -> list[dict[str, Any]]:
    """The named queries of a workgroup, newest first."""
    kept = stores.documents.newest(KIND)
    found = (document["query"] for document in kept if document["region"] == region)
    return [query for query in found if query["WorkGroup"] == workgroup]


def forget_workgroup(stores: Stores, region: str, workgroup: str) -> None:
    """Delete the named queries of a workgroup; joins an open `write()`."""
    for query in named_queries(stores, region, workgroup):
        stores.documents.delete(KIND, query["NamedQueryId"])


def _given(params: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    """The members that make up a named query, each within its length."""
    given = {name: str(params[name]) for name in _LONGEST if params.get(name) is not None}
    missing = [name for name in required if not given.get(name)]
    if missing:
        raise refused(f"{missing[0][0].lower()}{missing[0][1:]} is null or empty")
    for name, value in given.items():
        longest = _LONGEST[name]
        member = f"{name[0].lower()}{name[1:]}"
        checked((len(value.encode()) <= longest, member, f"have length less than or equal to {longest}"))
    return given
