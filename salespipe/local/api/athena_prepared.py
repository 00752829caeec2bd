"""Prepared statements through the API. They go with their workgroup.

https://docs.aws.amazon.com/athena/latest/APIReference/API_CreatePreparedStatement.html and its neighbours
"""

from __future__ import annotations

from typing import Any

from salespipe.local.api.paging import page
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores


class AthenaPreparedApi:
    """Answers for prepared statements."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreatePreparedStatement": self.create,
            "UpdatePreparedStatement": self.update,
            "GetPreparedStatement": self.get,
            "BatchGetPreparedStatement": self.batch_get,
            "ListPreparedStatements": self.list,
            "DeletePreparedStatement": self.delete,
        }

    def create(self, call: Call) -> dict[str, Any]:
        return self._put(call, new=True)

    def update(self, call: Call) -> dict[str, Any]:
        return self._put(call, new=False)

    def get(self, call: Call) -> dict[str, Any]:
        statements, name = self._of(call), _name(call)
        found = statements.get(name)
        if found is None:
            raise statements.missing(name)
        return {"PreparedStatement": found}

    def batch_get(self, call: Call) -> dict[str, Any]:
        """Names that are not known come back as such."""
        statements, found, missing = self._of(call), [], []
        for name in call.params.get("PreparedStatementNames") or []:
            statement = statements.get(str(name))
            if statement is not None:
                found.append(statement)
                continue
            error = statements.missing(str(name))
            missing.append({"StatementName": name, "ErrorCode": error.code, "ErrorMessage": error.message})
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}

    def list(self, call: Call) -> dict[str, Any]:
        shown = [
            {key: statement[key] for key in ("StatementName", "LastModifiedTime")} for statement in self._of(call).all()
        ]
        return page(shown, "PreparedStatements", call.params, 50)

    def delete(self, call: Call) -> dict[str, Any]:
        with self._stores.db.write():
            self._of(call).delete(_name(call))
        return {}

    def _put(self, call: Call, *, new: bool) -> dict[str, Any]:
        text = str(call.params.get("QueryStatement") or "")
        if not text.strip():
            raise AwsError("InvalidRequestException", "QueryStatement is empty")
        with self._stores.db.write():
            self._of(call).put(_name(call), text, str(call.params.get("Description") or ""), new=new)
        return {}

    def _of(self, call: Call) -> PreparedStatements:
        group = str(call.params.get("WorkGroup") or "")
        if not self._moto.call("athena", "GetWorkGroup", {"WorkGroup": group}, region=call.region).get("WorkGroup"):
            raise AwsError("InvalidRequestException", f"WorkGroup {group} is not found.")
        return PreparedStatements(self._stores.documents, call.region, group)


def _name(call: Call) -> str:
    return str(call.params.get("StatementName") or "").lower()
