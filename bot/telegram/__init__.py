"""The chat channel: Telegram through python-telegram-bot's `Bot`, with our own polling and outbox."""
