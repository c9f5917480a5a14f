"""What docstrings and ARCHITECTURE.md name exists: no reader who follows a name ends up nowhere."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

import bulkdel

ROOT = Path(bulkdel.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

FOREIGN = {"ClientSession", "aiohttp.ClientSession", "RetryCallState", "await"}
"""Names of others, and of the language, that docstrings put between single backticks."""

_NAME = re.compile(r"(?<![`\w])`([A-Za-z_][\w.]*)`(?!`)")
_NOT_HERE = re.compile(r"Not here:.*?(?=\n\n|\Z)", re.DOTALL)

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Known:
    """Every name that may be used."""

    modules: set[str] = field(default_factory=set)
    """``lane``, ``engine.lane``, ``bulkdel.engine.lane``: by the end of its path."""
    names: set[str] = field(default_factory=set)
    """Classes, functions, constants, fields."""

    def has(self, name: str) -> bool:
        """Say whether there is such a thing."""
        parts = set(name.split("."))
        return name in self.modules or name in FOREIGN or not parts - self.names - self.modules


@cache
def tree(path: Path) -> ast.Module:
    """Return a module, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def known() -> Known:
    """Return what there is in the package, but for what only one function knows."""
    found = Known()
    for path in MODULES:
        parts = list(path.relative_to(ROOT.parent).with_suffix("").parts)
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found.modules.update(".".join(parts[start:]) for start in range(len(parts)))
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found.names.add(node.name)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.names.add(node.attr)
            if isinstance(node, ast.ClassDef | ast.Module):
                found.names |= set(_assigned(node))
    found.names |= set(dir(builtins))
    return found


def _assigned(node: ast.ClassDef | ast.Module | ast.If) -> Iterator[str]:
    for each in node.body:
        targets = each.targets if isinstance(each, ast.Assign) else []
        if isinstance(each, ast.AnnAssign):
            targets = [each.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
        if isinstance(each, ast.If):
            yield from _assigned(each)


def documented(path: Path) -> Iterator[tuple[_Documented, str]]:
    """Return what has a docstring in a module, and the docstring."""
    for node in ast.walk(tree(path)):
        if isinstance(node, _Documented) and (text := ast.get_docstring(node)):
            yield node, text


def parameters(node: _Documented) -> set[str]:
    """Return the parameters of a function, or of a class's constructor and its fields."""
    if isinstance(node, ast.ClassDef):
        own = set(_assigned(node))
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                own.add(each.name)
                if each.name == "__init__":
                    own |= parameters(each)
        return own | {
            each.attr
            for each in ast.walk(node)
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
        }
    if isinstance(node, ast.Module):
        return set()
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return {each.arg for each in [*plain, *rest]}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_in_docstrings_exist(path: Path) -> None:
    """A module that was renamed or has gone sends its reader astray."""
    wrong = [
        name
        for node, text in documented(path)
        for name in _NAME.findall(text)
        if not known().has(name) and name not in parameters(node)
    ]

    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_not_here_is_in_a_module_that_exists(path: Path) -> None:
    """``Not here: … (`name`)`` says which file to open instead."""
    clauses = _NOT_HERE.findall(ast.get_docstring(tree(path)) or "")
    named = [name for clause in clauses for name in _NAME.findall(clause)]

    assert not [name for name in named if name not in known().modules]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documented_arguments_and_attributes_exist(path: Path) -> None:
    """A parameter that was renamed leaves a lie in the docstring."""
    wrong = [
        name
        for node, text in documented(path)
        for section in re.findall(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
        for name in re.findall(r"^    \**(\w+):", section, re.MULTILINE)
        if name not in parameters(node)
    ]

    assert not wrong


PACKAGES = sorted(path.parent for path in MODULES if path.name == "__init__.py")


@pytest.mark.parametrize("package", PACKAGES[1:], ids=lambda package: package.name)
def test_the_head_of_a_package_names_its_modules(package: Path) -> None:
    """It is the map of the package: complete, and with nothing that is elsewhere."""
    head = ast.get_docstring(tree(package / "__init__.py")) or ""
    there = {path.stem for path in package.glob("*.py")} - {"__init__"}
    there |= {path.name for path in package.iterdir() if (path / "__init__.py").exists()}

    assert not [
        name for name in re.findall(r"^ +(\w+)\.py\b", head, re.MULTILINE) if name not in there
    ]
    assert not [name for name in there if not re.search(rf"\b{name}\b", head)]


PROJECT = ROOT.parent
ARCHITECTURE = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def exists(name: str) -> bool:
    """Say whether there is a file, a module or a thing of that name."""
    if "/" not in name:
        return known().has(name)
    return any(
        (folder / f"{name.rstrip('/')}{suffix}").exists()
        for folder in (ROOT, PROJECT)
        for suffix in ("", ".py")
    )


def test_names_in_the_architecture_exist() -> None:
    """It is the page that is read first."""
    named = re.findall(r"`([A-Za-z_][\w./]*)`", ARCHITECTURE)

    assert len(named) > 100
    assert not [name for name in named if not exists(name)]


def test_every_package_has_its_row_in_the_architecture() -> None:
    """And a row names modules of its own package alone."""
    rows = [line.split("|")[1:-1] for line in ARCHITECTURE.splitlines() if line.startswith("| `")]
    there = {
        f"{path.name}/" if path.is_dir() else path.stem
        for path in ROOT.iterdir()
        if (path / "__init__.py").exists() or path.suffix == ".py"
    }

    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row[0])} == there - {
        "__init__",
        "__main__",
    }
    for title, _, modules in rows:
        package = ROOT / title.strip(" `")
        if package.is_dir():
            named = re.findall(r"`([a-z_]+)`", modules)
            assert not [name for name in named if not (package / f"{name}.py").exists()], title
