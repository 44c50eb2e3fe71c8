"""How busy a GPU was during a load test, as JSON and as a picture.

    nvidia-smi --query-gpu=timestamp,utilization.gpu,power.draw,memory.used --format=csv,noheader,nounits -lms 100 > samples.csv
    python bench/load/gpu_utilization.py samples.csv load.json utilization        (beside and after bench/load/load.py)
    python bench/load/gpu_utilization.py utilization.json picture.png

load.json is what `load.py --output` wrote for one server. Writes utilization.json and utilization.png, or of the former the
picture alone. The seconds of the load are the last ones with a utilization above IDLE, as many as load.json says that it took.
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
    busy = [sample["seconds"] for sample in samples if sample["utilization_percent"] > IDLE]
    end = max(busy, default=0) - 1
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


def with_gpu(load: dict, samples: list[dict[str, float]]) -> dict:
    """What load.py found for one server, with what the GPU did meanwhile, if it did anything."""
    (figures,) = load["targets"].values()
    meanwhile = of_load(samples, figures.get("seconds", 0))
    if not meanwhile:
        return {"gpu": None, **load}
    return {"gpu": summarize(meanwhile), **load, "gpu_samples": meanwhile}


def draw(found: dict, file: pathlib.Path) -> None:
    """Of what with_gpu() gave."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    (figures,) = found["targets"].values()
    samples, mean = found["gpu_samples"], found["gpu"]["mean_utilization_percent"]
    first = samples[0]["seconds"]
    seconds = [sample["seconds"] - first for sample in samples]
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(10, 5), layout="constrained")
    upper.plot(seconds, [sample["utilization_percent"] for sample in samples], linewidth=0.8)
    upper.set(ylim=(0, 105), ylabel="GPU busy, %", title=f"mean {mean:.1f} %")
    lower.plot(figures["throughput"]["seconds"], figures["throughput"]["texts_per_s"])
    lower.set(ylim=(0, None), xlabel="seconds", ylabel="texts/s")
    figure.savefig(file, dpi=110)


def combine(samples_file: str, load_file: str, output: str) -> None:
    load = json.loads(pathlib.Path(load_file).read_text())
    found = with_gpu(load, read_samples(pathlib.Path(samples_file)))
    pathlib.Path(f"{output}.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(found, pathlib.Path(f"{output}.png"))
    print(json.dumps(found["gpu"], indent=2))


def main(*arguments: str) -> None:
    if len(arguments) == 2:
        draw(json.loads(pathlib.Path(arguments[0]).read_text()), pathlib.Path(arguments[1]))
    elif len(arguments) == 3:
        combine(*arguments)
    else:
        sys.exit(f"expected two or three files, found {len(arguments)}\n{__doc__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
