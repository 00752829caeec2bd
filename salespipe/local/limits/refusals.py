"""What a client is told that asked for too much: the code, the words and the reason of each service.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (the words for a shard)
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
"""

from __future__ import annotations

from typing import Literal

from salespipe.local.errors import AwsError
from salespipe.local.stores.shards import shard_id

_ON_DEMAND = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or "
    "index so please try again shortly. If exceptions persist, check if you have a hot key: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
)
_PROVISIONED = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning "
    "level with the UpdateTable API."
)


class HeldError(Exception):
    """Nothing was done: the limits allow it after so many `seconds`. For who moves data inside, and waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"held for {seconds:.3f} s by the throughput limits")
        self.seconds = seconds


def shard_refused(stream_arn: str, shard: int) -> AwsError:
    """A Kinesis shard that takes or gives no more just now; its code and words are those of a single record too."""
    account, name = stream_arn.split(":")[4], stream_arn.rpartition("/")[2]
    return AwsError(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard_id(shard)} in stream {name} under account {account}.",
    )


def stream_refused(operation: Literal["GetRecords", "DescribeStream"]) -> AwsError:
    """A table's change stream that is read too often: the one modelled error for that, or the common one."""
    if operation == "GetRecords":
        return AwsError("LimitExceededException", "Rate exceeded")
    return AwsError("ThrottlingException", "Rate exceeded")


def table_refused(table_arn: str, *, provisioned: bool, kind: Literal["Read", "Write"], reason: str) -> AwsError:
    """A table that takes or gives no more just now; `reason` ends the throttling reason."""
    reasons = [{"reason": f"Table{kind}{reason}", "resource": table_arn}]
    if provisioned:
        return AwsError("ProvisionedThroughputExceededException", _PROVISIONED, details={"ThrottlingReasons": reasons})
    return AwsError("ThrottlingException", _ON_DEMAND, details={"throttlingReasons": reasons})
