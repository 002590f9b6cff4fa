"""The rights of who a line or a client is: all that is held about it as files, and what can go of it for good.

What the law makes us keep stays: invoices and totals (Code de commerce, L123-22: ten years), the detail of what is not
billed yet (CPCE, L34-2). What goes does not come in again, with a later file or a store made anew
(`core.forgotten`). The called numbers are masked, and codes stand in no file.
"""

from core.privacy.erasing import Erasure, LineErasure, erase, plan_erasure
from core.privacy.handing_over import Table, Terms, export, harmless
from core.privacy.subject import PrivacyError, Subject, cards_of, subject

__all__ = [
    "Erasure", "LineErasure", "PrivacyError", "Subject", "Table", "Terms", "cards_of", "erase", "export", "harmless",
    "plan_erasure", "subject",
]  # fmt: skip
