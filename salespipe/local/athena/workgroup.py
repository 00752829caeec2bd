"""The workgroup that a request names. https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroup.html"""

from __future__ import annotations

from typing import Any

from salespipe.local.athena.errors import refused
from salespipe.local.moto_app import Moto

PRIMARY = "primary"
MISSING = "WorkGroup is not found."


def workgroup(moto: Moto, region: str, name: str | None) -> dict[str, Any]:
    """A workgroup, `primary` if none is named, always with its Configuration; moto does not know since when it is
    there. Raises AwsError (InvalidRequestException) for one that is not there."""
    wanted = {"WorkGroup": str(name or PRIMARY)}
    found: dict[str, Any] | None = moto.call("athena", "GetWorkGroup", wanted, region=region).get("WorkGroup")
    if not found:
        raise refused(MISSING)
    found.pop("CreationTime", None)
    configuration = found.get("Configuration") or {}
    return found | {"Configuration": {"ResultConfiguration": {}} | configuration}
