"""What a benchmark found, and the table that shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Two figures of one run. `bar`: the most that ours may be, as a multiple of theirs; `method`: unit and method."""

    what: str
    ours: float
    theirs: float
    bar: float
    method: str

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.bar


def markdown(results: list[Result]) -> str:
    rows = ["| what | ours | other | ratio | bar | how |", "|---|---|---|---|---|---|"]
    for it in results:
        rows.append(f"| {it.what} | {it.ours:.4g} | {it.theirs:.4g} | {it.ratio:.2f} | {it.bar:.2f} | {it.method} |")
    return "\n".join(rows)


def report(results: list[Result]) -> int:
    """Print the table; the exit status says whether every bar is met."""
    print(markdown(results))
    missed = [it.what for it in results if not it.is_met]
    for what in missed:
        print(f"MISSED: {what}")
    return 1 if missed else 0
