"""`origyne-bot unit`: the systemd unit of this installation."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    pass


def run(options: Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
