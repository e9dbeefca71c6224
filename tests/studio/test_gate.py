"""Attacks on the studio's server are refused; what its own page sends passes."""

import base64
import contextlib
import os
import socket
import zipfile
from io import BytesIO

import pytest

from tests.extras import is_installed

if not (is_installed("uvicorn") and is_installed("httpx")):
    pytest.skip("the studio needs uvicorn and httpx", allow_module_level=True)

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hyperfocal.studio.gate import LARGEST_BODY, Gate
from hyperfocal.studio.vendor import FILES
from tests.studio.served import CHANGE, Served, write_shoot

if not FILES["openseadragon.js"].is_file():
    pytest.skip("the studio's viewer is not there (npm ci)", allow_module_level=True)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    root = tmp_path_factory.mktemp("shoot")
    outside = tmp_path_factory.mktemp("outside")
    write_shoot(root)
    write_shoot(outside, stacks=("secret",))
    (root / "way_out").symlink_to(outside / "secret")
    (root / "beetle" / "leak.png").symlink_to(outside / "secret" / "frame_0.png")
    with Served(root, "--uploads") as served:
        served.root, served.outside = root, outside
        yield served


def raw(studio, headers, method="GET", path="/api/state"):
    """The status of a request with just these headers."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    with socket.create_connection(("127.0.0.1", studio.port), timeout=10) as connection:
        connection.sendall(("\r\n".join([*lines, "Connection: close", "", ""])).encode())
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    return int(answer.split()[1])


def cookie(studio):
    name, value = next(iter(studio.client.cookies.items()))
    return f"{name}={value}"


def own(studio):
    return [("Host", f"127.0.0.1:{studio.port}"), ("Cookie", cookie(studio))]


def test_what_the_own_page_sends_passes(studio):
    assert raw(studio, own(studio)) == 200
    origin = ("Origin", studio.base)
    assert raw(studio, [*own(studio), origin, ("Sec-Fetch-Site", "same-origin")]) == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Host": "evil.example:{port}"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Host": "127.0.0.1.evil.example:{port}"}, 421),
        ({"Cookie": None}, 401),
        ({"Cookie": "hyperfocal-studio-{port}=guess"}, 401),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
    ids=str,
)
def test_requests_of_others_are_refused(studio, change, status):
    headers = dict(own(studio))
    for name, value in change.items():
        headers.pop(name, None)
        if value is not None:
            headers[name] = value.format(port=studio.port)
    assert raw(studio, list(headers.items())) == status


def test_two_hosts_are_none(studio):
    assert raw(studio, [*own(studio), ("Host", "evil.example")]) in (400, 421)


def test_the_token_is_needed_once_and_must_be_right(studio):
    with httpx.Client(base_url=studio.base) as stranger:
        assert stranger.get("/").status_code == 401
        assert stranger.get("/enter?token=wrong").status_code == 401
        assert stranger.get("/enter").status_code == 401
        entered = stranger.get(studio.address)
        assert entered.status_code == 303
        set_cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in set_cookie
        assert "samesite=strict" in set_cookie
        assert stranger.get("/").status_code == 200


def test_the_token_does_not_open_from_another_site(studio):
    headers = {"sec-fetch-site": "cross-site"}
    assert httpx.get(studio.address, headers=headers).status_code == 403


def test_changes_need_the_header(studio):
    answer = studio.client.post("/api/shoot", json={})
    assert answer.status_code == 403
    answer = studio.client.post("/api/shoot", json={}, headers=CHANGE)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/state", "/static/no.js", "/enter?token=x"])
def test_every_answer_tells_the_browser_what_it_must_not_do(studio, path):
    headers = studio.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_bodies_are_limited_declared_or_not(studio):
    large = b'{"path": "' + b"x" * LARGEST_BODY + b'"}'
    assert studio.client.post("/api/shoot", content=large, headers=CHANGE).status_code == 413

    def pieces():
        for _ in range(40):
            yield b"x" * (LARGEST_BODY // 20)

    answer = studio.client.post("/api/shoot", content=pieces(), headers=CHANGE)
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'{"path": 3}', b"[" * 5000, b"\xff"])
def test_bodies_that_are_no_request_are_a_line(studio, body):
    answer = studio.client.post("/api/stacks", content=body, headers=CHANGE)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert "trace" not in answer.json()


def socket_status(studio, *headers):
    """What the server answers to a WebSocket's first words."""
    key = base64.b64encode(os.urandom(16)).decode()
    asked = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    lines = [f"{name}: {value}" for name, value in [*asked, ("Sec-WebSocket-Key", key), *headers]]
    with socket.create_connection(("127.0.0.1", studio.port), timeout=10) as connection:
        text = "\r\n".join(["GET /api/events HTTP/1.1", *lines, "", ""])
        connection.sendall(text.encode())
        return int(connection.recv(4096).split()[1])


def test_sockets_need_origin_and_cookie(studio):
    host, known = own(studio)
    origin = ("Origin", studio.base)
    assert socket_status(studio, host, known, origin) == 101
    assert socket_status(studio, host, known) == 403
    assert socket_status(studio, host, origin) == 403
    assert socket_status(studio, host, known, ("Origin", "http://evil.example")) == 403
    assert socket_status(studio, ("Host", f"evil.example:{studio.port}"), known, origin) == 403


