import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from core import clients, store, usage
from core.events import Event
from core.folders import folder_of, invoice_of, month_of, stamp_of
from core.intake import MIRROR, Intake
from tests.core.contents import VAULT, open_by_sql, opened

CDR_HEADER = "Ligne;Date;Type;Durée (s);Volume (Ko);Montant HT;Client;Hors forfait"
STATUS_HEADER = "Ligne;NSCE;IMSI;Statut;Client;Forfait"


class Telecom:
    """A data folder whose files are put there as the mirror would, then read."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.db: Database = store.open_to_write(data)
        open_by_sql(self.db.conn)
        self.intake = Intake(self.db, data, vault=VAULT)
        self._seen = 0

    def put(self, path: str, content: str | bytes) -> None:
        raw = content.encode() if isinstance(content, str) else content
        target = self.data / MIRROR / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        with self.db.atomic():
            self.db.execute(
                "INSERT INTO files (path, folder, size, stamp, sha256, as_of, state, fetched_clock) "
                "VALUES (?, ?, ?, '', ?, ?, 'fetched', ?) ON CONFLICT (path) DO UPDATE SET size = excluded.size, "
                "version = version + 1, state = 'fetched', sha256 = excluded.sha256",
                (path, folder_of(path), len(raw), hashlib.sha256(raw).hexdigest(), stamp_of(path), int(time.time())),
            )

    def read(self, *, with_waiting: bool = False) -> list[Event]:
        """Read what is pending; the events since the last call."""
        for file_id in self.intake.pending(retry_waiting=with_waiting):
            self.intake.read(file_id)
        rows = self.db.query("SELECT * FROM events WHERE id > ? ORDER BY id", (self._seen,))
        events = [Event(row["id"], row["kind"], "", json.loads(row["data"])) for row in rows]
        self._seen = max([self._seen, *(event.id for event in events)])
        return events

    def take(self, path: str, content: str | bytes) -> list[Event]:
        self.put(path, content)
        return self.read()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        ((value,),) = self.rows(sql, *values)
        return value

    @property
    def cdrs(self) -> int:
        return int(self.one("SELECT count(*) FROM cdrs"))

    def check_totals(self) -> None:
        """The totals are those that a recount of the rows gives."""
        month = "CAST(strftime('%Y%m', day * 86400, 'unixepoch') AS INTEGER)"
        sums = "count(*), sum(seconds), sum(bytes), sum(amount)"
        rows = "FROM cdrs JOIN natures ON natures.id = nature_id"
        for table, names, key, more in (
            (
                "usage_by_line",
                "source, month, line, client_id, kind, out_of_bundle",
                f"source, {month}, line, client_id, kind, out_of_bundle",
                ", max(start)",
            ),
            (
                "usage_by_day",
                "source, client_id, day, kind, out_of_bundle",
                "source, client_id, day, kind, out_of_bundle",
                "",
            ),
            ("usage_by_zone", "source, month, client_id, nature_id", f"source, {month}, client_id, nature_id", ""),
        ):
            recount = self.rows(f"SELECT {key}, {sums}{more} {rows} GROUP BY {key} ORDER BY {key}")
            assert self.rows(f"SELECT * FROM {table} ORDER BY {names}") == recount


@pytest.fixture
def telecom(tmp_path: Path) -> Telecom:
    return Telecom(tmp_path)


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def cdr_file(*rows: str) -> str:
    return "\n".join([CDR_HEADER, *rows, ""])


def status_file(*rows: str) -> str:
    return "\n".join([STATUS_HEADER, *rows, ""])


def cdr(line: int = 1, minute: int = 0, seconds: int = 60, amount: str = "0,10", month: int = 11) -> str:
    return f"063998{line:04d};24/{month}/2026 10:{minute:02d}:00;Voix;{seconds};;{amount};Dupont BTP;Oui"


FIRST, SECOND = "RatedCDRs/RatedCDRs_20261124_1000.csv", "RatedCDRs/RatedCDRs_20261124_1400.csv"


# -- CDRs


def test_the_rows_of_a_file_go_in_with_their_totals(telecom: Telecom) -> None:
    (event,) = telecom.take(FIRST, cdr_file(cdr(1, 0), cdr(1, 1), cdr(2, 2)))
    assert event.kind == "rated.arrived"
    assert event.data == {"rows": 3, "new": 3, "rejected": 0, "unknown_types": [], "replaced": False}
    assert telecom.rows("SELECT '0' || line, count, seconds, amount FROM usage_by_line") == [
        ("0639980001", 2, 120, 200_000),
        ("0639980002", 1, 60, 100_000),
    ]


def test_a_file_read_twice_counts_once(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(), cdr(2)))
    (event,) = telecom.take(FIRST, cdr_file(cdr(), cdr(2)))
    assert event.data["replaced"]
    assert telecom.cdrs == 2
    telecom.check_totals()


def test_the_same_file_under_another_name_counts_once(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(), cdr(2)))
    (event,) = telecom.take(SECOND, cdr_file(cdr(), cdr(2)))
    assert (event.data["rows"], event.data["new"]) == (2, 0)
    assert telecom.cdrs == 2
    telecom.check_totals()


def test_rows_of_a_cumulative_file_count_once(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(1, 0), cdr(1, 1)))
    (event,) = telecom.take(SECOND, cdr_file(cdr(1, 0), cdr(1, 1), cdr(1, 2)))
    assert event.data["new"] == 1
    assert telecom.cdrs == 3
    telecom.check_totals()


def test_two_identical_rows_in_one_file_count_twice(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(), cdr()))
    assert telecom.rows("SELECT count, seconds FROM usage_by_line") == [(2, 120)]
    telecom.take(SECOND, cdr_file(cdr(), cdr(), cdr()))
    assert telecom.rows("SELECT count, seconds FROM usage_by_line") == [(3, 180)]


def test_rated_and_billed_rows_are_counted_apart(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr()))
    (event,) = telecom.take("BilledCDRs/BilledCDRs_202611.csv", cdr_file(cdr()))
    assert (event.kind, event.data["new"]) == ("billed.arrived", 1)
    assert telecom.rows("SELECT source, count FROM usage_by_line") == [(0, 1), (1, 1)]


def test_rows_that_a_replaced_file_no_longer_holds_are_gone(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(1, 0), cdr(1, 1)))
    telecom.take(FIRST, cdr_file(cdr(1, 1), cdr(1, 2)))
    assert telecom.rows("SELECT (start / 60) % 60 FROM cdrs ORDER BY start") == [(1,), (2,)]
    telecom.check_totals()


def test_rows_that_another_file_also_holds_stay_when_the_first_is_replaced(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(1, 0), cdr(1, 1)))
    telecom.take(SECOND, cdr_file(cdr(1, 1), cdr(1, 2)))
    telecom.take(FIRST, cdr_file(cdr(1, 0)))
    assert telecom.rows("SELECT (start / 60) % 60 FROM cdrs ORDER BY start") == [(0,), (1,), (2,)]
    assert telecom.one("SELECT known_rows FROM files WHERE path = ?", SECOND) == 0
    telecom.check_totals()


def test_a_replaced_file_that_moves_to_another_month_leaves_nothing_behind(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(month=10)))
    telecom.take(FIRST, cdr_file(cdr(month=11)))
    assert telecom.rows("SELECT month, count FROM usage_by_line") == [(202611, 1)]


def test_a_replaced_file_that_is_now_empty_takes_its_rows_away(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr()))
    telecom.take(FIRST, CDR_HEADER + "\n")
    assert (telecom.cdrs, telecom.rows("SELECT * FROM usage_by_line")) == (0, [])


def test_a_row_that_was_cut_within_its_clients_name_is_the_whole_clients_once_the_file_is_whole(
    telecom: Telecom,
) -> None:
    header = "Ligne;Date;Type;Durée (s);Montant HT;Client"
    rows = (
        "0639980001;23/11/2026 10:00;Voix;60;0,10;DUPONT",
        "0639980002;23/11/2026 11:00;Voix;60;0,10;Hôtel du Modèle",
    )
    whole = "\n".join((header, *rows))
    telecom.take(FIRST, whole.removesuffix(" du Modèle"))
    telecom.take(SECOND, whole)
    telecom.take(FIRST, whole)
    assert telecom.rows("SELECT name, count FROM usage_by_line JOIN clients ON clients.id = client_id ORDER BY 1") == [
        ("DUPONT", 1),
        ("Hôtel du Modèle", 1),
    ]
    assert telecom.rows("SELECT name FROM clients ORDER BY 1") == [("DUPONT",), ("Hôtel du Modèle",)]
    telecom.check_totals()


def test_an_amount_that_no_row_has_stays_unknown(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(1, 0, amount=""), cdr(2, 0, amount="")))
    telecom.take(SECOND, cdr_file(cdr(1, 1, amount="")))
    assert telecom.rows("SELECT DISTINCT amount FROM usage_by_line") == [(None,)]
    telecom.take("RatedCDRs/RatedCDRs_20261124_1900.csv", cdr_file(cdr(1, 2, amount="0,10")))
    assert telecom.rows("SELECT amount FROM usage_by_line") == [(100_000,), (None,)]
    telecom.check_totals()


def test_rejected_rows_are_kept_and_told_with_the_first_line(telecom: Telecom) -> None:
    events = telecom.take(FIRST, cdr_file(cdr(), cdr().replace("0639980001", "3,3640E+10"), cdr(2), "x;y"))
    assert kinds(events) == ["rated.arrived", "file.rejects"]
    assert (events[1].data["count"], events[1].data["line"]) == (2, 3)
    assert telecom.rows("SELECT line FROM rejects") == [(3,), (5,)]
    assert telecom.cdrs == 2


def test_the_rejects_of_a_replaced_file_are_those_of_its_new_version(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr(), "x;y"))
    telecom.take(FIRST, cdr_file(cdr()))
    assert telecom.rows("SELECT * FROM rejects") == []


def test_an_unknown_type_is_told(telecom: Telecom) -> None:
    (event,) = telecom.take(FIRST, cdr_file(cdr().replace("Voix", "Fax")))
    assert event.data["unknown_types"] == ["Fax"]


amounts = st.sampled_from(["0,10", ""])
few_rows = st.builds(cdr, st.integers(1, 2), st.integers(0, 2), st.just(60), amounts, st.sampled_from([10, 11]))
rows_of_a_file = st.lists(few_rows, max_size=5)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([FIRST, SECOND, "RatedCDRs/c.csv"]), rows_of_a_file), max_size=7))
def test_after_any_deliveries_the_rows_are_those_of_the_present_files(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[str, list[str]]]
) -> None:
    telecom = Telecom(tmp_path_factory.mktemp("data"))
    for path, rows in deliveries:
        telecom.take(path, cdr_file(*rows))
    present = dict(deliveries).values()
    # A row counts as often as the file that holds it most often says.
    expected = {row: max(rows.count(row) for rows in present) for rows in present for row in rows}
    assert telecom.cdrs == sum(expected.values())
    telecom.check_totals()
    telecom.db.close()


# -- AccountStatus


def status_at(hour: int) -> str:
    return f"AccountStatus/AccountStatus_20261124_{hour:02d}0000.csv"


CARD, OTHER_CARD = "8933019900000000018", "8933019900000000026"
ACTIVE = f"0639980001;{CARD};208019900000001;Active;Dupont BTP;Pro 5 Go"


# -- Cards


SIMS = "NSCE;IMSI;Numéro;PIN1;PUK1\n"


def test_a_listing_of_cards_keeps_its_codes(telecom: Telecom) -> None:
    (event,) = telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", f"{SIMS}{CARD};1;0639980001;0042;00012345\n")
    assert (event.kind, event.data) == ("sims.arrived", {"cards": 1, "replaced": False})
    assert telecom.rows(f"SELECT iccid, {opened('sims', 'pin')}, {opened('sims', 'puk')} FROM sims") == [
        (CARD, "0042", "00012345")
    ]


def test_a_stock_row_of_account_status_does_not_erase_a_card_s_codes(telecom: Telecom) -> None:
    telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", f"{SIMS}{CARD};1;;0042;00012345\n")
    telecom.take(status_at(8), status_file(f";{CARD};;Disponible;;"))
    assert telecom.rows(f"SELECT {opened('sims', 'puk')}, status FROM sims") == [("00012345", "stock")]


def test_codes_stand_in_no_event(telecom: Telecom) -> None:
    telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", f"{SIMS}{CARD};1;;0042;00012345\n{CARD};1;;42;98765432\n")
    told = "".join(data for (data,) in telecom.rows("SELECT data FROM events"))
    assert "00012345" not in told
    assert "98765432" not in told


# -- Invoices and other files


@pytest.mark.parametrize(
    ("path", "side", "month", "client"),
    [
        ("Factures/Intégrateur/2026-10/Facture_Origyne_202610_FO2610-001.pdf", "operator", 202610, ""),
        ("Factures/Intégrateur/Facture octobre 2026.pdf", "operator", 202610, ""),
        ("Factures/Clients/2026-10/Facture_202610_Dupont BTP_FC2610-001.pdf", "client", 202610, "Dupont BTP"),
        ("Factures/Clients/Dupont BTP/2026-10.pdf", "client", 202610, "Dupont BTP"),
        ("Factures/Clients/2026/10/Dupont BTP.pdf", "client", 202610, "Dupont BTP"),
        ("Factures/Clients/10-2026/Facture - Café de l'Été.PDF", "client", 202610, "Café de l'Été"),
        ("Factures/Clients/Dupont BTP.pdf", "client", 0, "Dupont BTP"),
    ],
)
def test_the_path_of_an_invoice_tells_its_side_month_and_client(path: str, side: str, month: int, client: str) -> None:
    invoice = invoice_of(path)
    assert invoice is not None
    assert (invoice.side, invoice.month) == (side, month)
    assert invoice.client == client


@pytest.mark.parametrize("path", ["Factures/Clients/2026-10/liste.csv", "Documents/Facture.pdf", "Factures/x.pdf"])
def test_what_is_no_invoice_is_not_taken_for_one(path: str) -> None:
    assert invoice_of(path) is None


@pytest.mark.parametrize(
    ("path", "month"),
    [("a/24-11-2026.pdf", 202611), ("a/facture_20261124.pdf", 202611), ("a/2026_09.pdf", 202609), ("a/12345.pdf", 0),
     ("2026-09/août 2026.pdf", 202608), ("a/FO2610-001.pdf", 0)],
)  # fmt: skip
def test_the_month_nearest_to_the_file_counts(path: str, month: int) -> None:
    assert month_of(path) == month


def test_an_invoice_is_recorded_and_announced(telecom: Telecom) -> None:
    (event,) = telecom.take("Factures/Clients/2026-10/Facture_202610_Dupont BTP_FC2610-001.pdf", b"%PDF-1.7 one")
    assert event.kind == "invoice.client"
    assert event.data == {"month": 202610, "client": "Dupont BTP", "replaced": False}
    assert telecom.rows("SELECT side, month, client FROM invoices") == [("client", 202610, "Dupont BTP")]


def test_a_copy_of_an_invoice_is_not_announced_twice(telecom: Telecom) -> None:
    telecom.take("Factures/Intégrateur/2026-10/Facture.pdf", b"%PDF-1.7 same")
    assert telecom.take("Factures/Intégrateur/2026-10/Facture (copie).pdf", b"%PDF-1.7 same") == []


def test_a_replaced_invoice_is_announced_as_such(telecom: Telecom) -> None:
    telecom.take("Factures/Intégrateur/2026-10/Facture.pdf", b"%PDF-1.7 one")
    (event,) = telecom.take("Factures/Intégrateur/2026-10/Facture.pdf", b"%PDF-1.7 two")
    assert (event.kind, event.data["replaced"]) == ("invoice.operator", True)


@pytest.mark.parametrize(
    ("path", "announced"),
    [
        ("Documents/Kbis.pdf", ["document.arrived"]),
        ("Tables tarifaires/tarifs.xlsx", ["tariffs.arrived"]),
        ("Tables tarifaires/tarifs.csv", ["tariffs.arrived"]),
        ("Personnalisation/logo.png", []),
        ("Nouveau dossier/x.bin", ["other.arrived"]),
        ("lisez-moi.txt", ["other.arrived"]),
        ("RatedCDRs/notice.pdf", ["other.arrived"]),
    ],
)
def test_other_files_are_kept_and_announced_but_not_read(telecom: Telecom, path: str, announced: list[str]) -> None:
    assert kinds(telecom.take(path, b"\x00\x01")) == announced
    assert telecom.one("SELECT state FROM files") == "kept"


@pytest.mark.parametrize("path", ["ratedcdrs/a.csv", "RATED CDRS/a.csv", "Rated_CDRs/a.CSV", "RatedCDRs/2026/a.csv.gz"])
def test_a_folder_is_known_whatever_its_case(path: str) -> None:
    assert folder_of(path) == "rated_cdrs"


# -- Waiting, errors, transactions


def test_a_file_that_waits_is_announced_once(telecom: Telecom) -> None:
    (event,) = telecom.take(FIRST, "Abonné;Quand;Nature\n1;2;3\n")
    assert event.kind == "file.waiting"
    assert "layouts.toml" in event.data["reason"] or "en-tête" in event.data["reason"]
    assert telecom.read(with_waiting=True) == []
    assert telecom.read(with_waiting=True) == []
    assert telecom.one("SELECT state FROM files") == "waiting"


def test_a_file_that_waited_is_read_once_the_layouts_know_it(telecom: Telecom) -> None:
    header = CDR_HEADER.replace("Ligne", "Abonné")
    telecom.take(FIRST, f"{header}\n{cdr()}\n")
    (telecom.data / "layouts.toml").write_text('[columns]\nmsisdn = ["abonné"]\n', "utf-8")
    telecom.intake = Intake(telecom.db, telecom.data, vault=VAULT)
    (event,) = telecom.read()
    assert (event.kind, event.data["rows"]) == ("rated.arrived", 1)
    assert telecom.rows("SELECT state, reason FROM files") == [("read", "")]


def test_a_file_that_waits_for_another_reason_is_announced_again(telecom: Telecom) -> None:
    telecom.take(FIRST, "Abonné;Quand\n1;2\n")
    assert kinds(telecom.take(FIRST, "Ligne;Type;Durée (s)\n1;2;3\n")) == ["file.waiting"]


def test_a_replacement_that_cannot_be_read_leaves_the_former_rows(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr()))
    assert kinds(telecom.take(FIRST, "illisible")) == ["file.waiting"]
    assert telecom.cdrs == 1
    telecom.check_totals()
    telecom.take(FIRST, cdr_file(cdr(2), cdr(3)))
    assert telecom.cdrs == 2


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (FIRST, cdr_file(cdr(), "x;y", cdr(2))),
        (status_at(8), status_file(ACTIVE, "x")),
        ("Cartes SIM/SIM_20261120_CMD0001.csv", f"{SIMS}{CARD};1;;0042;00012345\nx\n"),
    ],
)
def test_an_error_in_the_middle_of_a_file_leaves_nothing_of_it(
    telecom: Telecom, monkeypatch: pytest.MonkeyPatch, path: str, content: str
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("0639980001")

    monkeypatch.setattr(telecom.intake, "_report_rejects", fail)
    (event,) = telecom.take(path, content)
    assert event.kind == "file.waiting"
    assert event.data == {"reason": "lecture impossible (KeyError)"}
    for table in ("cdrs", "usage_by_line", "lines", "sims", "clients", "rejects", "line_changes"):
        assert telecom.rows(f"SELECT * FROM {table}") == [], table
    monkeypatch.undo()
    assert "file.rejects" in kinds(telecom.read(with_waiting=True))


def test_an_error_of_ours_is_logged_without_its_words(
    telecom: Telecom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("00012345")

    monkeypatch.setattr(telecom.intake, "_upsert_sim", fail)
    telecom.take("Cartes SIM/SIM_20261120_CMD0001.csv", f"{SIMS}{CARD};1;;0042;00012345\n")
    assert "KeyError" in caplog.text
    assert "00012345" not in caplog.text


def test_one_bad_file_does_not_stop_the_others(telecom: Telecom) -> None:
    telecom.put(FIRST, "illisible")
    telecom.put(SECOND, cdr_file(cdr()))
    assert kinds(telecom.read()) == ["file.waiting", "rated.arrived"]


def test_a_copy_that_is_gone_does_not_stop_the_others(telecom: Telecom) -> None:
    telecom.put(FIRST, cdr_file(cdr()))
    (telecom.data / MIRROR / FIRST).unlink()
    telecom.put(SECOND, cdr_file(cdr(2)))
    assert kinds(telecom.read()) == ["rated.arrived"]
    assert telecom.one("SELECT state FROM files WHERE path = ?", FIRST) == "fetched"


def test_enormous_values_cannot_overflow_the_totals(telecom: Telecom) -> None:
    largest = f"{10**15};{10**15 // 1024 // 2};{10**9}"
    telecom.take(FIRST, cdr_file(*(f"0639980001;24/11/2026 10:{n:02d}:00;Voix;{largest};X;Non" for n in range(60))))
    assert telecom.cdrs == 60
    telecom.check_totals()


# -- What the questions read


def test_rows_without_client_count_for_the_line_s_present_one(telecom: Telecom) -> None:
    telecom.take(status_at(8), status_file(ACTIVE))
    telecom.take(FIRST, cdr_file(cdr(1).replace("Dupont BTP", "")))
    (client,) = clients.find(telecom.db, "dupont").clients
    (total,) = usage.of_client(telecom.db, client, 202611, usage.RATED)
    assert (total.kind, total.count, total.seconds, total.amount) == ("voice", 1, 60, 100_000)


def test_the_billed_month_counts_once_it_came(telecom: Telecom) -> None:
    telecom.take(FIRST, cdr_file(cdr()))
    assert usage.source_of(telecom.db, 202611) == usage.RATED
    telecom.take("BilledCDRs/BilledCDRs_202611.csv", cdr_file(cdr()))
    assert usage.source_of(telecom.db, 202611) == usage.BILLED
