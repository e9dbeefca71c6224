"""What a comparison shall do: who takes part, metrics, and how they are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hyperfocal import registry
from hyperfocal.options import option

# The three of the SESF-Fuse paper, and the four that compare with a truth.
USUAL = ("qg", "qm", "qcb", "psnr", "ssim", "ms_ssim", "psnr_edges")


@dataclass(frozen=True)
class BenchPlan:
    """A comparison of methods and programs."""

    methods: tuple[str, ...] = ("prism",)  # as `fuse --method` takes them
    commands: tuple[str, ...] = ()  # "NAME: program … {frames} … {out}"
    metrics: str = option(",".join(USUAL), "names with commas between, or all")
    grey: Literal["255", "paper"] = option(
        "255", "value range of the metrics in grey: 255, or as in the SESF-Fuse paper's tables"
    )
    scenes: str = option("*", "pattern of the scenes to take, as 'pairs/*' or '*/pair_*'")
    fuse: str = option(
        "--align none --exposure none",
        "more arguments for every run of our own methods, as one text; a cropped picture could not "
        "be compared with its reference",
    )
    timeout: float = option(
        600.0, "after this a run is ended and counts as failed", unit="s", low=0
    )
    jobs: int = option(1, "runs side by side; times worth quoting need 1", low=1)
    retry: bool = option(False, "run again what failed in an earlier run")
    figures: bool = option(True, "draw the figures")
    sheets: bool = option(True, "draw a contact sheet for every scene")

    def metric_names(self) -> list[str]:
        """The metrics by the names of their files; raises UnknownChoice for others."""
        if self.metrics == "all":
            return registry.names("metrics")
        given = [name.strip().lower().replace("-", "_") for name in self.metrics.split(",")]
        names = list(dict.fromkeys(filter(None, given)))
        for name in names:
            registry.module("metrics", name)
        return names