@pytest.mark.parametrize(
    "path",
    ["..", "/etc", "/etc/passwd", "beetle/../..", "way_out", "way_out/frame_0.png",
     "beetle/leak.png", "~", "\0", "", "beetle/\0/../../x"],
    ids=repr,
)  # fmt: skip
def test_paths_out_of_the_folder_are_refused(studio, path):
    answer = studio.get("/api/thumbnail", path=path)
    assert answer.status_code in (403, 422)
    assert answer.headers["content-type"] == "application/json"
    if path not in ("~",):
        assert answer.status_code == 403
        assert studio.get("/api/folders", path=path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/vendor/..%2fgate.py",
        "/static//etc/passwd",
    ],
)
def test_only_files_of_the_page_are_served(studio, path):
    assert raw(studio, own(studio), path=path) == 404


def test_a_stack_behind_a_link_is_told_and_not_opened(studio):
    cards = studio.send("POST", "/api/shoot", path=".").json()["stacks"]
    card = next(each for each in cards if each["name"] == "way_out")
    assert "leads out" in card["failure"]
    assert card["shown"] == []
    answer = studio.send("POST", "/api/stacks", path=".", stack="way_out")
    assert answer.status_code == 422
    beetle = next(each for each in cards if each["name"] == "beetle")
    assert "leads out" in beetle["failure"]


def test_exports_stay_inside(studio, tmp_path):
    folder = studio.root / "clean"
    write_shoot(studio.root, stacks=("clean",))
    studio.send("POST", "/api/shoot", path=".")
    stack = studio.opened("clean")["id"]
    studio.fused(stack)
    place = f"/api/stacks/{stack}/results/1/export"

    def status(**body):
        given = {"folder": str(studio.root / "fused"), "name": "a", "suffix": ".png", **body}
        return studio.send("POST", place, **given).status_code

    assert status(folder=str(tmp_path)) == 403
    assert status(folder="way_out") == 403
    assert status(folder="../elsewhere") == 403
    for name in ("../a", "..", ".hidden", "a/b", "a\\b", "", "a\0", "x" * 300, 'a"b', "a\nb"):
        assert status(name=name) == 422, name
    assert status(suffix=".exe") == 422
    assert status(suffix="/../../a.png") == 422
    (folder / "link.png").symlink_to(tmp_path / "target.png")
    assert status(folder=str(folder), name="link") == 403
    assert not list(tmp_path.iterdir())


def dropped(studio, name, content, folder=None):
    if folder is None:
        folder = studio.send("POST", "/api/drops").json()["folder"]
    place = f"/api/drops/{folder}/{name}"
    return studio.client.put(place, content=content, headers=CHANGE)


def test_dropped_files_cannot_leave_their_folder(studio):
    before = {path for path in studio.root.parent.rglob("*") if "evil" in path.name}
    for name in ("..%2fevil.png", "%2e%2e%2fevil.png", "..%5cevil.png", "%2fevil.png",
                 ".evil.png", "a%00evil.png", "evil.sh", "evil.html"):  # fmt: skip
        assert dropped(studio, name, b"x").status_code in (404, 405, 422), name
    for folder in ("beetle", "..", "way_out", "dropped-1"):
        answer = dropped(studio, "evil.png", b"x", folder=folder)
        assert answer.status_code in (404, 405, 422)
    assert {path for path in studio.root.parent.rglob("*") if "evil" in path.name} == before


def test_an_archive_that_is_dropped_is_never_unpacked(studio):
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr("../../evil.png", b"x")
    answer = dropped(studio, "frames.zip", archive.getvalue())
    assert answer.status_code == 422
    disguised = dropped(studio, "frames.png", archive.getvalue())
    assert disguised.status_code == 200  # it lies there as a file, and reading it is an error
    assert not list(studio.root.parent.rglob("evil.png"))


def test_a_drop_replaces_nothing(studio):
    first = dropped(studio, "a.png", b"one")
    folder = first.json()["folder"]
    assert dropped(studio, "a.png", b"two", folder=folder).status_code == 422
    assert (studio.root / folder / "a.png").read_bytes() == b"one"


def test_without_uploads_nothing_is_taken(tmp_path):
    write_shoot(tmp_path)
    with Served(tmp_path) as served:
        assert served.send("POST", "/api/drops").status_code == 403
        assert dropped(served, "a.png", b"x", folder="dropped-20260101-000000").status_code == 403


def test_a_slow_client_holds_up_nobody(studio):
    slow = [socket.create_connection(("127.0.0.1", studio.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /api/state HTTP/1.1\r\nHost: ")
    body = socket.create_connection(("127.0.0.1", studio.port))
    headers = [*own(studio), ("X-Hyperfocal", "1"), ("Content-Length", "100")]
    lines = "\r\n".join(f"{name}: {value}" for name, value in headers)
    body.sendall(f"POST /api/shoot HTTP/1.1\r\n{lines}\r\n\r\n{{".encode())
    for _ in range(5):
        assert studio.client.get("/api/state", timeout=2).status_code == 200
    for connection in [*slow, body]:
        connection.close()


def test_the_gate_keeps_two_studios_apart():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("in"))])
    one, other = Gate(app, port=1), Gate(app, port=2)
    assert one.cookie != other.cookie
    assert one.token != other.token
    assert one.session != other.session
    assert len(one.token) >= 43  # 32 bytes
