"""Who may import whom. The rules are data; the reader of the imports is tested on small broken trees below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "salespipe"
ROOT = Path(__file__).parents[2] / PACKAGE

# Each part of the package -> the parts it may import besides itself. `errors` and `settings` are the shared words.
SHARED = {"errors", "settings"}
SERVICE_SIDE = {"services", "stack", "orders", "forecasting", "aws"} | SHARED
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),  # salespipe/__init__.py
    "__main__": {"cli"},
    "errors": set(),
    "settings": set(),
    "cli": SERVICE_SIDE | {"targets", "web", ""},
    "web": SERVICE_SIDE | {"targets", ""},
    "targets": SERVICE_SIDE | {"local"},
    "services": SERVICE_SIDE,
    "stack": {"aws"} | SHARED,
    "aws": SHARED | {""},  # its version, told to AWS
    "orders": set(),
    "forecasting": set(),
    "lambdas": set(),
    "local": {""},  # its version too
}

# A library -> the only parts that may import it; then single files with a reason.
ONLY_IN: dict[str, set[str]] = {
    "moto": {"local"},
    "duckdb": {"local"},
    "rich": {"cli"},
    "typer": {"cli"},
    "prompt_toolkit": {"cli"},
    "click": set(),  # typer brings its own
    "boto3": {"aws", "targets", "services", "stack", "lambdas", "local"},
    "botocore": {"aws", "targets", "services", "stack", "lambdas", "local"},
}
EXCEPTIONS = {
    # Parquet files of real orders are read with the library that is there anyway.
    ("services/rowfile.py", "duckdb"),
    # A result is written as Parquet with it for the same reason.
    ("services/query/parquet.py", "duckdb"),
}


@dataclass(frozen=True)
class Import:
    """One import of one file: the file's path below the package and the full name of what it imports."""

    file: str
    line: int
    module: str


def read_imports(root: Path) -> Iterator[Import]:
    """Every import below `root`, wherever it stands in a file: at the top, in a function, for type checking only,
    relative, or through importlib with a literal name."""
    for path in sorted(root.rglob("*.py")):
        file = path.relative_to(root).as_posix()
        package = [PACKAGE, *path.relative_to(root).parent.parts]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=file)):
            for module in _modules(node, package):
                yield Import(file, getattr(node, "lineno", 0), module)


def _modules(node: ast.AST, package: list[str]) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            parents = package[: len(package) - level + 1] if level else []
            base = ".".join([*parents, *([module] if module else [])])
            # `from salespipe import local` imports a part, not a name of the package itself.
            return [f"{base}.{alias.name}" for alias in names] if base == PACKAGE else [base]
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            return [module]
    return []


def part_of(module: str, root: Path) -> str:
    """The part a module of ours belongs to; "" is the package itself, whose own names are its version."""
    names = module.split(".")[1:]
    if not names:
        return ""
    here = root / names[0]
    return names[0] if here.is_dir() or here.with_suffix(".py").exists() else ""


def violations(root: Path) -> list[str]:
    """Each broken rule as `file:line part imports module`; empty when all is well."""
    found = []
    for each in read_imports(root):
        part = each.file.partition("/")[0].removesuffix(".py")
        part = "" if part == "__init__" else part
        library = each.module.partition(".")[0]
        if library == PACKAGE:
            wanted = part_of(each.module, root)
            allowed = wanted == part or wanted in MAY_IMPORT.get(part, set())
        else:
            allowed = part in ONLY_IN.get(library, {part}) or (each.file, library) in EXCEPTIONS
        if not allowed:
            found.append(f"{each.file}:{each.line} {part or PACKAGE} imports {each.module}")
    return found


def test_every_import_goes_the_right_way() -> None:
    assert violations(ROOT) == []


def test_every_part_of_the_package_has_its_rule() -> None:
    parts = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

    assert parts - {"__init__"} <= MAY_IMPORT.keys()


def test_every_exception_is_still_needed() -> None:
    used = {(each.file, each.module.partition(".")[0]) for each in read_imports(ROOT)}

    assert {pair for pair in EXCEPTIONS if (ROOT / pair[0]).exists()} <= used


@pytest.mark.parametrize(
    ("file", "source", "broken"),
    [
        ("services/x.py", "import salespipe.cli.app", "services imports salespipe.cli.app"),
        ("services/x.py", "from salespipe import local", "services imports salespipe.local"),
        ("services/x.py", "from ..local import process", "services imports salespipe.local"),
        ("services/x.py", "from salespipe.targets import Start", "services imports salespipe.targets"),
        ("services/x.py", "def f():\n    import rich.table", "services imports rich.table"),
        ("services/x.py", "import duckdb", "services imports duckdb"),
        ("services/deep/x.py", "from ...cli import app", "services imports salespipe.cli"),
        ("local/x.py", "from salespipe.stack.naming import TAG", "local imports salespipe.stack.naming"),
        ("local/x.py", "from salespipe.errors import UsageError", "local imports salespipe.errors"),
        ("orders/x.py", "from salespipe.errors import UsageError", "orders imports salespipe.errors"),
        ("lambdas/x.py", "import salespipe", "lambdas imports salespipe"),
        ("stack/x.py", "from salespipe.services import query", "stack imports salespipe.services"),
        ("cli/x.py", "from salespipe.local import process", "cli imports salespipe.local"),
        ("cli/x.py", "import importlib\nimportlib.import_module('boto3')", "cli imports boto3"),
        ("cli/x.py", "if TYPE_CHECKING:\n    from moto import mock_aws", "cli imports moto"),
        ("cli/x.py", "import click", "cli imports click"),
        ("unknown/x.py", "import salespipe.errors", "unknown imports salespipe.errors"),
    ],
)
def test_a_broken_rule_is_found(tmp_path: Path, file: str, source: str, broken: str) -> None:
    tree = _tree(tmp_path, {file: source})

    assert [found.split(" ", 1)[1] for found in violations(tree)] == [broken]


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    tree = _tree(
        tmp_path,
        {
            "__init__.py": "__version__ = '1'",
            "cli/x.py": "import typer, os\nfrom salespipe import __version__\nfrom salespipe.services import query",
            "services/x.py": "from salespipe.stack.naming import TAG\nfrom . import y\nimport botocore.config",
            "services/rowfile.py": "def f():\n    import duckdb",
            "local/x.py": "import moto.server, duckdb\nfrom salespipe.local.call import Call\nfrom .call import Call",
            "targets.py": "from salespipe.local import process",
        },
    )

    assert violations(tree) == []


def _tree(root: Path, files: dict[str, str]) -> Path:
    for part in ("cli", "services", "stack", "local", "orders", "lambdas"):
        (root / part).mkdir()
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(source)
    for shared in ("errors", "targets"):
        (root / f"{shared}.py").touch()
    return root
