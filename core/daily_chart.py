"""What a chart of daily traffic shows; `core.charts` draws it, in the workshop."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DailyChart:
    """The traffic of a client or a line, a bar a day.

    `client`: its folded name, "" for a line; `msisdn`: "" for a client. `first`, `last`: days since 1970, both
    included. `billed_months`: those (YYYYMM) that are counted from BilledCDRs, the others are from RatedCDRs.
    """

    title: str
    client: str
    msisdn: str
    first: int
    last: int
    billed_months: tuple[int, ...] = ()
