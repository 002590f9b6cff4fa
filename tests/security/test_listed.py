"""Every attack is listed in README.md, a line each, and nothing is listed that is not tried."""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent


def tried(path: Path) -> list[str]:
    return [
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]


def listed() -> dict[str, list[str]]:
    """The tests of each file, in the order of the table."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## .*`(test_\w+\.py)`", line):
            found[heading[1]] = []
        elif row := re.match(r"\| [^|]+ \| [^|]+ \| `(test_\w+)` \|$", line):
            found[list(found)[-1]].append(row[1])
    return found


def test_every_attack_is_listed_where_it_is_tried() -> None:
    assert listed() == {path.name: tried(path) for path in sorted(FOLDER.glob("test_*.py"))}


def test_there_are_as_many_attacks_as_were_promised() -> None:
    others = {"test_rights.py", Path(__file__).name}
    assert sum(len(names) for file, names in listed().items() if file not in others) >= 45
