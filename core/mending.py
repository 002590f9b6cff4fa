"""Before anything is opened: are the stores sound? A damaged one is set aside and made anew."""

from core.settings import Settings


def mend(settings: Settings) -> list[str]:
    """Look at both stores; what was wrong and what was done about it (French), nothing where all is well."""
    return []
