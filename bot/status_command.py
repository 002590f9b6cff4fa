"""`origyne-bot status`: how the service is, from outside."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    pass


def run(options: Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
