"""Include paths, exclusions, tables and partitions."""

from __future__ import annotations

import pytest

from salespipe.local.crawling.folders import Folder, Share
from salespipe.local.crawling.grouping import Group, Grouping, group, likeness, table_name, unique_name
from salespipe.local.crawling.hivetypes import HiveType
from salespipe.local.crawling.schema import Columns, Format
from salespipe.local.crawling.targets import S3Target, glob_pattern, is_hidden

JSON = Format("json", "none")
ORDERS = S3Target("b", "orders/")


def folder(path: str, columns: str = "abcdefghij", layout: Format = JSON) -> Folder:
    types: dict[str, HiveType] = dict.fromkeys(columns, "int")
    return Folder("b", path, {layout: Share(layout, Columns(types, set(columns)), 1, 100, 2)})


def tables(found: list[Group]) -> list[tuple[str, list[str], list[list[str]]]]:
    return [(each.root, each.partition_keys, [each.values(leaf) for leaf in each.leaves]) for each in found]


def test_hive_folders_name_the_partition_columns() -> None:
    found = group(
        ORDERS, [folder("orders/dt=2026-11-20/Hour=09/"), folder("orders/dt=2026-11-20/Hour=10/")], Grouping()
    )
    assert tables(found) == [("orders/", ["dt", "hour"], [["2026-11-20", "09"], ["2026-11-20", "10"]])]


def test_other_folders_are_numbered_and_their_values_kept_as_text() -> None:
    found = group(ORDERS, [folder("orders/2025/10/01/19/"), folder("orders/2025/10/02/00/")], Grouping())
    assert tables(found) == [
        (
            "orders/",
            ["partition_0", "partition_1", "partition_2", "partition_3"],
            [["2025", "10", "01", "19"], ["2025", "10", "02", "00"]],
        )
    ]


def test_objects_right_in_the_include_path_make_a_table_without_partitions() -> None:
    assert tables(group(ORDERS, [folder("orders/")], Grouping())) == [("orders/", [], [[]])]


def test_the_example_of_the_grouping_policy() -> None:
    folders = [folder("table1/year=2017/", "ab"), folder("table1/year=2018/", "cd")]
    target = S3Target("bucket", "table1/")
    apart = group(target, folders, Grouping())
    assert [table_name("", "bucket", each.root) for each in apart] == ["year_2017", "year_2018"]
    (one,) = group(target, folders, Grouping(combine=True))
    assert (list(one.total.columns.types), one.partition_keys) == (list("abcd"), ["year"])


def test_siblings_that_are_not_alike_are_tables_of_their_own() -> None:
    folders = [folder("orders/shop/"), folder("orders/stock/", "klmnop")]
    assert [each[0] for each in tables(group(ORDERS, folders, Grouping()))] == ["orders/shop/", "orders/stock/"]


def test_one_folder_that_differs_among_many_stays_a_partition() -> None:
    folders = [folder(f"orders/dt=2026-11-{day:02}/") for day in range(1, 10)]
    folders.append(folder("orders/dt=2026-12-01/", "xyz"))
    found = group(ORDERS, folders, Grouping())
    assert [each.root for each in found] == ["orders/"]
    assert list(found[0].total.columns.types) == list("abcdefghijxyz")


def test_schemas_that_drift_by_a_column_at_a_time_stay_together() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    folders = [folder(f"orders/dt={at:02}/", letters[at : at + 8]) for at in range(12)]
    assert len(group(ORDERS, folders, Grouping())) == 1


def test_combining_leaves_likeness_out_but_not_the_format() -> None:
    unlike = [folder("orders/x/"), folder("orders/y/", "klmnop")]
    assert len(group(ORDERS, unlike, Grouping(combine=True))) == 1
    formats = [folder("orders/x/"), folder("orders/y/", layout=Format("json", "gzip"))]
    assert len(group(ORDERS, formats, Grouping(combine=True))) == 2


@pytest.mark.parametrize(
    "paths",
    [
        ("orders/dt=1/", "orders/dt=1/hour=2/"),
        ("orders/dt=1/hour=2/", "orders/date=1/hour=2/"),
    ],
)
def test_depth_and_names_of_folders_must_agree(paths: tuple[str, ...]) -> None:
    assert len(group(ORDERS, [folder(path) for path in paths], Grouping(combine=True))) == 2


def test_the_table_level_is_counted_from_the_bucket() -> None:
    target = S3Target("b", "")
    folders = [folder("shop/orders/dt=1/"), folder("shop/stock/dt=1/")]
    roots = {level: [each.root for each in group(target, folders, Grouping(level=level))] for level in (1, 2, 3)}
    assert roots == {1: [""], 2: ["shop/"], 3: ["shop/orders/", "shop/stock/"]}


