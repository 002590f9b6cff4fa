"""`origyne-bot restore`: a backup put in the place of the stores."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    pass


def run(options: Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
