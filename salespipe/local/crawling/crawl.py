"""One run of a crawler, from its targets to the catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from salespipe.local.crawling.catalog import Catalog, GlueCall, Policy, Written
from salespipe.local.crawling.classify import Classifier
from salespipe.local.crawling.folders import Folder, FolderMemory, scan
from salespipe.local.crawling.grouping import Group, Grouping, group
from salespipe.local.crawling.incremental import join
from salespipe.local.crawling.targets import S3Target, data_objects
from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores

Log = Callable[[str, str], None]
"""Takes a level (INFO, WARN, ERROR, BENCHMARK) and a line."""

_MOST_REPORTED = 200


@dataclass(frozen=True)
class Plan:
    """What a crawler is to do, from its document in the API."""

    id: str
    name: str
    database: str
    prefix: str
    targets: tuple[S3Target, ...]
    classifiers: tuple[Classifier, ...]
    grouping: Grouping = field(default_factory=Grouping)
    policy: Policy = field(default_factory=Policy)
    only_new: bool = False

    @classmethod
    def of(cls, id: str, document: dict[str, Any], classifiers: tuple[Classifier, ...]) -> Plan:
        """Raises AwsError for targets that are no S3 paths and for crawls by events: they are not done here."""
        if document["RecrawlPolicy"].get("RecrawlBehavior") == "CRAWL_EVENT_MODE":
            raise AwsError("InvalidInputException", "CRAWL_EVENT_MODE cannot be crawled on the local target")
        others = [kind for kind, entries in document["Targets"].items() if entries and kind != "S3Targets"]
        if others:
            raise AwsError(
                "InvalidInputException", f"{', '.join(sorted(others))} cannot be crawled on the local target"
            )
        configuration = json.loads(document.get("Configuration") or "{}")
        output = configuration.get("CrawlerOutput", {})
        grouping = configuration.get("Grouping", {})
        changes = document["SchemaChangePolicy"]
        return cls(
            id=id,
            name=document["Name"],
            database=document.get("DatabaseName", ""),
            prefix=document.get("TablePrefix", ""),
            targets=tuple(S3Target.of(target) for target in document["Targets"].get("S3Targets", [])),
            classifiers=classifiers,
            grouping=Grouping(
                grouping.get("TableGroupingPolicy") == "CombineCompatibleSchemas",
                grouping.get("TableLevelConfiguration"),
            ),
            policy=Policy(
                changes["UpdateBehavior"],
                changes["DeleteBehavior"],
                output.get("Partitions", {}).get("AddOrUpdateBehavior") == "InheritFromTable",
                output.get("Tables", {}).get("AddOrUpdateBehavior") == "MergeNewColumns",
            ),
            only_new=document["RecrawlPolicy"].get("RecrawlBehavior") == "CRAWL_NEW_FOLDERS_ONLY",
        )


def crawl(plan: Plan, run: str, stores: Stores, glue: GlueCall, log: Log, proceed: Callable[[], None]) -> Written:
    """Crawl; return what was written. `proceed` is called often and raises to stop the run.

    An object that no classifier recognises, or that is not what its folder is, is no failure of the crawl: it is
    reported in the log as a warning, at every crawl for as long as it is there. Raises AwsError when the catalog
    refuses, e.g. because the database is missing.
    """
    glue("GetDatabase", {"Name": plan.database})
    for classifier in plan.classifiers:
        if not classifier.works_here:
            log("WARN", f"Classifier {classifier.document['Name']} ({classifier.kind}) is not applied locally")
    memory = FolderMemory(stores.documents, plan.id)
    known = memory.load()
    groups: list[Group] = []
    reports: list[str] = []
    seen = set()
    for target in plan.targets:
        folders: list[Folder] = []
        new: list[Folder] = []
        objects = data_objects(stores.objects, target)
        for folder, changed in scan(target, objects, plan.classifiers, known, only_new=plan.only_new, proceed=proceed):
            proceed()
            if changed:
                memory.save(folder)
            (new if changed else folders).append(folder)
            seen.add(f"{folder.bucket}/{folder.path}")
            reports += _reports(folder)
        if plan.only_new:
            found, left_out = join(target, folders, new, plan.grouping)
            for folder in left_out:
                # Not remembered: the next crawl looks at it, and says so, again.
                seen.discard(f"{folder.bucket}/{folder.path}")
                memory.forget([f"{folder.bucket}/{folder.path}"])
                reports.append(f"s3://{folder.bucket}/{folder.path}: its schema does not fit the table: it is left out")
            groups += found
        else:
            groups += group(target, [*folders, *new], plan.grouping)
    memory.forget(known.keys() - seen)
    for line in reports[:_MOST_REPORTED]:
        log("WARN", line)
    if len(reports) > _MOST_REPORTED:
        log("WARN", f"{len(reports) - _MOST_REPORTED} further objects have problems")
    log("BENCHMARK", f"Classification complete, writing results to database {plan.database}")
    proceed()
    catalog = Catalog(glue, plan.database, plan.name, run, plan.prefix, plan.policy)
    catalog.write(groups, [target.location for target in plan.targets])
    for level, line in catalog.written.log:
        log(level, line)
    return catalog.written


def _reports(folder: Folder) -> list[str]:
    """What is wrong in a folder, one line each."""
    lines = [*folder.unread, *folder.problems]
    if folder.further_problems:
        lines.append(f"s3://{folder.bucket}/{folder.path}: {folder.further_problems} further objects have problems")
    main = folder.main
    for share in folder.shares.values():
        if main is not None and share is not main:
            names = ", ".join(f"s3://{folder.bucket}/{key}" for key in share.first)
            more = share.objects - len(share.first)
            these = f"{names} and {more} more" if more else names
            verb = "it is" if share.objects == 1 else "they are"
            lines.append(
                f"{these}: {verb} {share.format}, most objects of the folder are {main.format}:"
                f" {verb} left out of the schema"
            )
    return lines
