"""The type stub of the extension against the signatures that the extension itself tells."""

import ast
import importlib.resources

import pytest
from bgem3 import _core

STUB = ast.parse((importlib.resources.files("bgem3") / "_core.pyi").read_text("utf-8"))
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}
METHODS = [(name, node) for name, kind in CLASSES.items() for node in kind.body if isinstance(node, ast.FunctionDef)]

Signature = list[tuple[str, str | None]]


def stub_signature(node: ast.FunctionDef) -> Signature:
    """Name and default of each parameter."""
    given = node.args
    defaults = [None] * (len(given.args) - len(given.defaults)) + given.defaults
    pairs = [*zip(given.args, defaults), *zip(given.kwonlyargs, given.kw_defaults)]
    return [(argument.arg, default and ast.unparse(default)) for argument, default in pairs]


def told_signature(doc: str) -> Signature:
    """The same from pybind11's first line, `name(self: bgem3._core.Kind, text: str, *, limit: int = 0) -> None`."""
    node = ast.parse(f"def {doc.splitlines()[0]}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return stub_signature(node)


def test_everything_public_is_in_the_stub():
    public = {name for name in vars(_core) if not name.startswith("_")}
    functions = {node.name for node in STUB.body if isinstance(node, ast.FunctionDef)}
    assert public == CLASSES.keys() | functions | {"version"}


@pytest.mark.parametrize("name", CLASSES)
def test_members(name):
    members = {member for member in vars(getattr(_core, name)) if not member.startswith("_")}
    assert members == {method.name for kind, method in METHODS if kind == name and not method.name.startswith("_")}


@pytest.mark.parametrize("kind, method", METHODS, ids=lambda value: getattr(value, "name", value))
def test_signature(kind, method):
    member = getattr(getattr(_core, kind), method.name)
    if isinstance(member, property):
        assert any(ast.unparse(decorator) == "property" for decorator in method.decorator_list)
        return
    assert stub_signature(method) == told_signature(member.__doc__)
