"""The synthetic operator writes what the card says, and knows the truth of what it wrote."""

import asyncio
import csv
import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aioftp
import pytest
from PIL import Image
from pypdf import PdfReader

from bot.sandbox import pictures
from bot.sandbox.documents import euros
from bot.sandbox.ftpserver import SandboxFtp
from bot.sandbox.operator import ACTIVE, FOLDERS, SUSPENDED, Operator
from bot.sandbox.traffic import PARIS, Usage

TODAY = date(2026, 11, 24)
DESTROYED = "3,3640E+10"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """A whole tree, that no test changes."""
    operator = Operator(tmp_path_factory.mktemp("operator"), TODAY)
    operator.fill()
    return operator


@pytest.fixture
def small(tmp_path: Path) -> Operator:
    """A small operator of the test's own, whose tree is filled."""
    operator = Operator(tmp_path / "ftp", TODAY, lines=24, clients=3, months=2)
    operator.fill()
    return operator


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def french_rows(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("cp1252")
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def rated_rows(root: Path) -> Iterator[dict[str, str]]:
    for path in sorted((root / "RatedCDRs").iterdir()):
        yield from french_rows(path)


def billed_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


def text_of(path: Path) -> str:
    reader = PdfReader(path)
    assert len(reader.pages) == 1
    return reader.pages[0].extract_text()


# Reproducible


def test_the_same_seed_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        operator = Operator(tmp_path / name, TODAY, lines=24, clients=3, months=2)
        operator.fill()
        operator.deliver_rated(datetime(2026, 11, 24, 10))
        operator.deliver_sim_listing(datetime(2026, 11, 24, 10))
        trees.append(files(tmp_path / name))
    assert trees[0] == trees[1]


def test_another_seed_gives_other_calls(tmp_path: Path, small: Operator) -> None:
    other = Operator(tmp_path / "other", TODAY, seed=7, lines=24, clients=3, months=2)
    other.fill()
    assert other.cdrs != small.cdrs


# The tree


def test_every_file_stands_where_the_card_says(operator: Operator) -> None:
    folders = {str(path.relative_to(operator.root)) for path in operator.root.rglob("*") if path.is_dir()}
    months = {f"Factures/{side}/{month}" for side in ("Clients", "Intégrateur") for month in ("2026-09", "2026-10")}
    assert folders == {*FOLDERS, "Factures", *months}
    names = set(files(operator.root))
    assert {name.rsplit("/", 1)[0] for name in names} == folders - {
        "Factures",
        "Factures/Clients",
        "Factures/Intégrateur",
        "Personnalisation",
        "Tables tarifaires",
    }
    assert "AccountStatus/AccountStatus_20261124_080000.csv" in names
    assert "Factures/Clients/2026-10/Facture_202610_Dupont BTP_FC2610-001.pdf" in names
    assert {name for name in names if name.startswith("BilledCDRs")} == {
        "BilledCDRs/BilledCDRs_202609.csv",
        "BilledCDRs/BilledCDRs_202610.csv",
    }


def test_nothing_is_delivered_on_a_sunday_nor_outside_the_hours(operator: Operator) -> None:
    for folder in ("AccountStatus", "RatedCDRs"):
        for path in (operator.root / folder).iterdir():
            delivered = datetime.fromtimestamp(path.stat().st_mtime, PARIS)
            assert delivered.weekday() < 6
            assert 8 <= delivered.hour <= 20
            assert f"_{delivered:%Y%m%d_%H%M}" in path.name


def test_a_working_day_has_two_or_three_rated_files_and_an_hourly_status(operator: Operator) -> None:
    days: dict[str, int] = {}
    for path in (operator.root / "RatedCDRs").iterdir():
        day = path.name.split("_")[1]
        days[day] = days.get(day, 0) + 1
    assert set(days.values()) == {2, 3}
    statuses = sorted(path.name for path in (operator.root / "AccountStatus").iterdir())
    assert len(statuses) == 13 + 13 + 1
    assert statuses[0] == "AccountStatus_20261121_080000.csv"


def test_the_month_is_not_billed_before_its_end(tmp_path: Path) -> None:
    operator = Operator(tmp_path, date(2026, 11, 2), lines=10, clients=2, months=2)
    operator.fill()
    assert not list((tmp_path / "BilledCDRs").iterdir())


@pytest.mark.parametrize("today", [date(2026, 11, 1), date(2026, 3, 30), date(2027, 1, 1), date(2028, 2, 29)])
def test_any_day_of_the_year_can_be_today(tmp_path: Path, today: date) -> None:
    operator = Operator(tmp_path, today, lines=10, clients=2)
    operator.fill()
    assert list((tmp_path / "AccountStatus").iterdir())
    assert all(cdr.start.date() < today for cdr in operator.cdrs)


def test_a_tree_is_filled_once(small: Operator) -> None:
    with pytest.raises(RuntimeError):
        small.fill()


# What the files say


def test_the_accents_are_readable_as_cp1252(operator: Operator) -> None:
    row = french_rows(operator.root / "AccountStatus/AccountStatus_20261124_080000.csv")[0]
    assert list(row) == [
        "Date de l'état",
        "Client",
        "Numéro de ligne",
        "NSCE",
        "IMSI",
        "Statut",
        "Date activation",
        "Forfait",
        "RIO",
        "Options",
    ]
    clients = {row["Client"] for row in rated_rows(operator.root)}
    assert {"Garage de l'Étoile", 'Menuiserie "Le Chêne"', "Association L'Œuvre Inventée"} <= clients


def test_the_last_status_file_says_what_the_operator_knows(operator: Operator) -> None:
    rows = french_rows(operator.root / "AccountStatus/AccountStatus_20261124_080000.csv")
    said = [(row["Numéro de ligne"], row["Client"], row["NSCE"], row["IMSI"], row["Statut"]) for row in rows]
    assert said == [(line.msisdn, line.client, line.iccid, line.imsi, line.status) for line in operator.lines]


def test_the_first_line_is_an_active_one_of_dupont_btp(operator: Operator) -> None:
    line = operator.line("0639980001")
    assert (line.client, line.status) == ("Dupont BTP", ACTIVE)
    assert line.rio == "01E4K7P2QEM3"


def test_every_client_has_lines_and_every_status_word_occurs(operator: Operator) -> None:
    assert {line.client for line in operator.lines} == {client.name for client in operator.clients} | {""}
    assert {line.status for line in operator.lines} == {
        "Active",
        "Suspendue",
        "Suspended by the provider (anti-fraud)",
        "Résiliée",
        "Réservée",
        "Disponible",
    }


def test_a_few_lines_change_within_the_last_days(operator: Operator) -> None:
    paths = sorted((operator.root / "AccountStatus").iterdir())
    first, last = french_rows(paths[0]), french_rows(paths[-1])
    changed = [
        (before["Statut"], after["Statut"], before["NSCE"] == after["NSCE"])
        for before, after in zip(first, last, strict=True)
        if (before["Statut"], before["NSCE"]) != (after["Statut"], after["NSCE"])
    ]
    assert sorted(changed) == [
        ("Active", "Active", False),
        ("Active", "Suspendue", True),
        ("Active", "Suspendue", True),
        ("Réservée", "Active", True),
        ("Suspendue", "Active", True),
    ]


def test_every_rio_has_the_key_of_its_number(operator: Operator) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+"
    with_rio = [line for line in operator.lines if line.rio]
    assert len(with_rio) > 300
    for line in with_rio:
        values = [alphabet.index(sign) for sign in reversed(line.rio[:9] + line.msisdn)]
        # a = a + p, b = 2b + p, c = 4c + p, written as sums of powers.
        sums = (sum(value * factor**place for place, value in enumerate(values)) for factor in (1, 2, 4))
        assert line.rio[9:] == "".join(alphabet[total % 37] for total in sums)


def test_every_iccid_passes_luhn_and_every_imsi_has_fifteen_digits(operator: Operator) -> None:
    assert len({sim.iccid for sim in operator.sims}) == len(operator.sims) == 420
    for sim in operator.sims:
        digits = [int(sign) for sign in reversed(sim.iccid)]
        assert (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0
        assert len(sim.iccid) == 19
        assert sim.iccid.startswith("8933")
        assert len(sim.imsi) == 15
        assert sim.imsi.startswith("20801")


def test_every_card_of_a_line_is_in_a_listing_with_its_codes(operator: Operator) -> None:
    rows = [row for path in sorted((operator.root / "Cartes SIM").iterdir()) for row in french_rows(path)]
    assert {line.iccid for line in operator.lines} <= {row["NSCE"] for row in rows}
    assert [row["PUK1"] for row in rows] == [sim.puk1 for sim in operator.sims]
    assert any(row["PUK1"].startswith("0") for row in rows)
    assert all(len(row["PIN1"]) == len(row["PIN2"]) == 4 for row in rows)
    assert all(len(row["PUK1"]) == len(row["PUK2"]) == 8 for row in rows)


def test_usage_is_what_an_independent_count_of_the_rated_files_finds(operator: Operator) -> None:
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in rated_rows(operator.root):
        if row["Numéro appelant"] == DESTROYED:
            continue
        _, month, year = row["Date et heure"].split(" ")[0].split("/")
        sums = counted.setdefault((row["Client"], f"{year}-{month}"), {})
        for name, value in (
            (row["Type"], 1),
            ("seconds", int(row["Durée (s)"])),
            ("bytes", int(row["Volume (Ko)"] or 0) * 1024),
            ("amount", int(Decimal(row["Montant HT"].replace(",", ".")) * 1_000_000)),
        ):
            sums[name] = sums.get(name, 0) + value
    assert len(counted) == 12 * 3
    for (client, month), sums in counted.items():
        assert operator.usage(client, month) == Usage(
            voice_seconds=sums["seconds"],
            voice_count=sums["Voix"],
            sms_count=sums["SMS"],
            mms_count=sums.get("MMS", 0),
            data_count=sums["Data"],
            data_bytes=sums["bytes"],
            amount=sums["amount"],
        )


def test_the_billed_file_holds_the_same_calls_in_another_layout(operator: Operator) -> None:
    rows = billed_rows(operator.root / "BilledCDRs/BilledCDRs_202610.csv")
    assert all(row["calling"].startswith("+33639980") for row in rows)
    ours = [row for row in rows if row["customername"] == "Dupont BTP"]
    usage = operator.usage("Dupont BTP", "2026-10")
    assert sum(int(row["duration_secs"]) for row in ours) == usage.voice_seconds
    assert sum(int(row["Charged volume (octets)"]) for row in ours) == usage.data_bytes
    assert sum(Decimal(row["pricewithouttax"]) for row in ours) * 1_000_000 == usage.amount
    assert len(ours) == usage.voice_count + usage.sms_count + usage.mms_count + usage.data_count


def test_account_rows_and_a_grand_total_come_on_request(small: Operator) -> None:
    rows = billed_rows(small.deliver_billed("2026-10", with_account_rows=True))
    assert [row["servicetypename"] for row in rows if not row["calling"]] == ["abonnement", "abonnement", ""]
    *others, last = [Decimal(row["pricewithouttax"]) for row in rows]
    assert rows[-1]["customername"] == "TOTAL"
    assert sum(others) == last


def test_one_row_of_the_tree_lost_its_number_to_a_spreadsheet(operator: Operator) -> None:
    rows = list(rated_rows(operator.root))
    assert [row["Numéro appelant"] for row in rows].count(DESTROYED) == 1
    assert len(rows) == len(operator.cdrs) + 1


def test_the_tree_can_be_without_unreadable_rows(tmp_path: Path) -> None:
    operator = Operator(tmp_path, TODAY, lines=10, clients=2, months=1)
    operator.fill(unreadable=0)
    assert DESTROYED not in {row["Numéro appelant"] for row in rated_rows(tmp_path)}


def test_only_numbers_kept_for_fiction_are_called(operator: Operator) -> None:
    for cdr in operator.cdrs:
        assert cdr.caller.startswith("063998")
        assert cdr.called.startswith("063998") or cdr.called in ("", "888", "3179")


# PDFs and pictures


def test_the_invoices_open_and_show_their_number_and_total(operator: Operator) -> None:
    assert len(operator.invoices) == 2 * 13
    paths = {path.stem.rsplit("_", 1)[1]: path for path in (operator.root / "Factures").rglob("*.pdf")}
    for invoice in operator.invoices:
        text = text_of(paths[invoice.number])
        assert invoice.number in text
        assert euros(invoice.with_tax) in text
        assert invoice.buyer.name in text


def test_a_client_invoice_charges_what_is_out_of_bundle(operator: Operator) -> None:
    invoice = next(i for i in operator.invoices if i.number == "FC2610-001")
    millionths = operator.usage("Dupont BTP", "2026-10").amount
    assert invoice.items[-1].amount == round(Decimal(millionths) / 10_000)
    assert invoice.without_tax + invoice.tax == invoice.with_tax


def test_the_documents_say_that_they_are_specimens(operator: Operator) -> None:
    paths = list((operator.root / "Documents").iterdir())
    assert len(paths) == 2
    for path in paths:
        assert "SPÉCIMEN" in path.name
        assert "SPÉCIMEN" in text_of(path)


@pytest.mark.parametrize(("draw", "size"), [(pictures.logo, (95, 95)), (pictures.banner, (760, 95))])
def test_the_pictures_are_as_the_card_wants_them(draw: type, size: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(draw()))
    assert (image.format, image.size) == ("PNG", size)
    assert [round(density) for density in image.info["dpi"]] == [300, 300]


def test_a_picture_can_be_wrong_in_every_way() -> None:
    image = Image.open(io.BytesIO(pictures.logo(100, 90, dpi=72, kind="JPEG")))
    assert (image.format, image.size, image.info["dpi"]) == ("JPEG", (100, 90), (72, 72))
    assert "dpi" not in Image.open(io.BytesIO(pictures.logo(dpi=None))).info


# Deliveries


def test_a_change_of_a_line_is_in_the_next_status_file(small: Operator) -> None:
    spare = next(sim for sim in small.sims if not sim.msisdn)
    small.change_line("0639980001", status=SUSPENDED, iccid=spare.iccid)
    path = small.deliver_status(datetime(2026, 11, 24, 9))
    assert path.name == "AccountStatus_20261124_090000.csv"
    row = french_rows(path)[0]
    assert (row["Statut"], row["NSCE"], row["IMSI"]) == (SUSPENDED, spare.iccid, spare.imsi)


def test_a_reserved_line_that_is_activated_gets_its_date(small: Operator) -> None:
    small.change_line("0639980004", status=ACTIVE)
    row = french_rows(small.deliver_status(datetime(2026, 11, 24, 9)))[3]
    assert (row["Statut"], row["Date activation"]) == (ACTIVE, "24/11/2026")


def test_a_rated_delivery_follows_the_last_one_and_counts_in_usage(small: Operator) -> None:
    before = len(small.cdrs)
    path = small.deliver_rated(datetime(2026, 11, 24, 10), rows=30)
    second = small.deliver_rated(datetime(2026, 11, 24, 14), rows=5, unreadable=2)
    assert (path.name, second.name) == ("RatedCDRs_20261124_1000_01.csv", "RatedCDRs_20261124_1400_02.csv")
    assert (len(french_rows(path)), len(french_rows(second))) == (30, 7)
    new = small.cdrs[before:]
    assert len(new) == 35
    assert all(datetime(2026, 11, 23, 19, tzinfo=PARIS) <= cdr.start for cdr in new)
    assert all(cdr.start < datetime(2026, 11, 24, 14, tzinfo=PARIS) for cdr in new)


def test_a_moment_in_another_time_zone_is_written_in_paris_time(small: Operator) -> None:
    path = small.deliver_status(datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert path.name == "AccountStatus_20261124_100000.csv"


def test_a_new_order_of_cards_has_the_next_number(small: Operator) -> None:
    path = small.deliver_sim_listing(datetime(2026, 11, 24, 10), count=4)
    assert path.name == "SIM_20261124_CMD0004.csv"
    assert [row["NSCE"] for row in french_rows(path)] == [sim.iccid for sim in small.sims[-4:]]


def test_a_file_appears_under_its_name_by_renaming_only(small: Operator) -> None:
    opened, renamed = watch_files(small.root)
    at = datetime(2026, 11, 24, 10)
    delivered = [
        small.deliver_status(at),
        small.deliver_rated(at),
        small.deliver_billed("2026-11"),
        small.deliver_operator_invoice("2026-11"),
        *small.deliver_client_invoices("2026-11"),
        small.deliver_sim_listing(at),
    ]
    names = [str(path) for path in delivered]
    assert renamed == [(f"{name}.tmp", name) for name in names]
    assert opened == [f"{name}.tmp" for name in names]
    assert not list(small.root.rglob("*.tmp"))


def watch_files(root: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """What is opened for writing and what is renamed below a folder, from now on."""
    opened: list[str] = []
    renamed: list[tuple[str, str]] = []

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and str(args[0]).startswith(str(root)) and isinstance(args[2], int):
            if args[2] & (os.O_WRONLY | os.O_RDWR):
                opened.append(str(args[0]))
        elif event == "os.rename" and str(args[0]).startswith(str(root)):
            renamed.append((str(args[0]), str(args[1])))

    sys.addaudithook(hook)  # for the life of the process: the folder is this test's alone
    return opened, renamed


def test_a_delivery_bears_the_time_of_its_moment(small: Operator) -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=PARIS)
    assert small.deliver_status(at).stat().st_mtime == at.timestamp()
    # Billed before its end, the month bears the time of the last delivery.
    assert small.deliver_billed("2026-11").stat().st_mtime == at.timestamp()


@pytest.mark.parametrize("month", ["202610", "2026-1", "octobre"])
def test_a_month_is_written_in_one_way(small: Operator, month: str) -> None:
    with pytest.raises(ValueError, match="2026-10"):
        small.usage("Dupont BTP", month)


# The FTP server


async def test_the_ftp_server_serves_a_path_with_accents(operator: Operator) -> None:
    async with (
        SandboxFtp(operator.root, "demo", "s3cret") as ftp,
        aioftp.Client.context(ftp.host, ftp.port, "demo", "s3cret") as client,
    ):
        folder = "/Factures/Intégrateur/2026-10"
        (path, facts), *others = await client.list(folder, raw_command="MLSD")
        assert not others
        assert path.name == "Facture_Origyne_202610_FO2610-001.pdf"
        async with client.download_stream(f"{folder}/{path.name}") as stream:
            content = await stream.read()
    expected = operator.root / folder[1:] / path.name
    assert content == expected.read_bytes()
    assert int(facts["size"]) == len(content)
    modified = datetime.strptime(facts["modify"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    assert modified == datetime.fromtimestamp(expected.stat().st_mtime, UTC)


async def test_the_ftp_server_refuses_another_password(tmp_path: Path) -> None:
    async with SandboxFtp(tmp_path, "demo", "s3cret") as ftp:
        with pytest.raises(aioftp.StatusCodeError):
            async with aioftp.Client.context(ftp.host, ftp.port, "demo", "other"):
                pass


async def test_an_upload_can_be_renamed_over_the_former_file(tmp_path: Path) -> None:
    (tmp_path / "Personnalisation").mkdir()
    (tmp_path / "Personnalisation/logo.png").write_bytes(b"former")
    async with (
        SandboxFtp(tmp_path, "demo", "s3cret") as ftp,
        aioftp.Client.context(ftp.host, ftp.port, "demo", "s3cret") as client,
    ):
        async with client.upload_stream("/Personnalisation/logo.png.part") as stream:
            await stream.write(pictures.logo())
        await client.rename("/Personnalisation/logo.png.part", "/Personnalisation/logo.png")
    assert files(tmp_path) == {"Personnalisation/logo.png": pictures.logo()}


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/../outside.txt", "//../outside.txt", "link/outside.txt", "a/../../outside.txt"]
)
async def test_no_path_leaves_the_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (root / "link").symlink_to(tmp_path)
    async with (
        SandboxFtp(root, "demo", "s3cret") as ftp,
        aioftp.Client.context(ftp.host, ftp.port, "demo", "s3cret") as client,
    ):
        await client.command(f"MLST {path}", ("2xx", "5xx"))
        with pytest.raises(aioftp.StatusCodeError):
            async with client.download_stream(path) as stream:
                await stream.read()
    assert (tmp_path / "outside.txt").read_text() == "secret"


async def test_a_waiting_client_does_not_keep_the_server_from_closing(tmp_path: Path) -> None:
    client = aioftp.Client()
    async with asyncio.timeout(5):
        async with SandboxFtp(tmp_path, "demo", "s3cret") as ftp:
            await client.connect(ftp.host, ftp.port)
            await client.login("demo", "s3cret")
        client.close()


def test_calls_fall_in_no_hour_that_the_clock_change_skips(tmp_path: Path) -> None:
    operator = Operator(tmp_path, date(2026, 3, 28), lines=24, clients=3, months=1)
    operator.fill()
    operator.deliver_rated(datetime(2026, 3, 28, 19), rows=1)
    operator.deliver_rated(datetime(2026, 3, 29, 12), rows=2000)
    for cdr in operator.cdrs:
        assert cdr.start.astimezone(UTC).astimezone(PARIS) - cdr.start == timedelta()
        assert (cdr.start.date(), cdr.start.hour) != (date(2026, 3, 29), 2)
