"""The Athena workgroup: where results go and how much one query may read, enforced for every client.

https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html; the cutoff is at least 10 MB.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.absent import if_there
from salespipe.aws.errors import error_code
from salespipe.stack.naming import RESULT_PREFIX
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list

_ENGINE = "Athena engine version 3"


class Workgroup(Resource):
    """Athena has no error code for a missing or an existing workgroup: both are InvalidRequestException."""

    kind = "workgroup"
    exists_codes = frozenset({"InvalidRequestException"})

    @property
    def name(self) -> str:
        return self.names.workgroup

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "results": {
                "OutputLocation": f"s3://{self.names.bucket}/{RESULT_PREFIX}",
                "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
            },
            "enforced": True,
            "metrics": True,
            "scan cutoff": self.settings.scan_cutoff_mb * 1024 * 1024,
            "engine": _ENGINE,
            "state": "ENABLED",
        }

    def read(self) -> Found | None:
        athena = self.aws.client("athena")
        try:
            group = athena.get_work_group(WorkGroup=self.name).get("WorkGroup")
        except ClientError as error:
            if error_code(error) == "InvalidRequestException" and "not found" in str(error):
                return None
            raise
        if not group:
            return None
        configuration = group.get("Configuration", {})
        settings = {
            "results": configuration.get("ResultConfiguration"),
            "enforced": configuration.get("EnforceWorkGroupConfiguration"),
            "metrics": configuration.get("PublishCloudWatchMetricsEnabled"),
            "scan cutoff": configuration.get("BytesScannedCutoffPerQuery"),
            "engine": configuration.get("EngineVersion", {}).get("SelectedEngineVersion"),
            "state": group.get("State", "ENABLED"),
        }
        tags = (
            if_there(
                athena.list_tags_for_resource,
                ResourceARN=self.names.arn("athena", f"workgroup/{self.name}"),
            )
            or {}
        )
        return Found(settings, from_tag_list(tags.get("Tags")))

    def create(self, desired: Values) -> None:
        self.aws.client("athena").create_work_group(
            Name=self.name,
            Description=f"salespipe {self.names.pipeline}",
            Configuration=self._limits(desired) | {"ResultConfiguration": desired["results"]},
            Tags=self.tag_list,
        )

    def update(self, desired: Values, found: Found) -> None:
        self.aws.client("athena").update_work_group(
            WorkGroup=self.name,
            ConfigurationUpdates=self._limits(desired) | {"ResultConfigurationUpdates": desired["results"]},
            State=desired["state"],
        )

    def delete(self) -> None:
        try:
            if_there(self.aws.client("athena").delete_work_group, WorkGroup=self.name, RecursiveDeleteOption=True)
        except ClientError as error:
            if "not found" not in str(error):
                raise

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (
            f"results under {desired['results']['OutputLocation']}, enforced, {_ENGINE}",
            f"a query that would read more than {self.settings.scan_cutoff_mb} MB is cancelled",
        )

    def losses(self, found: Found) -> tuple[str, ...]:
        return ("its saved queries and query history",)

    def _limits(self, desired: Values) -> dict[str, Any]:
        return {
            "EnforceWorkGroupConfiguration": desired["enforced"],
            "PublishCloudWatchMetricsEnabled": desired["metrics"],
            "BytesScannedCutoffPerQuery": desired["scan cutoff"],
            "EngineVersion": {"SelectedEngineVersion": desired["engine"]},
        }
