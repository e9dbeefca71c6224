"""Opening a stack: which files are its frames, and which lie beside them.

Looks at headers, and of transparent frames at their transparency. What is left aside, and what was
done to make frames of one kind, is told in remarks on the frames.
"""

from __future__ import annotations

import dataclasses
import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hyperfocal.errors import FormatError, StackError
from hyperfocal.frame import Source
from hyperfocal.io import formats
from hyperfocal.io.limits import LARGEST_PICTURE, MOST_FRAMES
from hyperfocal.io.scratch import ScratchSource
from hyperfocal.io.sources import FileSource
from hyperfocal.stack import fitting, transparency
from hyperfocal.stack.arrays import ArraySource, array_source, doubts, frames_of, is_array, spooled
from hyperfocal.stack.stack import FrameLike, FramesLike, Stack, natural_key


class _Files(NamedTuple):
    """What was found at a place: pictures, and other files, which have no name but for messages."""

    pictures: list[Path]
    others: list[str]


def open_stack(
    frames: FramesLike,
    *,
    exclude: Iterable[Path] = (),
    fewest: int = 2,
    is_strict: bool = False,
    largest_picture: float = LARGEST_PICTURE,
) -> Stack:
    """The stack of a folder, of files, or of arrays; `fewest` frames at least, headers read only.

    The pictures of a folder or of a pattern (`stack/*.tif`) are sorted naturally (2 before 10);
    of a folder, `exclude` (outputs of an earlier run, say) is left out, and so are RAW files, films
    and arrays where there are other pictures. A list keeps its order. A single file of a set of
    OME-TIFF stands for the set. Arrays are uint8, uint16 or float (0…1), of NumPy, dask, xarray,
    Zarr, torch or PIL; those of an iterator are kept on scratch as they come. A Stack comes back as
    it is.

    Results among the frames, and frames of another size, depth or colour than most are left out,
    which the frames' remarks tell; `is_strict`, and with arrays, they are an error. Pictures
    of more than `largest_picture` megapixels are refused where their files are too small for them.
    Raises FormatError for what cannot be read, StackError for what does not fit together.
    """
    if isinstance(frames, Stack):
        return frames
    sources, ignored = _sources(frames, {path.absolute() for path in exclude})
    sources = _believed(sources, largest_picture)
    if len(sources) < fewest:
        raise StackError(_too_few(sources, ignored, frames))
    if len(sources) > MOST_FRAMES:
        raise StackError(f"{len(sources)} frames are more than {MOST_FRAMES}; fuse them in parts")
    remarks = _aside(ignored)
    if is_strict or any(isinstance(source, ArraySource | ScratchSource) for source in sources):
        fitting.require_alike(sources)
        remarks += doubts(sources)
    else:
        sources, told = fitting.fitting(sources, fewest=fewest)
        remarks += told
    sources = formats.matched(sources)
    # A cut frame is found now, not after an hour of work on those before it.
    for path in {source.path: None for source in sources}:
        if path is not None:
            formats.require_whole(path)
    # Frames are alike, so the first tells whether they fit into memory.
    formats.require_readable(sources[0])
    if not is_strict:
        sources, told = transparency.covering(sources)
        remarks += told
    sources = _with_remarks(sources, remarks)
    stack = Stack(sources, ignored)
    if any(source.is_sequential for source in sources):
        stack.spool()
    return stack


def remarks_of(stack: Stack) -> list[str]:
    """What is to be told of a stack before any work, each line once."""
    return list(dict.fromkeys(line for source in stack.sources for line in source.info.remarks))


def _sources(
    frames: FrameLike | Iterable[FrameLike], exclude: set[Path]
) -> tuple[list[Source], tuple[str, ...]]:
    if isinstance(frames, Iterator):
        first = next(frames, None)
        if first is None:
            return [], ()
        frames = itertools.chain([first], frames)
        if is_array(first):
            return list(spooled(array_source(each, at) for at, each in enumerate(frames))), ()
    given = _each(frames)
    sources: list[Source] = []
    ignored: list[str] = []
    for place, frame in enumerate(given):
        if not isinstance(frame, str | os.PathLike):
            if not is_array(frame):
                raise StackError(_no_frame(f"frame {place + 1}", frame))
            sources.append(array_source(frame, place))
            continue
        path, selection = formats.split(os.fspath(frame))
        try:
            files = _files(path, exclude)
        except OSError as error:
            raise FormatError(
                f"{path} cannot be read: {error.strerror}; check its name and permissions"
            ) from error
        ignored += files.others
        is_lone = len(given) == 1 and files.pictures == [path]
        open_file = formats.open_set if is_lone else formats.open_frames
        for file in files.pictures:
            try:
                sources += open_file(file, selection)
            except FormatError:
                # What only looks like a picture need not be one of the frames.
                if path == file or formats.is_known(file):
                    raise
                ignored.append(file.name)
    return sources, tuple(ignored)


