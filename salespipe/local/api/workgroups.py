"""Athena's workgroups, as moto holds them, with what it lacks: UpdateWorkGroup, what goes with a group that is deleted,
and errors for those that are not there.

https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdateWorkGroup.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.athena_named_queries import forget_workgroup, named_queries
from salespipe.local.api.paging import page
from salespipe.local.athena.errors import checked, refused
from salespipe.local.athena.execution_document import KIND, execution_ids
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.workgroup import MISSING, PRIMARY, workgroup
from salespipe.local.call import Call, Handler
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

_PAGE = 50
_STATES = ("ENABLED", "DISABLED")


class WorkGroupsApi:
    """Answers for workgroups; CreateWorkGroup is moto's."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "GetWorkGroup": self.get_work_group,
            "ListWorkGroups": self.list_work_groups,
            "UpdateWorkGroup": self.update_work_group,
            "DeleteWorkGroup": self.delete_work_group,
        }

    def get_work_group(self, call: Call) -> dict[str, Any]:
        """Raises AwsError (InvalidRequestException) for a workgroup that does not exist."""
        found = workgroup(self._moto, call.region, call.params.get("WorkGroup"))
        return {"WorkGroup": {name: value for name, value in found.items() if value != ""}}

    def list_work_groups(self, call: Call) -> dict[str, Any]:
        """By name."""
        size = int(call.params.get("MaxResults", _PAGE))
        checked(
            (size >= 1, "maxResults", "have value greater than or equal to 1"),
            (size <= _PAGE, "maxResults", f"have value less than or equal to {_PAGE}"),
        )
        listed = self._moto.call("athena", "ListWorkGroups", {}, region=call.region)["WorkGroups"]
        names = sorted(str(entry["Name"]) for entry in listed)
        groups = [_summary(workgroup(self._moto, call.region, name)) for name in names]
        return page(groups, "WorkGroups", call.params, _PAGE)

    def update_work_group(self, call: Call) -> dict[str, Any]:
        """Changes what is named and leaves the rest. Raises AwsError (InvalidRequestException) if there is none."""
        params = call.params
        state = params.get("State")
        checked((state in (None, *_STATES), "state", f"satisfy enum value set: [{', '.join(_STATES)}]"))
        updates = dict(params.get("ConfigurationUpdates") or {})
        name = params.get("WorkGroup", "")

        def update() -> bool:
            return moto_inside.update_workgroup(
                call.region, name, lambda held: _merge(held, updates), state, params.get("Description")
            )

        if not self._moto.change("athena", update):
            raise refused(MISSING)
        return {}

    def delete_work_group(self, call: Call) -> dict[str, Any]:
        """With RecursiveDeleteOption what it has goes too, named queries, prepared statements and query executions;
        without, it must have none (https://docs.aws.amazon.com/athena/latest/APIReference/API_DeleteWorkGroup.html)."""
        name = str(workgroup(self._moto, call.region, call.params.get("WorkGroup"))["Name"])
        if name == PRIMARY:
            raise refused("Cannot delete primary work group")
        with self._moto.together():
            prepared = PreparedStatements(self._stores.documents, call.region, name)
            asked = execution_ids(self._stores.documents, call.region, name)
            kept = prepared.all() or named_queries(self._stores, call.region, name) or asked
            if kept and not call.params.get("RecursiveDeleteOption"):
                raise refused(f"WorkGroup {name} is not empty")
            for statement in prepared.all():
                prepared.delete(statement["StatementName"])
            forget_workgroup(self._stores, call.region, name)
            for id in asked:
                self._stores.documents.delete(KIND, id)
            self._moto.call("athena", "DeleteWorkGroup", {"WorkGroup": name}, region=call.region)
        return {}


def _summary(group: dict[str, Any]) -> dict[str, Any]:
    shown = {name: group[name] for name in ("Name", "State", "Description") if group.get(name) is not None}
    return {"Description": ""} | shown | {"EngineVersion": group["Configuration"].get("EngineVersion", {})}


def _merge(held: dict[str, Any], updates: dict[str, Any]) -> None:
    """`RemoveX` members take X away; `ResultConfigurationUpdates` goes into `ResultConfiguration`."""
    results = dict(updates.pop("ResultConfigurationUpdates", None) or {})
    if results:
        _merge(held.setdefault("ResultConfiguration", {}), results)
    for name, value in updates.items():
        if name.startswith("Remove"):
            if value:
                held.pop(name.removeprefix("Remove"), None)
        else:
            held[name] = value
