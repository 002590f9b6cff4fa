"""Secrets taken out of what is shown."""

from core.redact import hide


def test_a_password_that_a_server_repeats_is_hidden() -> None:
    assert hide("530 login o, password s3cr+t refused", "s3cr+t") == "530 login o, password ••• refused"


def test_a_password_of_one_letter_does_not_show_by_the_holes_it_makes() -> None:
    assert hide("nouvel essai au prochain passage", "p") == "nouvel essai au prochain passage"


def test_no_password_hides_nothing() -> None:
    assert hide("rien à cacher", "") == "rien à cacher"
