"""What the README says exists."""

import re
import tomllib
from pathlib import Path

import pytest

from bot import __version__
from bot.cli import main
from handlers import registry

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text("utf-8")


def commands_table() -> str:
    """The README's table of commands, from their own declarations."""
    rows = ["| command | what for | who |", "|---|---|---|"]
    for command in registry.commands():
        who = ", ".join(sorted(command.roles))
        rows.append(f"| `/{command.usage}` | {command.summary} | {who} |")
    return "\n".join(rows)


def test_the_table_of_commands_is_that_of_the_declarations() -> None:
    found = re.search(r"<!-- commands -->\n(.*?)\n<!-- /commands -->", README, re.DOTALL)
    assert found
    assert found[1] == commands_table()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(?:`|^)origyne-bot ([a-z]+)", README, re.MULTILINE))))
def test_each_command_line_of_the_readme_exists(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)", README))))
def test_each_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:core|handlers|bot|tests|\.ci)/[\w./]*)`", README))))
def test_each_file_that_the_readme_names_is_there(path: str) -> None:
    assert (TOP / path).exists()


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[<>=\[ ]", requirement)[0] for group in groups for requirement in group}
    table = README.split("## Dependencies")[1].split("\n## ")[0]
    missing = {name for name in names if name.removeprefix("pytest-") not in table}
    assert not missing


def test_the_versions_agree() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__
