"""The plots, as SVG. matplotlib is the extra ``bench``; without it there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_OURS: Final = "#0b6e99"
_OTHERS: Final = "#b9bec4"
_LINES: Final = ("#0b6e99", "#c2571a", "#3d7a3a", "#7a4d9f", "#a33b52")
_INK: Final = "#333333"

_STYLE: Final = {
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#999999",
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titlepad": 14,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "bulkdel",
    "legend.frameon": False,
}


def installed() -> bool:
    """Say whether plots can be drawn."""
    return find_spec("matplotlib") is not None


@contextmanager
def _figure(path: Path, width: float, height: float, columns: int = 1) -> Iterator[Any]:
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    plt = import_module("matplotlib.pyplot")
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(1, columns, figsize=(width, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
        yield axes
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
        plt.close(figure)


def throughput(found: dict[str, Any], path: Path) -> None:
    """Draw DELETE/s by client; the ceiling stands in words, since it would dwarf the rest."""
    clients = [client for client in found["clients"] if client["name"] != "wrk"]
    ceiling = [client for client in found["clients"] if client["name"] == "wrk"]
    clients.sort(key=lambda client: client["rate"]["median"])
    rates = [client["rate"] for client in clients]
    medians = [rate["median"] for rate in rates]
    ends = [
        [rate["median"] - rate["least"] for rate in rates],
        [rate["most"] - rate["median"] for rate in rates],
    ]
    with _figure(path, 8.4, 0.9 + 0.42 * len(clients)) as axes:
        colours = [_OURS if c["name"].startswith("bulkdel") else _OTHERS for c in clients]
        names = [client["title"] for client in clients]
        axes.barh(names, medians, color=colours, height=0.66)
        axes.errorbar(medians, names, xerr=ends, fmt="none", ecolor=_INK, elinewidth=1, capsize=2)
        for name, rate in zip(names, rates, strict=True):
            axes.annotate(
                f"{rate['median']:,.0f}",
                (rate["most"], name),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        over = "HTTPS" if found["scheme"] == "https" else "HTTP"
        axes.set_title(f"DELETE/s over {over}, {found['concurrency']} in flight")
        note = "median of whole commands, and their range"
        if ceiling:
            note += f"\nthe server's ceiling (wrk): {ceiling[0]['rate']['median']:,.0f}"
        axes.set_xlabel(note)
        axes.set_xlim(0, max(rate["most"] for rate in rates) * 1.12)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")


def latency(found: dict[str, Any], path: Path) -> None:
    """Draw rate over concurrency, a line for each latency, with what is possible at all."""
    points = found["points"]
    latencies_s = sorted({point["latency_s"] for point in points})
    with _figure(path, 7.2, 4.4) as axes:
        for colour, latency_s in zip(_LINES, latencies_s, strict=False):
            line = sorted(
                (point["concurrency"], point["rate"]["median"])
                for point in points
                if point["latency_s"] == latency_s
            )
            across, rates = [x for x, _ in line], [y for _, y in line]
            axes.plot(across, [x / latency_s for x in across], "--", color=colour, lw=1, alpha=0.6)
            axes.plot(across, rates, "o-", color=colour, lw=2)
            axes.annotate(
                f"{latency_s * 1000:g} ms: {rates[-1]:,.0f}/s",
                (across[-1], rates[-1]),
                xytext=(9, -4),
                textcoords="offset points",
                color=colour,
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(across, [str(x) for x in across])
        axes.minorticks_off()
        axes.set_ylim(bottom=min(point["rate"]["median"] for point in points) * 0.6)
        axes.set_xlim(across[0] * 0.9, across[-1] * 2.6)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel(
            "requests in flight; dashed: in flight / latency, the most that is possible"
        )
        axes.set_ylabel("DELETE/s")
        axes.set_title("Rate by concurrency and latency of the server")
        axes.grid(visible=True)


def memory(found: dict[str, Any], path: Path) -> None:
    """Draw memory over time, with what is allowed."""
    with _figure(path, 7.2, 3.8) as axes:
        axes.plot(
            [at_s for at_s, _ in found["over_time"]],
            [mb for _, mb in found["over_time"]],
            color=_OURS,
            lw=2,
        )
        axes.axhline(found["allowed_mb"], color=_INK, lw=1, ls="--")
        axes.annotate(
            f"allowed: 150 MB + 24 B per ID = {found['allowed_mb']:,.0f} MB",
            (0, found["allowed_mb"]),
            xytext=(4, 5),
            textcoords="offset points",
        )
        axes.set_ylim(0, found["allowed_mb"] * 1.15)
        axes.set_xlim(0, None)
        axes.set_xlabel("seconds since the start")
        axes.set_ylabel("memory (RSS), MB")
        axes.set_title(f"Memory of one run over {found['ids']:,} IDs")
        axes.grid(visible=True)


def per_second(row: dict[str, Any], path: Path) -> None:
    """Draw what a server took in each second."""
    with _figure(path, 8.4, 3.6) as axes:
        axes.bar(range(len(row["per_second"])), row["per_second"], width=1.0, color=_OURS)
        axes.set_xlim(0, len(row["per_second"]))
        axes.set_xlabel("seconds since the first request")
        axes.set_ylabel("taken per second")
        axes.set_title(f"{row['client']}: {row['case']}")
        axes.grid(axis="y")


def resume(found: dict[str, Any], path: Path) -> None:
    """Draw times and memory over the size of the log."""
    names = {
        "new_last": "first DELETE",
        "new_first": "first DELETE, new IDs in front",
        "status": "bulkdel status",
        "failed": "bulkdel failed",
        "report": "bulkdel report",
    }
    lines = [size["lines"] for size in found["sizes"]]
    with _figure(path, 10, 4.2, columns=2) as (left, right):
        for colour, (name, title) in zip(_LINES, names.items(), strict=True):
            seconds = [size["seconds"][name]["median"] for size in found["sizes"]]
            left.plot(lines, seconds, "o-", color=colour, lw=2, label=title)
            if name in ("new_last", "status", "report"):
                peaks = [size["peak_mb"][name] for size in found["sizes"]]
                title = "resume" if name == "new_last" else title
                right.plot(lines, peaks, "o-", color=colour, lw=2, label=title)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_xlabel("results in the log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.minorticks_off()
            axes.grid(visible=True)
        left.legend(loc="upper left")
        right.legend(loc="lower right")
        left.set_yscale("log")
        left.set_ylim(0.1, None)
        left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        left.set_ylabel("seconds")
        left.set_title("Time to resume and to read a log")
        right.set_ylim(0, None)
        right.set_ylabel("peak memory, MB")
        right.set_title("Memory")
