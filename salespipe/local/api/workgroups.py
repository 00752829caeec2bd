"""UpdateWorkGroup of Athena, which moto lacks; the rest of workgroups is moto's.

https://docs.aws.amazon.com/athena/latest/APIReference/API_UpdateWorkGroup.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local import moto_inside
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto


class WorkGroupsApi:
    """Changes what `ConfigurationUpdates` names and leaves the rest."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {"UpdateWorkGroup": self.update_work_group}

    def update_work_group(self, call: Call) -> dict[str, Any]:
        """Raises AwsError (InvalidRequestException) for a workgroup that does not exist."""
        name = call.params.get("WorkGroup", "")
        updates = dict(call.params.get("ConfigurationUpdates") or {})

        def update() -> bool:
            return moto_inside.update_workgroup(call.region, name, lambda held: _merge(held, updates))

        if not self._moto.change("athena", update):
            raise AwsError("InvalidRequestException", f"WorkGroup {name} is not found.")
        return {}


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
