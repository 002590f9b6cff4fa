"""`origyne-bot selftest`: a real round trip on each channel."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    pass


def run(options: Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
