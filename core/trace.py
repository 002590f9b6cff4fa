"""Where an unexpected error came from, without its words: they can hold a code, a token or a called number."""

import traceback


def trace(error: BaseException) -> str:
    """`ValueError in rio.py:33 < registry.py:70`: the kind of error and its innermost frames."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} in {places}" if places else type(error).__name__
