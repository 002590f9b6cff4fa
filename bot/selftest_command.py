"""`origyne-bot selftest`: a real round trip on each channel."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def declare(command: ArgumentParser) -> None:
    command.add_argument(
        "--as",
        dest="person",
        metavar="PERSONNE",
        default="technique",
        help="dans le Telegram de qui : technique (par défaut), ou l'adresse d'une personne connue",
    )


def run(options: Namespace, out: Console, err: Console) -> int:
    """Ask it as a question; 0 when all went well, 1 when something did not. Beside the running service and without."""
    from bot.ask_command import ask

    question = Namespace(question="selftest", person=options.person, yes=False, file=[])
    return ask(question, out, err)
