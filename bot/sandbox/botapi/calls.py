"""One request of the bot, whichever way its parameters came, and the errors that answer it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.web_request import FileField

MOST_UPLOADED = 50 * 1024 * 1024
_ROOM_FOR_PARAMETERS = 1024 * 1024
LARGEST_REQUEST = MOST_UPLOADED + _ROOM_FOR_PARAMETERS


class ApiError(Exception):
    """What the Bot API answers instead of a result: HTTP status, description, parameters."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad_request(why: str) -> ApiError:
    return ApiError(400, f"Bad Request: {why}")


@dataclass(frozen=True)
class Upload:
    """A file part of a multipart request."""

    name: str
    mime: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Call:
    """A method with its parameters, all as text: nested values are JSON."""

    method: str
    parameters: Mapping[str, str]
    files: Mapping[str, Upload] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        return self.parameters.get(name, "")

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(float(self.parameters.get(name) or default))
        except ValueError:
            raise bad_request(f'parameter "{name}" must be a number') from None

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def nested(self, name: str) -> object:
        """A structured parameter, or None; raises ApiError when it is not JSON."""
        written = self.text(name)
        if not written:
            return None
        try:
            return json.loads(written)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None


def as_parameters(given: Mapping[str, object]) -> dict[str, str]:
    """A JSON object's members, as they would stand in a form."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
        if value is not None
    }


async def read_call(request: web.Request) -> Call:
    """Gather the parameters of a GET or POST: query, form, JSON or multipart."""
    parameters = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad_request("can't parse request JSON object") from None
        if not isinstance(body, dict):
            raise bad_request("object expected as the request")
        parameters.update(as_parameters(body))
    elif request.method == "POST":
        for name, part in (await request.post()).items():
            if isinstance(part, FileField):
                files[name] = Upload(part.filename, part.content_type, part.file.read())
            else:
                parameters[name] = part if isinstance(part, str) else bytes(part).decode()
    if any(len(file.content) > MOST_UPLOADED for file in files.values()):
        raise ApiError(413, "Request Entity Too Large")
    return Call(request.match_info["method"], parameters, files)
