"""A bar for what takes long; nothing where standard error is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

import rich.progress
from rich.console import Console


class CallsPerSecond(rich.progress.ProgressColumn):
    def render(self, task: rich.progress.Task) -> str:
        return f"{task.speed:,.0f}/s" if task.speed else ""


@contextlib.contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gets how much is done."""
    columns = (
        rich.progress.TextColumn("{task.description:<24}"),
        rich.progress.BarColumn(bar_width=None),
        rich.progress.MofNCompleteColumn(),
        CallsPerSecond(),
        rich.progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
