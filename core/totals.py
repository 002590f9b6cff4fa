"""The totals of CDRs, at the three grains of the store, as SQL: what each row counts, and what rows counted that were
erased on demand."""

from dataclasses import dataclass

#: The month (YYYYMM) of a row's day.
MONTH = "CAST(strftime('%Y%m', day * 86400, 'unixepoch') AS INTEGER)"


@dataclass(frozen=True)
class Grain:
    """A table of totals: its key, and what it sums up. `erased`: the table of the rows erased on demand, which count
    in it though they are no more."""

    table: str
    erased: str
    keys: str
    sums: str

    def rows(self, where: str, natures: str = "natures") -> str:
        """A query of CDRs as they count here, not yet summed up."""
        keys = self.keys.replace("month", f"{MONTH} AS month")
        values = "1 AS count, seconds, bytes, amount" + (", start AS last_start" if self.table == BY_LINE else "")
        return f"SELECT {keys}, {values} FROM cdrs JOIN {natures} ON natures.id = nature_id WHERE {where}"

    def summed(self, rows: str) -> str:
        """A query that sums up such rows; an amount is NULL when none is given."""
        sums = ", ".join(f"max({name})" if name == "last_start" else f"sum({name})" for name in self.sums.split(", "))
        return f"SELECT {self.keys}, {sums} FROM ({rows}) GROUP BY {self.keys}"

    def taken(self, table: str, where: str) -> str:
        """A query of rows of a table of totals, this one or that of what was erased."""
        return f"SELECT {self.keys}, {self.sums} FROM {table} WHERE {where}"

    def of_range(self) -> str:
        """A condition on `:source`, and on the months and days from `:first` and `:first_day` to `:last` and
        `:last_day`."""
        return "source = :source AND " + (
            "day BETWEEN :first_day AND :last_day" if self.table == BY_DAY else "month BETWEEN :first AND :last"
        )


BY_LINE, BY_DAY, BY_ZONE = "usage_by_line", "usage_by_day", "usage_by_zone"

_SUMS = "count, seconds, bytes, amount"

GRAINS = (
    Grain(BY_LINE, "erased_by_line", "source, month, line, client_id, kind, out_of_bundle", f"{_SUMS}, last_start"),
    Grain(BY_DAY, "erased_by_day", "source, client_id, day, kind, out_of_bundle", _SUMS),
    Grain(BY_ZONE, "erased_by_zone", "source, month, client_id, nature_id", _SUMS),
)


def recount() -> list[str]:
    """Statements that make the totals of whole months anew; see `Grain.of_range` for their parameters."""
    rows = "source = :source AND day BETWEEN :first_day AND :last_day"
    statements = []
    for grain in GRAINS:
        counted = f"{grain.rows(rows)} UNION ALL {grain.taken(grain.erased, grain.of_range())}"
        statements += [
            f"DELETE FROM {grain.table} WHERE {grain.of_range()}",
            f"INSERT INTO {grain.table} {grain.summed(counted)}",
        ]
    return statements
