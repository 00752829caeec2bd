"""Every name, ARN and prefix of a pipeline, derived from its name, account and region.

There is no state file: a resource is found by its name here plus the tag `salespipe:pipeline=<name>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from salespipe.errors import UsageError

TAG = "salespipe:pipeline"
DATA_PREFIX = "orders/"
DAY_FOLDER = re.compile(re.escape(DATA_PREFIX) + r"dt=(\d{4}-\d\d-\d\d)/")
HOUR_FOLDER = re.compile(DAY_FOLDER.pattern + r"hour=(\d\d)/")
"""Where the delivery writes."""
ERROR_PREFIX = "errors/"
SEEN_PREFIX = f"{ERROR_PREFIX}seen/"
RESULT_PREFIX = "athena/"
COMPACTED_PREFIX = "compacted/"
COMPACTING_PREFIX = "compacting/"
COMPACTION_STATE = f"{COMPACTING_PREFIX}state.json"
TABLE = "OrdersRawTable"
LAKE_TABLE = "orders"
CURRENT_VIEW = "orders_current"
CRAWLED_TABLE_PREFIX = "crawled_"
CRAWLED_TABLE = f"{CRAWLED_TABLE_PREFIX}{LAKE_TABLE}"
RAW_TABLE = "raw_orders"
COMPACTED_TABLE = "orders_compacted"
NEXT_VIEW = "orders_next"
DEFAULT_PIPELINE = "sales"

_PIPELINE = re.compile(r"[a-z][a-z0-9-]{0,19}")


@dataclass(frozen=True)
class Names:
    """The names of one pipeline: `sales`, the default, owns `OrdersRawTable`; other tables carry their name."""

    pipeline: str
    account: str
    region: str

    def __post_init__(self) -> None:
        check_pipeline_name(self.pipeline)

    @property
    def tags(self) -> dict[str, str]:
        return {TAG: self.pipeline}

    @property
    def base(self) -> str:
        return f"salespipe-{self.pipeline}"

    @property
    def bucket(self) -> str:
        return f"{self.base}-{self.account}-{self.region}"

    @property
    def table(self) -> str:
        return TABLE if self.pipeline == DEFAULT_PIPELINE else f"{TABLE}-{self.pipeline}"

    @property
    def stream(self) -> str:
        return f"{self.base}-changes"

    @property
    def dead_letters(self) -> str:
        return f"{self.base}-dead-letters"

    @property
    def function(self) -> str:
        return f"{self.base}-transform"

    @property
    def pipe(self) -> str:
        return f"{self.base}-pipe"

    @property
    def delivery(self) -> str:
        return f"{self.base}-delivery"

    @property
    def database(self) -> str:
        return self.base.replace("-", "_")

    @property
    def classifier(self) -> str:
        return f"{self.base}-json"

    @property
    def crawler(self) -> str:
        return f"{self.base}-crawler"

    @property
    def workgroup(self) -> str:
        return self.base

    def role(self, service: str) -> str:
        """The role that `service` (pipe, delivery, transform, crawler) runs under."""
        return f"{self.base}-{self.region}-{service}"

    def arn(self, service: str, resource: str) -> str:
        """ARN of a regional resource, e.g. `arn("kinesis", "stream/x")`."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def role_arn(self, service: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{self.role(service)}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def stream_arn(self) -> str:
        return self.arn("kinesis", f"stream/{self.stream}")

    @property
    def function_arn(self) -> str:
        return self.arn("lambda", f"function:{self.function}")

    @property
    def function_log(self) -> str:
        """The log group that Lambda writes to; the name is Lambda's choice."""
        return f"/aws/lambda/{self.function}"

    @property
    def delivery_log(self) -> str:
        return f"/aws/kinesisfirehose/{self.delivery}"

    @property
    def delivery_log_stream(self) -> str:
        """The log stream Firehose writes to; Firehose does not create it."""
        return "DestinationDelivery"

    @property
    def pipe_log(self) -> str:
        """Under /aws/vendedlogs/, where log delivery needs no policy of its own on the group."""
        return f"/aws/vendedlogs/pipes/{self.pipe}"

    @property
    def crawler_log(self) -> str:
        """Glue's own log group, shared by every crawler of the account: not ours to create or delete."""
        return "/aws-glue/crawlers"


def up_hint(pipeline: str) -> str:
    """What to do when the pipeline is not there."""
    return "create it with: salespipe up" + _option(pipeline)


def kept_hint(pipeline: str) -> str:
    """What to do when the pipeline is not there, but its bucket is."""
    option = _option(pipeline)
    return f"its data is kept: salespipe up{option} finds it again, salespipe down --delete-data{option} deletes it"


def _option(pipeline: str) -> str:
    return "" if pipeline == DEFAULT_PIPELINE else f" --name {pipeline}"


def check_pipeline_name(name: str) -> None:
    """Raise UsageError unless `name` is short and plain enough for every resource derived from it."""
    if not _PIPELINE.fullmatch(name):
        raise UsageError(
            f"pipeline name {name!r} is not valid",
            "use 1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
        )
