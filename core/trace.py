"""Where an unexpected error came from, without its words: they can hold a code, a token or a called number."""

import traceback


def trace(error: BaseException, frames: int = 4) -> str:
    """`ValueError in rio.py:33 < registry.py:70`: the kind of error and its innermost frames."""
    found = traceback.extract_tb(error.__traceback__)[-frames:]
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(found))
    return f"{type(error).__name__} in {places}" if places else type(error).__name__


def whole_trace(error: BaseException, frames: int = 16) -> str:
    """The same with what led to the error, a line each; of a group, each error that it holds."""
    lines: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines.append(f"{'after ' if lines else ''}{trace(link, frames)}")
        if isinstance(link, BaseExceptionGroup):
            lines += [f"with {part}" for held in link.exceptions for part in whole_trace(held, frames).splitlines()]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(lines)