def _each(frames: FrameLike | Iterable[FrameLike]) -> list[FrameLike]:
    """What is given, one by one; raises StackError for what holds no frames."""
    if isinstance(frames, str | os.PathLike):
        return [frames]
    if is_array(frames):
        return frames_of(frames)
    if not isinstance(frames, Iterable):
        raise StackError(_no_frame("frames", frames))
    return list(frames)


def _no_frame(what: str, given: object) -> str:
    return (
        f"{what} is of type {type(given).__name__}; give a folder, paths, or arrays of NumPy, "
        "dask, xarray, Zarr, torch or PIL"
    )


def _files(path: Path, exclude: set[Path]) -> _Files:
    if path.is_dir() and not formats.is_folder(path):
        return _Files(*listed(path, exclude))
    pattern = None if path.exists() else _pattern(path)
    if pattern is None:
        # A shell has made a list of a pattern such as `in/*`.
        is_other = path.is_file() and not formats.is_known(path) and not formats.looks_known(path)
        return _Files([], [path.name]) if is_other else _Files([path], [])
    found = sorted((Path(each) for each in glob.glob(pattern)), key=_by_name)
    is_picture = {each: formats.is_known(each) or formats.looks_known(each) for each in found}
    pictures = [each for each in found if is_picture[each]]
    return _Files(pictures, [each.name for each in found if not is_picture[each]])


def _pattern(path: Path) -> str | None:
    """The pattern that a path is, folders that exist taken as they are called; None for none."""
    for count in range(len(path.parts) - 1, -1, -1):
        folder = Path(*path.parts[:count])
        if folder.is_dir():
            rest = os.path.join(*path.parts[count:])
            inside = os.path.join(glob.escape(str(folder)), rest)
            return inside if glob.has_magic(rest) else None
    return None


def listed(folder: Path, exclude: set[Path]) -> tuple[list[Path], list[str]]:
    """The pictures of a folder in natural order, and the names of its other files.

    A picture whose suffix is unknown is one by its first bytes, unless it is named after another,
    as copies are that programs leave (`a.jpg_original`, `a.png.bak`).
    """
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    # A link that leads nowhere is a missing frame, and opening it will say so.
    files = [
        path
        for path in files
        if path.is_file() or not path.exists() or formats.is_folder(path)
        if path.absolute() not in exclude
    ]
    known = [path for path in files if formats.is_known(path)]
    taken = {name.casefold() for path in known for name in (path.name, path.stem)}
    taken |= {path.stem.casefold() for path in exclude}
    known += [
        path
        for path in files
        if not formats.is_known(path) and path.stem.casefold() not in taken
        if formats.looks_known(path)
    ]
    pictures = [path for path in known if not formats.is_secondary(path)]
    pictures = sorted(pictures or known, key=_by_name)
    aside = sorted(set(files) - set(pictures), key=_by_use)
    return pictures, [path.name for path in aside]


def _by_name(path: Path) -> list[Any]:
    return natural_key(path.name)


def _by_use(path: Path) -> tuple[bool, list[Any]]:
    """What could be read first: it is more likely to be missed."""
    return not formats.is_known(path), natural_key(path.name)


def _too_few(sources: list[Source], ignored: tuple[str, ...], frames: FramesLike) -> str:
    found = f"only one frame ({sources[0].info.name})" if sources else "no frame"
    aside = f" ({fitting.named(ignored)}: no picture that can be read)" if ignored else ""
    return f"{found} in {_told(frames)}{aside}; fusing takes two or more"


def _aside(ignored: tuple[str, ...]) -> list[str]:
    """A line on the files that are no frames."""
    if not ignored:
        return []
    count = "1 file is" if len(ignored) == 1 else f"{len(ignored)} files are"
    told = f"{count} left aside, as no frames: {fitting.named(ignored)}"
    if any(formats.is_known(Path(name)) for name in ignored):
        told += "; name RAW files, films and arrays by a pattern to fuse them"
    return [told]


def _with_remarks(sources: list[Source], remarks: list[str]) -> list[Source]:
    """The frames, each of which tells what is to be told of the stack."""
    # Each, because any of them may be left out later.
    return [
        dataclasses.replace(
            source,
            info=dataclasses.replace(source.info, remarks=(*source.info.remarks, *remarks)),
        )
        if remarks and isinstance(source, FileSource | ArraySource | ScratchSource)
        else source
        for source in sources
    ]


def _believed(sources: list[Source], largest_picture: float) -> list[Source]:
    """The frames, of which so many megapixels are believed."""
    if largest_picture == LARGEST_PICTURE:
        return sources
    return [
        dataclasses.replace(source, largest_picture=largest_picture)
        if isinstance(source, FileSource)
        else source
        for source in sources
    ]


def _told(frames: FramesLike) -> str:
    return str(frames) if isinstance(frames, str | os.PathLike) else "what was given"
