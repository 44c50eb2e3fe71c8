"""How busy a GPU was during a load test, as JSON and as a picture.

    nvidia-smi --query-gpu=timestamp,utilization.gpu,power.draw,memory.used --format=csv,noheader,nounits -lms 100 > samples.csv
    python bench/load/gpu_utilization.py samples.csv load.json utilization        (beside and after bench/load/load.py)

load.json is what `load.py --output` wrote for one server. Writes utilization.json and utilization.png. The seconds of the load
are the last ones with a utilization above IDLE, as many as load.json says that it took.
"""

import csv
import datetime
import json
import pathlib
import statistics
import sys

IDLE = 50  # percent: below, the server had nothing to do
FIELDS = ("utilization_percent", "power_watts", "memory_mib")


def read_samples(file: pathlib.Path) -> list[dict[str, float]]:
    """Of each line, with the seconds since the first; a last line that was cut short is left out."""
    with file.open(newline="") as lines:
        rows = [row for row in csv.reader(lines) if len(row) > len(FIELDS)]
    times = [datetime.datetime.strptime(row[0].strip(), "%Y/%m/%d %H:%M:%S.%f") for row in rows]
    return [
        {"seconds": (time - times[0]).total_seconds(), **dict(zip(FIELDS, map(float, row[1:])))}
        for time, row in zip(times, rows)
    ]


def of_load(samples: list[dict[str, float]], seconds: float) -> list[dict[str, float]]:
    """The samples of the load, whose first and last second are left out: their samples are of what was before and after."""
    end = max(sample["seconds"] for sample in samples if sample["utilization_percent"] > IDLE) - 1
    return [sample for sample in samples if end - seconds + 2 <= sample["seconds"] <= end]


def summarize(samples: list[dict[str, float]]) -> dict[str, float]:
    utilization = sorted(sample["utilization_percent"] for sample in samples)
    return {
        "samples": len(samples),
        "mean_utilization_percent": statistics.mean(utilization),
        "fifth_percentile_utilization_percent": utilization[len(utilization) // 20],
        "mean_power_watts": statistics.mean(sample["power_watts"] for sample in samples),
        "largest_memory_mib": max(sample["memory_mib"] for sample in samples),
    }


def draw(samples: list[dict[str, float]], figures: dict, summary: dict, file: pathlib.Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    first = samples[0]["seconds"]
    seconds = [sample["seconds"] - first for sample in samples]
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(10, 5), layout="constrained")
    upper.plot(seconds, [sample["utilization_percent"] for sample in samples], linewidth=0.8)
    upper.set(ylim=(0, 105), ylabel="GPU busy, %", title=f"mean {summary['mean_utilization_percent']:.1f} %")
    lower.plot(figures["throughput"]["seconds"], figures["throughput"]["texts_per_s"])
    lower.set(ylim=(0, None), xlabel="seconds", ylabel="texts/s")
    figure.savefig(file, dpi=110)


def main(samples_file: str, load_file: str, output: str) -> None:
    load = json.loads(pathlib.Path(load_file).read_text())
    (figures,) = load["targets"].values()
    samples = of_load(read_samples(pathlib.Path(samples_file)), figures["seconds"])
    summary = summarize(samples)
    pathlib.Path(f"{output}.json").write_text(
        json.dumps({"gpu": summary, **load, "gpu_samples": samples}, indent=1) + "\n"
    )
    draw(samples, figures, summary, pathlib.Path(f"{output}.png"))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
