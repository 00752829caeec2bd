"""What AWS accepts as a crawler, and what it fills in. Pure.

Rules and wording: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html,
https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html and what AWS answered to others.
"""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from salespipe.local.errors import AwsError

_TARGET_KINDS = (
    "S3Targets",
    "JdbcTargets",
    "MongoDBTargets",
    "DynamoDBTargets",
    "CatalogTargets",
    "DeltaTargets",
    "IcebergTargets",
    "HudiTargets",
)
_UPDATE = ("LOG", "UPDATE_IN_DATABASE")
_DELETE = ("LOG", "DELETE_FROM_DATABASE", "DEPRECATE_IN_DATABASE")
_MOST_SAMPLED = 249
_RECRAWL = ("CRAWL_EVERYTHING", "CRAWL_NEW_FOLDERS_ONLY", "CRAWL_EVENT_MODE")


def checked(document: dict[str, Any], classifiers: Set[str]) -> dict[str, Any]:
    """The crawler with its defaults filled in. Raises AwsError (InvalidInputException) for what AWS refuses.

    `classifiers` are the names that exist.
    """
    if not document.get("Role"):
        raise _invalid("Role must not be empty")
    targets = _targets(document.get("Targets") or {})
    if not document.get("DatabaseName") and not targets["CatalogTargets"]:
        raise _invalid("You must provide the DatabaseName parameter when you specify a non-catalog targeted crawler.")
    missing = [name for name in document.get("Classifiers") or [] if name not in classifiers]
    if missing:
        raise _invalid(f"Classifiers not found: {', '.join(missing)}")
    _check_configuration(document.get("Configuration") or "")
    recrawl = _one_of(document, "RecrawlPolicy", "RecrawlBehavior", _RECRAWL, "CRAWL_EVERYTHING")
    only_new = recrawl == "CRAWL_NEW_FOLDERS_ONLY"
    changes = {
        "UpdateBehavior": _one_of(
            document, "SchemaChangePolicy", "UpdateBehavior", _UPDATE, "LOG" if only_new else "UPDATE_IN_DATABASE"
        ),
        "DeleteBehavior": _one_of(
            document, "SchemaChangePolicy", "DeleteBehavior", _DELETE, "LOG" if only_new else "DEPRECATE_IN_DATABASE"
        ),
    }
    if only_new and set(changes.values()) != {"LOG"}:
        raise _invalid(
            'The SchemaChangePolicy for "Crawl new folders only" Amazon S3 target can have only LOG DeleteBehavior '
            "value and LOG UpdateBehavior value."
        )
    if recrawl != "CRAWL_EVERYTHING" and any(targets[kind] for kind in _TARGET_KINDS if kind != "S3Targets"):
        raise _invalid(
            'RecrawlBehavior "Crawl new folders only" can only apply to Amazon S3 target.'
            if only_new
            else "Only S3 targets are allowed for event based crawlers."
        )
    if recrawl == "CRAWL_EVENT_MODE" and not any(target.get("EventQueueArn") for target in targets["S3Targets"]):
        raise _invalid("Event queue ARN is required when event crawler is selected.")
    return {
        **document,
        "Targets": targets,
        "Classifiers": document.get("Classifiers") or [],
        "RecrawlPolicy": {"RecrawlBehavior": recrawl},
        "SchemaChangePolicy": changes,
        "LineageConfiguration": document.get("LineageConfiguration") or {"CrawlerLineageSettings": "DISABLE"},
        "LakeFormationConfiguration": document.get("LakeFormationConfiguration")
        or {"UseLakeFormationCredentials": False, "AccountId": ""},
    }


def check_update(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Raise AwsError (InvalidInputException) for changes that AWS refuses; both are `checked`."""
    only_new = after["RecrawlPolicy"]["RecrawlBehavior"] == "CRAWL_NEW_FOLDERS_ONLY"
    if only_new and after["Targets"]["S3Targets"] != before["Targets"]["S3Targets"]:
        raise _invalid('Amazon S3 target is immutable when "Crawl new folders only" recrawl behavior is selected.')


def role_name(role: str) -> str:
    """A role's path and name: GetCrawler gives them even when the ARN was given."""
    return role.partition(":role/")[2] or role


def schedule(given: dict[str, Any]) -> dict[str, Any]:
    """The `Schedule` structure for the expression in a request; nothing where there is none."""
    expression = given.get("Schedule")
    if not expression:
        return {}
    if not str(expression).startswith("cron("):
        raise _invalid(f"Schedule expression {expression} is not valid: only cron() is accepted")
    return {"Schedule": {"ScheduleExpression": expression, "State": "SCHEDULED"}}


def _targets(given: dict[str, Any]) -> dict[str, Any]:
    targets: dict[str, Any] = {kind: given.get(kind) or [] for kind in _TARGET_KINDS}
    if not any(targets.values()):
        raise _invalid("Crawler targets not valid: at least one target must be given")
    for target in targets["S3Targets"]:
        path = str(target.get("Path", ""))
        if not path.removeprefix("s3://").strip("/") or path.removeprefix("s3://").startswith("/"):
            raise _invalid(f"Crawler targets not valid: S3 path {path!r} must be s3://bucket/prefix or bucket/prefix")
        sample = target.get("SampleSize")
        if sample is not None and not 1 <= sample <= _MOST_SAMPLED:
            raise _invalid(f"Crawler targets not valid: SampleSize {sample} must be from 1 to {_MOST_SAMPLED}")
    targets["S3Targets"] = [{"Exclusions": [], **target} for target in targets["S3Targets"]]
    return targets


def _check_configuration(text: str) -> None:
    if not text:
        return
    try:
        configuration = json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid("Crawler configuration not valid: it is not JSON") from error
    if not isinstance(configuration, dict):
        raise _invalid("Crawler configuration not valid: it is not a JSON object")
    version = configuration.get("Version")
    if version is None:
        raise _invalid("Crawler configuration not valid: Version is missing")
    if isinstance(version, str):
        raise _invalid("Crawler configuration not valid: Version type invalid: expected Double, received String")
    if isinstance(version, bool) or not isinstance(version, int | float):
        raise _invalid("Crawler configuration not valid: Version type invalid: expected Double")
    for name in ("CrawlerOutput", "Grouping"):
        if not isinstance(configuration.get(name, {}), dict):
            raise _invalid(f"Crawler configuration not valid: {name} type invalid: expected Object")


def _one_of(document: dict[str, Any], policy: str, member: str, values: tuple[str, ...], default: str) -> str:
    value = str((document.get(policy) or {}).get(member) or default)
    if value not in values:
        raise _invalid(f"{policy}.{member} {value} is not valid: it must be one of {', '.join(values)}")
    return value


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidInputException", message)