def test_a_folder_of_unrecognised_objects_is_in_no_table() -> None:
    assert group(ORDERS, [Folder("b", "orders/dt=1/")], Grouping()) == []


def test_likeness_is_what_is_in_common_of_the_larger() -> None:
    assert likeness(set("abcdefg"), set("abcdefghij")) == pytest.approx(0.7)
    assert likeness(set("ab"), set("cd")) == 0


@pytest.mark.parametrize(
    ("prefix", "root", "name"),
    [
        ("", "orders/", "orders"),
        ("Raw-", "a/My Orders.2026/", "raw_my_orders_2026"),
        ("", "", "the_bucket"),
        ("", "orders/dt=2026-11-20/", "dt_2026_11_20"),
    ],
)
def test_tables_are_named_for_their_folder(prefix: str, root: str, name: str) -> None:
    assert table_name(prefix, "The-Bucket", root) == name


def test_a_table_name_has_128_characters_at_most() -> None:
    assert table_name("p_", "b", f"{'x' * 200}/") == f"p_{'x' * 126}"


def test_a_name_that_is_taken_gets_32_hex_digits() -> None:
    name = unique_name("orders", "s3://b/other/orders/")
    assert name.startswith("orders_")
    assert len(name) == len("orders_") + 32
    assert len(unique_name("x" * 128, "s3://b/")) == 128


@pytest.mark.parametrize(
    ("glob", "key", "excluded"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "dt=1/a.csv", False),
        ("**.csv", "dt=1/a.csv", True),
        ("dt=2026-??-*/**", "dt=2026-01-02/hour=1/x", True),
        ("dt=2026-??-*/**", "dt=2025-01-02/hour=1/x", False),
        ("{errors,athena}/**", "errors/2026/x", True),
        ("{errors,athena}/**", "orders/2026/x", False),
        ("file[0-3]", "file2", True),
        ("file[!0-3]", "file2", False),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("a+b(c)", "a+b(c)", True),
        # The examples of the documentation.
        ("*.*", "a.b", True),
        ("*.*", "ab", False),
        ("*.{csv,avro}", "a.avro", True),
        ("*.{csv,avro}", "a.json", False),
        ("foo.?", "foo.c", True),
        ("foo.?", "foo.cs", False),
        ("myfolder/*", "myfolder/mysource", True),
        ("myfolder/*", "myfolder/mysource/data", False),
        ("myfolder/*/*", "myfolder/mysource/data", True),
        ("myfolder/**", "myfolder/mysource/data", True),
        ("myfolder**", "myfolder", True),
        ("myfolder**", "myfolder/mydata.txt", True),
        ("departments/market*", "departments/market-us.json", True),
        ("employees/*.csv", "employees/john.csv", True),
        ("employees/*.csv", "departments/john.csv", False),
        ("2015/01/{[!0],0[8-9]}**", "2015/01/07/x", False),
        ("2015/01/{[!0],0[8-9]}**", "2015/01/08/x", True),
        ("2015/01/{[!0],0[8-9]}**", "2015/01/31/x", True),
        ("[!a-c]", "d", True),
        ("[!a-c]", "b", False),
        ("a[!b]c", "a/c", False),
        ("[abce-g]", "f", True),
        ("[abce-g]", "d", False),
        ("[*?\\]", "\\", True),
        ("[*?\\]", "a", False),
        ("[-a]", "-", True),
        ("[^a]", "^", True),
        ("*", ".hidden", True),
        ("\\{a", "{a", True),
    ],
)
def test_exclusions_are_globs_relative_to_the_include_path(glob: str, key: str, excluded: bool) -> None:
    assert bool(glob_pattern(glob).fullmatch(key)) is excluded


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("s3://b/orders/", S3Target("b", "orders/")),
        ("b/orders", S3Target("b", "orders/")),
        ("s3://b", S3Target("b", "")),
        ("s3://b/", S3Target("b", "")),
    ],
)
def test_a_path_is_a_folder_with_or_without_scheme_and_slash(path: str, target: S3Target) -> None:
    assert S3Target.of({"Path": path, "Exclusions": []}) == target


def test_hidden_names_begin_with_an_underscore_or_a_dot() -> None:
    assert is_hidden(["dt=1", "_SUCCESS"])
    assert is_hidden([".spark", "x"])
    assert not is_hidden(["dt=1", "x_1.json"])
