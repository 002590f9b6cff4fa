"""`origyne-bot key`."""

import argparse

from rich.console import Console


def declare(command: argparse.ArgumentParser) -> None:
    """What can be said on the command line."""


def run(options: argparse.Namespace, out: Console, err: Console) -> int:
    raise NotImplementedError
