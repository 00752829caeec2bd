"""The partitions of a table: ALTER TABLE ADD and DROP PARTITION, MSCK REPAIR TABLE.

https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-partition.html, /alter-table-drop-partition.html,
/msck-repair-table.html
"""

from __future__ import annotations

from urllib.parse import unquote

from salespipe.local.athena.catalog import Table, split_location
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.statements.context import Action, Context, Result, Statement, listing
from salespipe.local.athena.statements.hive import found_table, partition_spec, partition_values
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import Type
from salespipe.local.errors import AwsError


def add(words: Words, name: tuple[str, str]) -> Statement:
    """Parse what follows ALTER TABLE … ADD, if it is about partitions."""
    there_ok = words.accept("IF", "NOT", "EXISTS")
    wanted = []
    while words.accept("PARTITION"):
        values = partition_spec(words)
        wanted.append((values, words.string() if words.accept("LOCATION") else ""))
    if not wanted:
        raise words.mismatch("'COLUMNS', 'IF', 'PARTITION'")
    words.end()
    return Statement("DDL", "ALTER_TABLE_ADD_PARTITION", _add(name, wanted, there_ok))


def drop(words: Words, name: tuple[str, str]) -> Statement:
    """Parse what follows ALTER TABLE … DROP."""
    missing_ok = words.accept("IF", "EXISTS")
    dropped = []
    while words.accept("PARTITION"):
        dropped.append(partition_spec(words))
        words.accept(",")
    if not dropped:
        raise words.mismatch("'IF', 'PARTITION'")
    words.end()
    return Statement("DDL", "ALTER_TABLE_DROP_PARTITION", _remove(name, dropped, missing_ok))


def _add(name: tuple[str, str], wanted: list[tuple[dict[str, str], str]], there_ok: bool) -> Action:
    def action(context: Context) -> Result:
        table = found_table(context, name)
        for spec, location in wanted:
            values = partition_values(table, spec)
            folder = "/".join(f"{key.name}={value}" for key, value in zip(table.partition_keys, values, strict=True))
            try:
                _create_partition(context, table, values, location or f"{table.storage.location.rstrip('/')}/{folder}")
            except AwsError as error:
                if error.code != "AlreadyExistsException":
                    raise
                if not there_ok:
                    raise QueryFailure(
                        "", f"FAILED: SemanticException [Error 10248]: Partition already exists: {folder}"
                    ) from error
        return Result()

    return action


def _remove(name: tuple[str, str], dropped: list[dict[str, str]], missing_ok: bool) -> Action:
    def action(context: Context) -> Result:
        table = found_table(context, name)
        for spec in dropped:
            try:
                context.catalog.call(
                    "DeletePartition",
                    DatabaseName=table.database,
                    TableName=table.name,
                    PartitionValues=partition_values(table, spec),
                )
            except AwsError as error:
                if error.code != "EntityNotFoundException":
                    raise
                if not missing_ok:
                    raise QueryFailure(
                        "", f"FAILED: SemanticException [Error 10006]: Partition not found {spec}"
                    ) from error
        return Result()

    return action


def repair(words: Words) -> Statement:
    """Parse what follows MSCK: adds a partition for every `key=value` folder that has none."""
    words.expect("REPAIR", "TABLE")
    name = words.table("")
    words.end()

    def action(context: Context) -> Result:
        table = found_table(context, name)
        keys = [column.name for column in table.partition_keys]
        bucket, prefix = split_location(table.storage.location)
        known = {partition.values for partition in context.catalog.partitions(table)}
        lines = []
        found: dict[tuple[str, ...], str] = {}
        for stored in context.objects.list(bucket, prefix):
            place = "/".join(stored.key[len(prefix) :].split("/")[: len(keys)])
            there = _folder_values(place, keys)
            if there is not None:
                found.setdefault(there, place)
        for values in sorted(found.keys() - known):
            folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
            _create_partition(context, table, list(values), f"s3://{bucket}/{prefix}{found[values]}")
            lines.append([f"Repair: Added partition to metastore {table.database}.{table.name}:{folder}"])
        missing = [[f"Partitions not in metastore:\t{table.name}:{line[0].rpartition(':')[2]}"] for line in lines]
        return listing(["result"], missing + lines, Type("string"))

    return Statement("DDL", "MSCK_REPAIR_TABLE", action)


def _folder_values(path: str, keys: list[str]) -> tuple[str, ...] | None:
    """The values in a folder's name. One with capitals in a key is not added, as the page says."""
    pairs = [folder.partition("=") for folder in path.split("/")]
    if [pair[0] for pair in pairs if pair[1]] != keys or len(pairs) != len(keys):
        return None
    return tuple(unquote(pair[2]) for pair in pairs)


def _create_partition(context: Context, table: Table, values: list[str], location: str) -> None:
    descriptor = context.catalog.call("GetTable", DatabaseName=table.database, Name=table.name)["Table"][
        "StorageDescriptor"
    ]
    context.catalog.call(
        "CreatePartition", DatabaseName=table.database, TableName=table.name,
        PartitionInput={"Values": values, "StorageDescriptor": {**descriptor, "Location": location}},
    )  # fmt: skip
