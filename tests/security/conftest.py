"""The house of the chat and mail tests (`tests/bot/conftest.py`), attacked."""

from tests.bot.conftest import api, bot, camille, filled, house

__all__ = ["api", "bot", "camille", "filled", "house"]
