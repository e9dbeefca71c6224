"""Who may: a guard in front of the server that lets in one browser of one user.

Loopback is no boundary by itself: every page on the web can send requests to it, and a name can be
bound to it anew (DNS rebinding). So Host, Origin and Sec-Fetch-Site must be right, changes carry a
header that no form can send, and a cookie that only the printed address gives.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1 << 20  # bytes; only files that are dropped are larger
CHANGE = "x-hyperfocal"  # the header of every change
UPLOADS = "/api/drops/"  # what may have a larger body, counted there

_CONTENT = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "content-security-policy": _CONTENT,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_STRANGER = (
    "This is hyperfocal's studio, and this browser is not known to it. Open the address that "
    "`hyperfocal studio` printed."
)


class _TooLarge(Exception):
    """A body beyond its limit."""


class Gate:
    """An ASGI application around another: what may not pass is refused in a line."""

    def __init__(self, app: ASGIApp, *, port: int, token: str | None = None):
        self._app, self._port = app, port
        self.token = token or secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}

    @property
    def cookie(self) -> str:
        """The cookie's name: two studios on one machine keep theirs apart."""
        return f"hyperfocal-studio-{self._port}"

    @property
    def session(self) -> str:
        """The cookie's value."""
        return self._session

    def address(self, host: str = "127.0.0.1") -> str:
        """What the user opens."""
        return f"http://{host}:{self._port}/enter?token={self.token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is not None:
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        guarded = _guarded(send)
        if refusal is None and scope["path"] == "/enter":
            refusal = self._entrance(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._limited(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """What is answered to those who may not; None: they may."""
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("This host name is not the studio's.", 421)
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("Requests of other sites are refused.", 403)
        origin, is_socket = headers.get("origin"), scope["type"] == "websocket"
        if origin is None and is_socket:
            return PlainTextResponse("The origin is missing.", 403)
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return PlainTextResponse("Requests of other origins are refused.", 403)
        if scope["path"] == "/enter" and not is_socket:
            return None
        if not self._is_known(headers):
            return PlainTextResponse(_STRANGER, 401)
        is_change = not is_socket and scope["method"] not in ("GET", "HEAD")
        if is_change and headers.get(CHANGE) != "1":
            return PlainTextResponse(f"The header {CHANGE} is missing.", 403)
        return None

    def _is_known(self, headers: dict[str, str]) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        given = cookies.get(self.cookie)
        return given is not None and hmac.compare_digest(
            given.value.encode(), self._session.encode()
        )

    def _entrance(self, scope: Scope) -> Response:
        """The cookie for those who bring the token."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or not hmac.compare_digest(given.encode(), self.token.encode()):
            return PlainTextResponse(_STRANGER, 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self._session, httponly=True, samesite="strict", path="/")
        answer.headers["cache-control"] = "no-store"
        return answer

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, with bodies cut off beyond their limit."""
        if scope["path"].startswith(UPLOADS):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse("The request is too large.", 413)
        declared = _headers(scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > LARGEST_BODY:
            await refusal(scope, receive, send)
            return
        read, has_begun = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise _TooLarge
            return message

        async def sent(message: Message) -> None:
            nonlocal has_begun
            # What the application makes of an interrupted body is not to be heard.
            if read <= LARGEST_BODY or has_begun:
                has_begun = True
                await send(message)

        with contextlib.suppress(_TooLarge):
            await self._app(scope, counted, sent)
        if not has_begun:
            await refusal(scope, receive, send)


def _headers(scope: Scope) -> dict[str, str]:
    """The headers by their names; one that is there twice is joined, and so equals nothing."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        separator = "; " if key == "cookie" else ", "
        found[key] = f"{found[key]}{separator}{text}" if key in found else text
    return found


def _guarded(send: Send) -> Send:
    """Every answer tells the browser what it must not do with it."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            added = [
                (name.encode(), value.encode())
                for name, value in _HEADERS.items()
                if name.encode() not in there
            ]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return guarded
