"""`python -m bot` is `origyne-bot`."""

from bot.cli import main

main()
