"""Secrets taken out of texts that are shown or logged."""

import re


def hide(text: str, secret: str) -> str:
    """The text with dots where the secret stands as a word of its own.

    Within a longer word it is left: a one-letter password would otherwise show by the holes it makes.
    """
    if not secret:
        return text
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "•••", text)
