import gzip
import io
import re
import tomllib
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from bot import layout_command
from bot.cli import main
from core.inspection import inspect
from core.layouts import Layouts

FILES = Path(__file__).parents[1] / "corpus" / "files"
SAMPLES = sorted(path for path in FILES.iterdir() if path.suffix not in (".toml", "") and path.name[0] != ".")
HEADER = "Ligne;Date;Type;Durée (s)"
ROW = "0639980001;24/11/2026 10:00:00;Voix;60"

#: What a person uncomments: a line of TOML, and not a remark.
LINE = re.compile(r"^# (?=(?:\w+|\"(?:[^\"\\]|\\.)*\") = )", re.MULTILINE)


@dataclass
class Said:
    status: int
    out: str
    err: str


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and nothing else of the settings."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("ORIGYNE_OPERATOR_NAME", "ORIGYNE_DATA"):
        monkeypatch.delenv(name, raising=False)
    return folder


def check(*files: str, folder: str | None = None, width: int = 0) -> Said:
    return _run(layout_command.check, Namespace(files=list(files), folder=folder), width)


def suggest(file: str, folder: str | None = None) -> Said:
    return _run(layout_command.suggest, Namespace(file=file, folder=folder), 0)


def _run(command: object, options: Namespace, width: int) -> Said:
    """`width`: of a terminal; 0 when the output is no terminal."""
    out, err = (
        Console(file=io.StringIO(), width=width or 80, force_terminal=bool(width), color_system=None, soft_wrap=True)
        for _ in range(2)
    )
    assert callable(command)
    status = command(options, out, err)
    texts = [console.file.getvalue() for console in (out, err)]  # type: ignore[attr-defined]
    return Said(status, *texts)


