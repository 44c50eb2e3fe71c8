"""Progress bars."""

from collections.abc import Callable

from tqdm.auto import tqdm


def progress_bar(count: int, batch_size: int, desc: str, show: bool | None) -> tqdm | None:
    """As FlagEmbedding: a bar for more than one batch, unless `show` says otherwise."""
    wanted = count >= batch_size if show is None else show
    return tqdm(total=count, desc=desc, unit="text") if wanted and count else None


def report_to(bar: tqdm | None, before: int) -> Callable[[int, int], None]:
    """Moves `bar` on as a window is computed, before which `before` texts are done."""

    def report(done: int, _total: int) -> None:
        if bar is not None:
            bar.update(before + done - bar.n)

    return report
