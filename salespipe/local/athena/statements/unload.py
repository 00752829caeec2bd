"""UNLOAD (query) TO 's3://…' WITH (format = …): objects without a table.

https://docs.aws.amazon.com/athena/latest/ug/unload.html
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from salespipe.local.athena import run
from salespipe.local.athena.catalog import split_location
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.statements.columns import split_keys, targets
from salespipe.local.athena.statements.context import Context, Result, Statement
from salespipe.local.athena.statements.properties import check_known, partition_names, with_clause
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.writing.commit import NewFile, check_empty, commit, object_name
from salespipe.local.athena.writing.layout import Layout
from salespipe.local.athena.writing.rows import check_types, folder_name, write

_KNOWN = ("format", "compression", "compression_level", "field_delimiter", "partitioned_by")


def unload(words: Words) -> Statement:
    """Parse what follows UNLOAD. Raises SyntaxFailure, also for a query that is none."""
    words.expect("(")
    sql = words.inside_parentheses()
    parse_query(sql)
    words.expect("TO")
    location = words.string()
    properties = with_clause(words) if words.accept("WITH") else {}
    words.end()

    def action(context: Context) -> Result:
        check_known(properties, _KNOWN)
        layout = Layout.of_properties(properties, default=None)
        bucket, prefix = split_location(location)
        if not location.startswith("s3://") or not bucket:
            raise QueryFailure(
                "INVALID_TABLE_PROPERTY", f"External location is not a valid file system URI: {location}"
            )
        prepared = run.prepare(sql, context.database, context.catalog, context.objects, context.folder, context.now)
        columns, keys = split_keys(targets(prepared.columns, ()), partition_names(properties))
        check_types(columns, keys)
        name = f"tmp_unload_{context.id.replace('-', '_')}"
        check_empty(context, location, context.database, name)
        run.located(prepared, context.session)
        context.scanned(prepared.tables.scanned_bytes)
        folder = Path(tempfile.mkdtemp(dir=context.folder))
        written = write(prepared, context.session, folder, layout, columns, keys)
        names = [key.name for key in keys]
        files = []
        for number, (values, path) in enumerate(written.files):
            inner = folder_name(names, values) + "/" if values else ""
            files.append(NewFile(bucket, f"{prefix}{inner}{object_name(context, layout, number)}", path))
        return commit(context, files, written.rows, "", lambda: check_empty(context, location, context.database, name))

    return Statement("DML", "UNLOAD", action)
