"""What is wrong with a question put to the time calculator."""

_LONGEST = 40


class DurationError(Exception):
    """A question that cannot be calculated; the message says where and why, in French.

    `remedies`: questions that could be meant, each with its label: ("59 min", "1:23 + 59 min").
    """

    def __init__(self, message: str, remedies: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.remedies = remedies


def quoted(piece: str) -> str:
    """« the piece that is meant », on one line, cut when it is long."""
    piece = " ".join("".join(sign if sign.isprintable() else " " for sign in piece).split())
    return f"«\u00a0{piece if len(piece) <= _LONGEST else piece[:_LONGEST] + '…'}\u00a0»"