def write(path: Path, content: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return str(path)


# -- Which file


def test_a_file_of_this_machine_is_read_without_settings(data: Path) -> None:
    said = check(str(FILES / "status_tab.txt"))
    assert said.status == 0
    for words in ("AccountStatus", "UTF-8", "tabulation", "ligne 1", "4 rangées lues", "suspendue par l'opérateur"):
        assert words in said.out


@pytest.mark.parametrize("name", ["RatedCDRs/x.csv", "/RatedCDRs/x.csv"])
def test_a_path_of_the_ftp_means_the_mirror_s_copy(data: Path, name: str) -> None:
    write(data / "ftp" / "RatedCDRs" / "x.csv", f"{HEADER}\n{ROW}\n")
    said = check(name)
    assert (said.status, said.err) == (0, "")
    assert "copie du FTP" in said.out
    assert "RatedCDRs" in said.out


def test_a_copy_that_is_kept_compressed_is_read_too(data: Path) -> None:
    kept = data / "kept" / "RatedCDRs" / "x.csv.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode()))
    assert "1 rangée lue, aucune de côté" in check("RatedCDRs/x.csv").out


@pytest.mark.parametrize("name", ["RatedCDRs/absent.csv", "../../etc/absent", "absent.csv", ""])
@pytest.mark.parametrize("command", [check, suggest])
def test_a_file_that_does_not_exist_is_said_so(data: Path, name: str, command: object) -> None:
    assert callable(command)
    said = command(name)
    assert said.status == 1
    assert "n'existe ni ici" in said.err or "est un dossier" in said.err


def test_a_folder_that_is_none_of_the_operator_s_is_refused(data: Path) -> None:
    said = check(str(FILES / "status_tab.txt"), folder="Factures")
    assert said.status == 1
    assert "RatedCDRs, BilledCDRs, AccountStatus, Cartes SIM" in said.err


def test_the_folder_can_be_told(data: Path) -> None:
    assert "colonne introuvable" in check(str(FILES / "status_tab.txt"), folder="cartes sim").out


def test_several_files_are_whole_only_if_each_is(data: Path) -> None:
    whole, spoilt = write(data / "a.csv", f"{HEADER}\n{ROW}\n"), write(data / "b.csv", f"{HEADER}\n{ROW};7\n")
    assert [check(whole).status, check(spoilt).status, check(whole, spoilt).status] == [0, 1, 1]
    said = check("absent.csv", whole)
    assert said.status == 1
    assert "1 rangée lue" in said.out


def test_the_user_s_layouts_apply(data: Path) -> None:
    name = write(data / "x.csv", f"{HEADER.replace('Ligne', 'Zzz')}\n{ROW}\n")
    assert check(name).status == 1
    write(data / "layouts.toml", '[columns]\nmsisdn = ["zzz"]\n')
    assert check(name).status == 0


@pytest.mark.parametrize("command", [check, suggest])
def test_layouts_that_cannot_be_used_are_said_so(data: Path, command: object) -> None:
    write(data / "layouts.toml", "[columns\n")
    assert callable(command)
    said = command(write(data / "x.csv", f"{HEADER}\n{ROW}\n"))
    assert said.status == 2
    assert "layouts.toml" in said.err


def test_the_command_line_has_both(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = write(data / "x.csv", f"{HEADER}\n{ROW}\n")
    for action in ("check", "suggest"):
        with pytest.raises(SystemExit) as ended:
            main(["layout", action, name, "--folder", "RatedCDRs"])
        assert ended.value.code == 0
    assert "Rien à compléter" in capsys.readouterr().out


# -- What check shows


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("width", [0, 40, 80, 200])
def test_any_file_fits_any_terminal(data: Path, path: Path, width: int) -> None:
    said = check(str(path), width=width)
    assert said.err == ""
    _, colon, tables = said.out.split("\nLecture\n")[0].partition("\nColonnes")
    if width and colon:
        assert max(map(len, tables.splitlines())) <= width


def test_what_is_no_terminal_gets_lines_that_nothing_cuts(data: Path) -> None:
    name = write(data / "x.csv", f"{HEADER};Destination\n{ROW};{'Royaume' * 4}\n")
    assert "Royaume" * 4 in check(name).out


def test_the_first_rows_are_shown_in_french_form(data: Path) -> None:
    name = write(
        data / "x.csv",
        "Ligne;Date UTC;Type;Appelé;Durée (s);Volume (Ko);Montant HT;HF\n"
        "33639980001;2026-11-24 09:00:00;voice;0639985001;125;2048;0,0125;oui\n",
    )
    said = check(name)
    for words in (
        "06 39 98 00 01",
        "24/11/2026 10:00:00",
        "Voix (voice)",
        "06 39 98 XX XX",
        "2 min 05 s",
        "2,0 Mo",
        "0,0125 €",
        "hors forfait",
    ):
        assert words in said.out.replace("\u00a0", " ")


@pytest.mark.parametrize("path", [path for path in SAMPLES if path.name.startswith("sims")], ids=lambda path: path.name)
def test_no_code_of_a_card_reaches_the_screen(data: Path, path: Path) -> None:
    said = check(str(path)).out + suggest(str(path)).out
    for word in re.findall(r"(?<![\d•])\d{8}(?!\d)|(?<=[;|,\t])\d{4}(?=[;|,\t])", path.read_text("latin-1")):
        assert not re.search(rf"(?<![\d]){word}(?!\d)", said)


def test_markup_in_a_file_is_text(data: Path) -> None:
    name = write(data / "x.csv", f"{HEADER};Client;[red]x[/red]\n{ROW};[bold]A[/bold];[/]\n")
    said = check(name)
    assert "[bold]A[/bold]" in said.out
    assert "[red]x[/red]" in said.out


# -- What suggest prints


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_what_is_suggested_for_any_file_is_sound_even_all_uncommented(data: Path, path: Path) -> None:
    said = suggest(str(path)).out
    for text in (said, LINE.sub("", said)):
        write(data / "layouts.toml", text)
        Layouts.load(data)


UNKNOWN = (
    "Abonné|Quand|Vers|Genre|Chrono|Trafic|Prix HT\n"
    "0639980001|24/11/2026 08:00:00|0639985701|Voix|60||0,03\n"
    "0639980002|24/11/2026 08:01:00||Data||300|0,00\n"
)


def test_the_unit_is_left_to_the_user(data: Path) -> None:
    block = suggest(write(data / "x.csv", UNKNOWN)).out
    assert "stated" in tomllib.loads(block)
    assert tomllib.loads(block)["stated"] == {}
    assert re.search(r'^# "Chrono" = "s"   # s, min ou ms \? à confirmer auprès de l\'opérateur', block, re.MULTILINE)


def test_a_suggested_block_once_uncommented_lets_the_file_in(data: Path) -> None:
    name = write(data / "x.csv", UNKNOWN)
    assert check(name).status == 1
    write(data / "layouts.toml", LINE.sub("", suggest(name).out))
    said = check(name)
    assert (said.status, "2 rangées lues, aucune de côté" in said.out) == (0, True)
    found = inspect(UNKNOWN.encode(), Layouts.load(data))
    assert [(cdr.seconds, cdr.bytes) for cdr in found.cdrs] == [(60, 0), (0, 300 * 1024)]
    assert "Rien à compléter" in suggest(name).out


@pytest.mark.parametrize(
    ("folder", "content"),
    [
        ("RatedCDRs", "Abonné;Quand;Genre;Chrono (s)\n0639980001;24/11/2026 08:00:00;Voix;60\n"),
        ("RatedCDRs", "N° d'abonné;Jour;Heure;Genre;Temps_min\n0639980001;24/11/2026;08:00:00;Voix;6\n"),
        ("RatedCDRs", "Ligne;Date;Type;Durée\n0639980001;24/11/2026 08:00:00;Voix;60\n"),
        ("RatedCDRs", "Ligne;Date;Type;Durée de l'appel\n0639980001;24/11/2026 08:00:00;Voix;60\n"),
        ("BilledCDRs", "Ligne;Date;Type;Conso\n0639980001;24/11/2026 08:00:00;Voix;60\n"),
        ("RatedCDRs", "Ligne;Date;Type;Volume (jetons)\n0639980001;24/11/2026 08:00:00;Data;60\n"),
        ("AccountStatus", "GSM abonné,Situation\n0639980001,Active\n0639980002,Suspendue\n"),
        ("Cartes SIM", 'Puce;"Code ""déblocage"""\n8933019900000000018;00012345\n'),
    ],
)
def test_blocks_for_many_headers_let_the_file_in(data: Path, folder: str, content: str) -> None:
    name = write(data / "ftp" / folder / "x.csv", content)
    assert check(name).status == 1
    write(data / "layouts.toml", LINE.sub("", suggest(name).out))
    assert check(name).status == 0


def test_a_file_without_header_gets_a_block_whose_blanks_the_user_fills(data: Path) -> None:
    name = write(data / "ftp" / "RatedCDRs" / "x.csv", f"{ROW};zz\n{ROW};yy\n")
    said = suggest(name).out
    (block,) = tomllib.loads(said)["headerless"]
    assert block == {"folder": "RatedCDRs", "columns": ["msisdn", "date", "type", "", ""]}
    own = LINE.sub("", said).replace('  "",   # colonne 4', '  "duree",   # colonne 4')
    write(data / "layouts.toml", own)
    assert check(name).status == 0
    assert "sans en-tête" in check(name).out


def test_tables_that_the_user_has_already_are_not_repeated(data: Path) -> None:
    own = '[columns]\nclient = ["acheteur"]\n\n[stated]\n"laps" = "s"\n'
    write(data / "layouts.toml", own)
    name = write(data / "x.csv", UNKNOWN.replace("Abonné", "Titulaire (client)").replace("Vers", "Abonné"))
    said = suggest(name).out
    assert "[columns]\n" not in said
    assert "# À mettre sous [columns], qui est déjà dans layouts.toml :" in said
    assert "# À mettre sous [stated], qui est déjà dans layouts.toml :" in said


def test_a_line_that_the_user_has_already_is_completed(data: Path) -> None:
    write(data / "layouts.toml", '[columns]\nstart = ["moment"]\n')
    said = suggest(write(data / "x.csv", UNKNOWN)).out
    assert 'start = ["moment", "Quand"]' in said
    assert "remplace la ligne start déjà écrite" in said


def test_what_is_no_table_gets_no_block(data: Path) -> None:
    said = suggest(write(data / "x.csv", "Bonjour\n"))
    assert (said.status, said.out) == (1, "")
    assert "en-tête" in said.err
