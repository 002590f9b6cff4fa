"""Commands as they are typed in a terminal, and what they say."""

import pytest

from bot import cli


class Typed:
    """`typed("people list")`: what the command says, on both streams; its status is then in `status`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.status = -1

    def __call__(self, *words: str) -> str:
        """:param words: the whole line, or its words one by one where some hold spaces."""
        with pytest.raises(SystemExit) as ended:
            cli.main(words[0].split() if len(words) == 1 else list(words))
        self.status = int(ended.value.code or 0)
        said = self._capsys.readouterr()
        return f"{said.out}{said.err}"
