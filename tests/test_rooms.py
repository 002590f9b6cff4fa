"""Which room may import which, and what stays out of the chat's process."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ROOMS = ("core", "handlers", "bot")
MAY_IMPORT = {"core": {"core"}, "handlers": {"handlers", "core"}, "bot": {"bot", "handlers", "core"}}

#: Loaded by the sync worker and the workshop alone: what it costs would make chat answers slow.
HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "xlsxwriter",
    "matplotlib",
    "openpyxl",
    "docx",
    "fpdf",
    "rapidocr",
    "cv2",
    "onnxruntime",
)
WORKER_SIDE = ("core/readers/", "core/delta.py", "core/traffic.py", "core/export")
#: These import it in functions, which are run in the workshop.
WORKSHOP_SIDE = (
    "core/charts.py",
    "core/workbook.py",
    "core/rio_list",
    "core/rio_model.py",
    "core/marketing",
    "core/mentions",
    "core/banner.py",
    "core/preview.py",
)
#: Processes of their own.
SANDBOX_SIDE = "bot/sandbox"


def modules(room: str) -> list[Path]:
    return sorted((TOP / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, at its top or in a function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = ".".join(path.relative_to(TOP).parts[: -node.level]) if node.level else ""
            yield ".".join(filter(None, [inside, node.module]))


def own(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in (*ROOMS, "tests")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    wrong = [
        f"{path.relative_to(TOP)}: {name}"
        for path in modules(room)
        for name in imported(path)
        if own(name) and name.split(".")[0] not in MAY_IMPORT[room]
    ]
    assert modules(room)
    assert wrong == []


def test_what_is_heavy_is_imported_for_the_worker_and_the_workshop_alone() -> None:
    importing = {
        str(path.relative_to(TOP))
        for room in ROOMS
        for path in modules(room)
        if any(name.split(".")[0] in HEAVY for name in imported(path))
    }
    assert importing
    assert {path for path in importing if not path.startswith((*WORKER_SIDE, *WORKSHOP_SIDE, SANDBOX_SIDE))} == set()


# The service is started by bot.cli, which loads the core first.
@pytest.mark.parametrize("modules", ["handlers.registry", "bot.cli, bot.service", "bot.cli, bot.terminal"])
def test_what_answers_people_does_not_load_it(modules: str) -> None:
    program = f"import sys, {modules}; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["core.charts", "core.books"])
def test_a_work_of_the_workshop_is_named_without_loading_what_it_needs(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_reading_a_file_loads_pyarrow() -> None:
    program = (
        "import sys\nfrom core.layouts import Layouts\nfrom core.readers.sims import read_sims\n"
        "read_sims(b'NSCE;PUK\\n8933019900000000018;00012345', Layouts.load())\nprint('pyarrow' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "True"


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    names = {path for room in (*ROOMS, "tests") for path in (TOP / room).rglob("*") if path.stem.lower() in vague}
    assert names == set()


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_begins_by_saying_what_it_is(room: str) -> None:
    silent = [path for path in modules(room) if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == [TOP / "bot" / "__main__.py"] * (TOP / "bot" / "__main__.py" in silent)
