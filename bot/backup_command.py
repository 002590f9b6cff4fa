"""`origyne-bot backup`: copies of the stores, made while the service runs."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    pass


def run(options: Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
