"""The picture of a run: how much, how fast, and whether it stays so. A target has one colour everywhere."""

import pathlib
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from figures import PERCENTILES

if TYPE_CHECKING:  # the processes of the generator, which import all this, do not need it
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLOURS = {
    "bgem3-server": "#0b6e99",
    "score.py": "#4ba3c7",
    "in-process": "#7a7a7a",
    "flagembedding": "#d9822b",
    "flagembedding-threads": "#efb46e",
    "stub": "#a0a0a0",
    "url": "#6a4c93",
}
LABELS = {
    "bgem3-server": "bgem3-server",
    "score.py": "score.py with bgem3",
    "in-process": "one encode(), no server",
    "flagembedding": "score.py with FlagEmbedding",
    "flagembedding-threads": "… with threads",
    "stub": "server without a model",
    "url": "the URL",
}


def draw(result: dict, file: pathlib.Path) -> None:
    """`result`: what report.py writes as JSON, with at least one target that answered."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    targets = {name: found for name, found in result["targets"].items() if found["texts_per_s"]}
    figure, axes = plt.subplots(2, 2, figsize=(13, 8), layout="constrained")
    figure.suptitle(title(result), fontsize=15, fontweight="bold")
    (name, first), *others = targets.items()
    if "latency_histogram" in first and not others:
        draw_histogram(axes[0, 0], first, COLOURS[name])
    else:
        draw_speed(axes[0, 0], targets)
    draw_percentiles(axes[0, 1], targets)
    draw_over_time(axes[1, 0], targets, "throughput", "texts_per_s", "Throughput over the run", "texts per second")
    draw_over_time(axes[1, 1], targets, "memory_mb", "mb", "Memory of the server over the run", "MB")
    figure.text(0.01, -0.01, footer(result), va="top", fontsize=9, color="#444444")
    figure.savefig(file, dpi=120, bbox_inches="tight", pad_inches=0.2)
    plt.close(figure)


def title(result: dict) -> str:
    load = result["load"]
    texts = "one text" if load["texts_per_call"] == 1 else f"{load['texts_per_call']} texts"
    asked = f"{load['clients']} clients × {load['calls']:,} calls with {texts} each"
    return f"{asked} of about {load['tokens_of_a_text']['mean']:.0f} tokens, model “{load['model']}”"


def footer(result: dict) -> str:
    sums = [f"{LABELS[name]}: {summary(found)}" for name, found in result["targets"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    machine = f"{result['processor']}, {result['threads']} threads; {result['date']}; {versions}"
    return "\n".join(line for each in [*sums, machine] for line in textwrap.wrap(each, 190))


def summary(found: dict) -> str:
    """What became of all calls, in a line."""
    if not found.get("statuses"):
        return found.get("failed") or f"{found['calls']} calls"
    statuses = ", ".join(f"{count:,} × {status}" for status, count in found["statuses"].items())
    text = f"{found['calls']:,} calls: {statuses}; {found['wrong']} wrong vectors"
    memory = found.get("memory")
    if memory:
        word = {True: "flat: ", False: "GROWS: "}.get(memory.get("is_flat"), "")
        text += f"; memory {word}{memory['start_mb']:,.0f} to {memory['end_mb']:,.0f} MB after warm-up"
    return text


# The four parts


def draw_speed(axis: "Axes", targets: dict[str, dict]) -> None:
    names = list(targets)[::-1]
    speeds = [targets[name]["texts_per_s"] for name in names]
    bars = axis.barh([LABELS[name] for name in names], speeds, color=[COLOURS[name] for name in names])
    tokens = [targets[name]["tokens_per_s"] for name in names]
    labels = [f" {speed:,.0f} texts/s, {each:,.0f} tokens/s" for speed, each in zip(speeds, tokens)]
    axis.bar_label(bars, labels)
    axis.set_xlim(0, max(speeds) * 1.7)
    axis.set(title="Throughput (more is better)", xlabel="texts per second")


def draw_histogram(axis: "Axes", found: dict, colour: str) -> None:
    edges, counts = (np.array(found["latency_histogram"][name]) for name in ("edges_ms", "counts"))
    axis.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colour)
    for name in PERCENTILES:
        axis.axvline(found["latency_ms"][name], color="#444444", linewidth=1)
        axis.text(found["latency_ms"][name], axis.get_ylim()[1] * 0.98, f" {name}", rotation=90, va="top", fontsize=9)
    axis.set(title="How long calls took", xlabel="milliseconds", ylabel="calls", xscale="log")
    plain_ticks(axis.xaxis)


def draw_percentiles(axis: "Axes", targets: dict[str, dict]) -> None:
    shown = {name: found["latency_ms"] for name, found in targets.items() if "latency_ms" in found}
    width = 0.8 / max(1, len(shown))
    for k, (name, latency) in enumerate(shown.items()):
        values = [latency[p] for p in PERCENTILES]
        places = np.arange(len(values)) + (k - (len(shown) - 1) / 2) * width
        bars = axis.bar(places, values, width * 0.95, color=COLOURS[name])
        axis.bar_label(bars, [f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in values], fontsize=8)
    axis.set(title="Time in which calls are answered (less is better)", ylabel="milliseconds")
    axis.set_ylim(top=axis.get_ylim()[1] * 1.05)
    axis.set_xticks(
        range(len(PERCENTILES)), [f"{p} % of calls\n({name})" for name, p in PERCENTILES.items()], fontsize=9
    )


def draw_over_time(axis: "Axes", targets: dict[str, dict], series: str, column: str, name: str, unit: str) -> None:
    for target, found in targets.items():
        if found.get(series, {}).get("seconds"):
            axis.plot(found[series]["seconds"], found[series][column], color=COLOURS[target])
    axis.set(title=name, xlabel="seconds since the start", ylabel=unit)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.1)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.grid(alpha=0.3)


def plain_ticks(axis: "Axis") -> None:
    """1, 2, 5, 10, 20 … on a logarithmic axis."""
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:,.4g}")
    axis.set_minor_formatter(lambda *_: "")
