"""What was found, kept by key: each record and picture is written whole or not at all."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from hyperfocal.bench import fingerprints
from hyperfocal.errors import FormatError
from hyperfocal.io import work_folders
from hyperfocal.io.outputs import lock, write_text
from hyperfocal.io.work_folders import WorkFolder


class Cache:
    """Records and pictures of one folder, locked to one process while it is open."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(folder / "lock", who="bench", folder=folder)
        except OSError as error:
            raise FormatError(
                f"folder {folder} cannot be written to ({error.strerror}); choose another"
            ) from error
        # What a killed run left half-made, and nothing else that may stand there.
        work_folders.clean(folder / "work")
        for kind in ("work", "runs", "pictures", "metrics", "drawn"):
            (folder / kind).mkdir(exist_ok=True)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            (self.folder / "work").rmdir()
        self._lock.close()

    def read(self, kind: str, key: str) -> dict[str, Any]:
        """The record of that key; empty where there is none or it cannot be read."""
        try:
            found = json.loads((self.folder / kind / f"{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, kind: str, key: str, record: dict[str, Any]) -> None:
        write_text(self.folder / kind / f"{key}.json", json.dumps(record, indent=1))

    def picture(self, key: str, suffix: str) -> Path:
        """Where the picture of a run is kept."""
        return self.folder / "pictures" / f"{key}{suffix}"

    def work_folder(self) -> contextlib.closing[WorkFolder]:
        """A new folder for one run, on the file system of the cache."""
        return contextlib.closing(WorkFolder(self.folder / "work"))

    def is_drawn(self, path: Path, key: str) -> bool:
        """Whether this picture was drawn from what `key` stands for and is as it was."""
        record = self.read("drawn", fingerprints.of_values(str(path)))
        return (
            record.get("key") == key
            and path.is_file()
            and record.get("sha256") == fingerprints.of_file(path)
        )

    def note_drawn(self, path: Path, key: str) -> None:
        record = {"key": key, "sha256": fingerprints.of_file(path)}
        self.write("drawn", fingerprints.of_values(str(path)), record)
