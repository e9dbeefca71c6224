"""The server: requests become calls of the parts, errors become one line."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from hyperfocal import HyperfocalError, MissingExtra, OptionError, StackError
from hyperfocal.batch.plan import Job
from hyperfocal.compute import machine
from hyperfocal.io import formats
from hyperfocal.studio import forms, tiles, vendor
from hyperfocal.studio.desk import Desk, OpenStack, told
from hyperfocal.studio.events import Events
from hyperfocal.studio.queue import Queue
from hyperfocal.studio.roots import Outside, Roots
from hyperfocal.studio.runner import Runner
from hyperfocal.studio.shoots import RESULTS, Shoots, Watch
from hyperfocal.version import VERSION

Facts = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]
_BODY_S = 30.0  # in which a request's body is to come
_LARGEST_DROP = 4 << 30  # bytes of a file
_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css",
          ".svg": "image/svg+xml"}  # fmt: skip
_SAVED = {"recipe": "recipe.json", "transforms": "transforms.json"}
_MAPS = {"depth": "depth.npy", "decision": "decision.npy"}


@dataclass(frozen=True)
class Settings:
    """How a studio is started."""

    roots: Roots
    state: Path  # folder for what it keeps
    takes_drops: bool = False
    environment: Facts | None = None  # of the child process, beside our own


class Studio:
    """All parts of a studio, and the requests that reach them."""

    def __init__(self, settings: Settings):
        self.settings, self.roots = settings, settings.roots
        self.events = Events()
        tell = self.events.tell
        settings.state.mkdir(parents=True, exist_ok=True)
        scratch = settings.state / "scratch"
        scratch.mkdir(exist_ok=True)
        self.shoots = Shoots(self.roots, settings.state, tell)
        self.desk = Desk(settings.state / "stacks", tell)
        self.runner = Runner(scratch, tell, settings.environment)
        self.queue = Queue(settings.state / "queue.json", self.runner, tell)
        self.watch = Watch(self._watched, tell)
        self._watching: Facts = {}
        self._tiles: anyio.CapacityLimiter | None = None

    def app(self) -> Starlette:
        """The application, without its gate."""
        paths = "/api/stacks/{stack}"
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/static/{name:path}", self._static),
                Route("/vendor/{name}", self._vendored),
                Route("/api/state", _safe(self._state)),
                Route("/api/options", _safe(self._options)),
                Route("/api/shoot", _safe(self._shoot), methods=["POST"]),
                Route("/api/folders", _safe(self._folders)),
                Route("/api/thumbnail", _safe(self._thumbnail)),
                Route("/api/stacks", _safe(self._open), methods=["POST"]),
                Route(paths, _safe(self._stack)),
                Route(paths, _safe(self._decide), methods=["PUT"]),
                Route(paths + "/tasks", _safe(self._begin), methods=["POST"]),
                Route(paths + "/sharpness", _safe(self._sharpness)),
                Route(paths + "/results/{number:int}", _safe(self._drop), methods=["DELETE"]),
                Route(paths + "/results/{number:int}/formats", _safe(self._formats)),
                Route(
                    paths + "/results/{number:int}/export", _safe(self._export), methods=["POST"]
                ),
                Route(paths + "/tiles/{layer}/{level:int}/{x:int}/{name}", _safe(self._tile)),
                Route(paths + "/previews/{index:int}", _safe(self._preview)),
                Route("/api/tasks/{number:int}", _safe(self._task)),
                Route("/api/tasks/{number:int}", _safe(self._cancel), methods=["DELETE"]),
                Route("/api/queue", _safe(self._queue)),
                Route("/api/queue", _safe(self._enqueue), methods=["POST"]),
                Route("/api/queue", _safe(self._change_queue), methods=["PUT"]),
                Route("/api/watch", _safe(self._watch), methods=["PUT"]),
                Route("/api/drops", _safe(self._new_drop), methods=["POST"]),
                Route("/api/drops/{folder}/{name}", _safe(self._take_drop), methods=["PUT"]),
                WebSocketRoute("/api/events", self._listen),
            ],
            lifespan=self._life,
        )

    @contextlib.asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        self.events.start()
        yield
        await anyio.to_thread.run_sync(self.close)

    def close(self) -> None:
        """End what runs; what is kept stays."""
        self.watch.stop()
        self.queue.close()
        self.runner.close()
        self.desk.close()

    # Pages

    async def _page(self, request: Request) -> Response:
        return FileResponse(_STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _pages():
            return JSONResponse({"error": "there is no such file"}, 404)
        path = _STATIC / name
        kind = _TYPES[path.suffix]
        return FileResponse(path, media_type=kind, headers={"cache-control": "no-cache"})

    async def _vendored(self, request: Request) -> Response:
        path = vendor.FILES.get(request.path_params["name"])
        if path is None or not path.is_file():
            return JSONResponse({"error": vendor.MISSING}, 404)
        return FileResponse(path, headers={"cache-control": "private, max-age=86400"})

    async def _state(self, request: Request) -> Response:
        first = self.roots.first
        return JSONResponse(
            {
                "version": VERSION,
                "folder": first.name or str(first),
                "place": str(first),
                "tasks": self.runner.tasks(),
                "queue": self.queue.told(),
                "watched": None if self.watch.folder is None else str(self.watch.folder),
                "takes_drops": self.settings.takes_drops,
                "suffixes": formats.suffixes(),
            }
        )

    async def _options(self, request: Request) -> Response:
        return JSONResponse(await anyio.to_thread.run_sync(forms.all_forms))

    # Shoots

    async def _shoot(self, request: Request) -> Response:
        body = await _body(request)
        folder = self.roots.inside(_text(body, "path", "."))
        options = _facts(body, "options")
        return JSONResponse(
            await anyio.to_thread.run_sync(lambda: self.shoots.plan(folder, options))
        )

    async def _folders(self, request: Request) -> Response:
        """The folders in a folder, for those who go down or choose where to export."""
        folder = self.roots.inside(request.query_params.get("path", "."))

        def listed() -> Facts:
            try:
                below = sorted(
                    each.name
                    for each in folder.iterdir()
                    if each.is_dir() and not each.name.startswith(".") and self.roots.holds(each)
                )
            except OSError as error:
                raise StackError(f"{folder} cannot be read ({error.strerror})") from error
            return {"path": str(folder), "name": self.roots.shown(folder), "folders": below}

        return JSONResponse(await anyio.to_thread.run_sync(listed))

    async def _thumbnail(self, request: Request) -> Response:
        path = self.roots.inside(request.query_params.get("path", ""))
        data = await anyio.to_thread.run_sync(lambda: self.shoots.thumbnail(path))
        return Response(data, media_type="image/jpeg", headers=_KEEP)

    # Stacks

    async def _open(self, request: Request) -> Response:
        body = await _body(request)
        folder = self.roots.inside(_text(body, "path", "."))
        name = _text(body, "stack", "")

        def opened() -> Facts:
            job = self.shoots.job(folder, name)
            shown = job.name.rpartition("/")[2]
            return self._opened(shown, list(job.frames)).described()

        return JSONResponse(await anyio.to_thread.run_sync(opened))

    def _opened(self, name: str, paths: list[Path]) -> OpenStack:
        for path in paths:
            if not self.roots.holds(path):
                raise Outside(f"{path.name} leads out of the studio's folder")
        stack = self.desk.open(name, paths)
        _write(stack.folder / "stack.json", {"name": name, "paths": [str(p) for p in paths]})
        return stack

    def _found(self, request: Request) -> OpenStack:
        """The stack of a request; one of before a restart is opened again."""
        stack_id = request.path_params["stack"]
        try:
            return self.desk.get(stack_id)
        except OptionError:
            place = self.desk.folder / stack_id / "stack.json"
            if not re.fullmatch(r"[0-9a-f]{16}", stack_id) or not place.is_file():
                raise
            held = json.loads(place.read_text("utf-8"))
            return self._opened(held["name"], [Path(path) for path in held["paths"]])

    async def _stack(self, request: Request) -> Response:
        found = await anyio.to_thread.run_sync(lambda: self._found(request).described())
        return JSONResponse(found)

    async def _decide(self, request: Request) -> Response:
        body = await _body(request)

        def decided() -> Facts:
            stack = self._found(request)
            stack.decide(body)
            return stack.described()

        answer = await anyio.to_thread.run_sync(decided)
        self.events.tell("stack", stack=answer["id"])
        return JSONResponse(answer)

    async def _begin(self, request: Request) -> Response:
        body = await _body(request)
        kind = _text(body, "kind", "fuse")
        titles = {"fuse": "Fusing", "quick": "Quick look", "region": "Fusing a region"}
        if kind not in titles:
            raise OptionError(f"{kind!r} is nothing to be done; choose fuse, quick or region")
        rectangle = body.get("rectangle")
        if kind == "region" and not _is_rectangle(rectangle):
            raise OptionError("no region is drawn; draw one")

        def begun() -> Facts:
            stack = self._found(request)
            task = stack.task(kind, _facts(body, "recipe"), rectangle)

            def done(answer: Facts, seconds: float) -> Facts:
                result = told(stack.settle(task, answer, seconds))
                self.events.tell("result", stack=stack.id, result=result)
                return {"result": result["number"]}

            return self.runner.add(
                kind, f"{titles[kind]} {stack.name}", task, stack=stack.id, on_done=done
            ).told()

        return JSONResponse(await anyio.to_thread.run_sync(begun), 202)

    async def _task(self, request: Request) -> Response:
        task = self.runner.task(request.path_params["number"])
        if task is None:
            raise OptionError("that was done long ago")
        return JSONResponse(task)

    async def _cancel(self, request: Request) -> Response:
        if not self.runner.cancel(request.path_params["number"]):
            raise OptionError("that is done already")
        return JSONResponse({})

    async def _sharpness(self, request: Request) -> Response:
        x, y = (_number(request.query_params.get(name, "")) for name in ("x", "y"))
        return JSONResponse(
            await anyio.to_thread.run_sync(lambda: self._found(request).sharpness(x, y))
        )

    async def _drop(self, request: Request) -> Response:
        number = request.path_params["number"]
        stack = self._found(request)
        await anyio.to_thread.run_sync(lambda: stack.drop(number))
        self.events.tell("stack", stack=stack.id)
        return JSONResponse({})

    async def _preview(self, request: Request) -> Response:
        index = request.path_params["index"]
        preview = await anyio.to_thread.run_sync(lambda: self._found(request).preview(index))
        return Response(preview.jpeg, media_type="image/jpeg", headers=_KEEP)

    async def _tile(self, request: Request) -> Response:
        params = request.path_params
        row, _, kind = params["name"].partition(".")
        if not row.isdigit() or len(row) > 6 or kind not in ("jpg", "png"):
            raise OptionError("there is no such tile")
        levels = _levels(request)

        def made() -> bytes:
            stack = self._found(request)
            tile = stack.view(params["layer"], params["level"], params["x"], int(row), levels)
            return tiles.encoded(tile, kind)

        if self._tiles is None:
            self._tiles = anyio.CapacityLimiter(max(2, min(8, machine.processor_count())))
        data = await anyio.to_thread.run_sync(made, limiter=self._tiles)
        kinds = {"jpg": "image/jpeg", "png": "image/png"}
        return Response(data, media_type=kinds[kind], headers=_KEEP)

    # Export

    async def _formats(self, request: Request) -> Response:
        number = request.path_params["number"]

        def found() -> Facts:
            stack = self._found(request)
            if number not in stack.results:
                raise OptionError(f"there is no result {number}")
            names = {**_SAVED, **_MAPS}
            there = [n for n, f in names.items() if (stack.result_folder(number) / f).exists()]
            return {
                "formats": stack.formats(number),
                "folder": str(self.roots.first / RESULTS),
                "name": stack.name,
                "beside": there,
            }

        return JSONResponse(await anyio.to_thread.run_sync(found))

    async def _export(self, request: Request) -> Response:
        body = await _body(request)
        number = request.path_params["number"]
        is_overwritten = body.get("overwrite") is True

        def begun() -> tuple[Facts, int]:
            stack = self._found(request)
            result = stack.results.get(number)
            if result is None:
                raise OptionError(f"there is no result {number}")
            targets = self._targets(body)
            there = [path.name for path in targets.values() if path.exists()]
            if there and not is_overwritten:
                return {"there": there}, 409
            targets["picture"].parent.mkdir(parents=True, exist_ok=True)
            last = (len(result["frames"]) - 1) * (result["step_um"] or 1)
            sources = {"picture": "picture.tif", **_MAPS}
            facts = {
                "folder": str(stack.result_folder(number)),
                "files": [
                    {
                        "kind": kind,
                        "from": sources[kind],
                        "to": str(path),
                        "frame_count": len(result["frames"]),
                        "last": last,
                    }
                    for kind, path in targets.items()
                    if kind in sources
                ],
                "copies": [
                    {"from": _SAVED[kind], "to": str(path)}
                    for kind, path in targets.items()
                    if kind in _SAVED
                ],
                "overwrite": is_overwritten,
            }
            task = self.runner.add("export", f"Exporting {stack.name}", facts, stack=stack.id)
            return task.told(), 202

        try:
            answer, status = await anyio.to_thread.run_sync(begun)
        except OSError as error:
            raise StackError(f"the folder cannot be made ({error.strerror})") from error
        return JSONResponse(answer, status)

    def _targets(self, body: Facts) -> dict[str, Path]:
        """What to write, by its kind; all of it in one folder below the roots."""
        folder = self.roots.inside(_text(body, "folder", ""))
        name, suffix = _text(body, "name", "").strip(), _text(body, "suffix", "")
        if suffix not in formats.writable_suffixes():
            raise OptionError(f"{suffix!r} is no format; choose one of the list")
        if not _is_plain(name):
            raise OptionError(f"{name!r} is no file name; write one without / and \\")
        targets = {"picture": folder / f"{name}{suffix}"}
        kinds = body.get("beside", [])
        for kind in kinds if isinstance(kinds, list) else []:
            if kind in _MAPS:
                targets[kind] = folder / f"{name}_{kind}{'.tif' if kind == 'depth' else '.png'}"
            elif kind in _SAVED:
                targets[kind] = folder / f"{name}.{kind}.json"
        if not all(self.roots.holds(path) for path in targets.values()):
            raise Outside("a link leads out of the studio's folder; choose another name")
        return targets

    # Queue

    async def _queue(self, request: Request) -> Response:
        return JSONResponse(self.queue.told())

    async def _enqueue(self, request: Request) -> Response:
        body = await _body(request)
        folder = self.roots.inside(_text(body, "path", "."))
        names = body.get("stacks")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise OptionError("no stack is chosen; choose one or more")
        out = self.roots.inside(_text(body, "out", str(folder / RESULTS)))
        options, recipe = _facts(body, "options"), _facts(body, "recipe")

        def queued() -> Facts:
            jobs = [self.shoots.job(folder, name) for name in names]
            jobs = [job for job in jobs if not job.is_lone]
            is_overwritten = body.get("overwrite") is True
            self.queue.add(jobs, out, options, recipe, overwrite=is_overwritten)
            return self.queue.told()

        return JSONResponse(await anyio.to_thread.run_sync(queued), 202)

    async def _change_queue(self, request: Request) -> Response:
        body = await _body(request)

        def changed() -> Facts:
            what = _text(body, "what", "")
            if what in ("pause", "resume"):
                self.queue.pause(what == "pause")
            elif what == "clear":
                self.queue.clear()
            elif what in ("remove", "retry", "first", "stop"):
                number = body.get("number")
                if type(number) is not int:
                    raise OptionError("no row is named")
                self.queue.change(number, what)
            else:
                raise OptionError(f"{what!r} is nothing to do with a queue")
            return self.queue.told()

        return JSONResponse(await anyio.to_thread.run_sync(changed))

    async def _watch(self, request: Request) -> Response:
        body = await _body(request)
        if body.get("on") is True:
            folder = self.roots.inside(_text(body, "path", "."))
            self._watching = {
                "options": _facts(body, "options"),
                "recipe": _facts(body, "recipe"),
                "out": folder / RESULTS,
            }
            self.watch.start(folder, self._watching["options"], self._watching["recipe"])
        else:
            self.watch.stop()
        watched = None if self.watch.folder is None else str(self.watch.folder)
        self.events.tell("watch", folder=watched)
        return JSONResponse({"watched": watched})

    def _watched(self, job: Job) -> None:
        if all(self.roots.holds(path) for path in job.frames):
            of = self._watching
            self.queue.add([job], of["out"], of["options"], of["recipe"], overwrite=False)

    # Files that are dropped

    async def _new_drop(self, request: Request) -> Response:
        self._require_drops()
        name = time.strftime("dropped-%Y%m%d-%H%M%S")
        folder = self.roots.first / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(f"folder {name} cannot be made ({error.strerror})") from error
        return JSONResponse({"folder": name})

    async def _take_drop(self, request: Request) -> Response:
        """One file, streamed to a folder made for it; archives are never unpacked."""
        self._require_drops()
        folder, name = request.path_params["folder"], request.path_params["name"]
        if not re.fullmatch(r"dropped-\d{8}-\d{6}", folder) or not _is_plain(name):
            raise OptionError(f"{name!r} is no file name that can be taken")
        if formats.suffix_of(Path(name)) not in formats.suffixes():
            raise OptionError(f"{name} is no picture that can be read")
        place = self.roots.inside(folder) / name
        if not self.roots.holds(place) or not place.parent.is_dir():
            raise Outside("a link leads out of the studio's folder")
        try:
            await _received(request, place)
        except FileExistsError:
            raise OptionError(f"{name} is there already") from None
        except OSError as error:
            raise StackError(f"{name} cannot be kept ({error.strerror}); free space") from error
        return JSONResponse({"folder": folder, "name": name})

    def _require_drops(self) -> None:
        if not self.settings.takes_drops:
            raise Outside("files are taken only by a studio that was started with --uploads")

    # Events

    async def _listen(self, socket: WebSocket) -> None:
        await socket.accept()
        queue = self.events.subscribe()

        async def until_gone() -> None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                while True:
                    await socket.receive_text()

        gone = asyncio.create_task(until_gone())
        try:
            while True:
                asked = asyncio.create_task(queue.get())
                await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not asked.done():
                    asked.cancel()
                    return
                event = asked.result()
                if event is None:
                    await socket.close(1013)
                    return
                await socket.send_json(event)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            gone.cancel()
            self.events.leave(queue)


_KEEP = {"cache-control": "private, max-age=86400"}


@functools.cache
def _pages() -> set[str]:
    """The files of our own that are served: those that are there, and no other path."""
    return {
        path.relative_to(_STATIC).as_posix()
        for path in _STATIC.rglob("*")
        if path.suffix in _TYPES and path.is_file()
    }


def _safe(endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose errors are answered in a line."""

    async def answered(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Outside as error:
            return JSONResponse({"error": _line(error)}, 403)
        except MissingExtra as error:
            return JSONResponse({"error": _line(error)}, 501)
        except HyperfocalError as error:
            return JSONResponse({"error": _line(error)}, 422)
        except (TimeoutError, ClientDisconnect):
            return JSONResponse({"error": "the request came too slowly"}, 408)
        except OSError as error:
            return JSONResponse({"error": f"{error.strerror or error}: {error.filename}"}, 422)
        except Exception as error:
            line = f"unexpected {type(error).__name__}: {error}; please report it"
            return JSONResponse({"error": " ".join(line.split()),
                                 "trace": traceback.format_exc()}, 500)  # fmt: skip
        if "cache-control" not in response.headers:
            response.headers["cache-control"] = "no-store"
        return response

    return answered


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


async def _body(request: Request) -> Facts:
    """The object that a request brings; raises OptionError for anything else."""
    data = await asyncio.wait_for(request.body(), _BODY_S)
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise OptionError("the request is no JSON") from None
    if not isinstance(body, dict):
        raise OptionError("the request is no JSON object")
    return body


def _text(body: Facts, name: str, default: str) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise OptionError(f"{name} is no text")
    return value


def _facts(body: Facts, name: str) -> Facts:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise OptionError(f"{name} is no object")
    return value


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise OptionError(f"{text!r} is no number") from None
    if not -1e9 < number < 1e9:
        raise OptionError(f"{text!r} is no number that can be meant")
    return number


def _levels(request: Request) -> tuple[float, float]:
    black, white = (_number(request.query_params.get(name, default))
                    for name, default in (("black", "0"), ("white", "1")))  # fmt: skip
    if not 0 <= black < white <= 1:
        raise OptionError("black lies below white, both in 0…1")
    return black, white


def _is_rectangle(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(each, int | float) and -1e6 < each < 1e6 for each in value)
    )


def _is_plain(name: str) -> bool:
    """Whether a text is a file's name and nothing else."""
    is_safe = name not in ("", ".", "..") and not name.startswith(".") and len(name.encode()) < 200
    return is_safe and not re.search(r'[/\\\x00-\x1f:*?"<>|]', name)


def _write(path: Path, facts: Facts) -> None:
    """Write a small file of the studio's own, as far as that goes."""
    with contextlib.suppress(OSError):
        path.write_text(json.dumps(facts), "utf-8")


async def _received(request: Request, place: Path) -> None:
    """Stream a body into a file that is not there yet; what is cut off leaves nothing."""
    handle, beside = tempfile.mkstemp(prefix=".part-", dir=place.parent)
    size = 0
    try:
        with os.fdopen(handle, "wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > _LARGEST_DROP:
                    raise OptionError(f"{place.name} is too large to be taken")
                await anyio.to_thread.run_sync(file.write, chunk)
        os.link(beside, place)  # which, unlike a rename, replaces nothing
    finally:
        os.unlink(beside)
