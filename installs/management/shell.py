"""What the operators' commands share: finding the row they name, showing how far they are, stopping cleanly."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError, OutputWrapper

from installs.actions import jobs
from installs.models import AppRegistration, Installation, Job

_STRETCH = 1.0
_PAUSE = 0.2
_INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def app_of(client_id: str) -> AppRegistration:
    """Return the app with this client ID.

    :raises CommandError: when there is none.
    """
    app = AppRegistration.objects.filter(client_id=client_id).first()
    if app is None:
        raise CommandError(f"No app registration has the client ID {client_id}.")
    return app


def installation_of(store_id: int, client_id: str) -> Installation:
    """Return the installation of an app on a store.

    :raises CommandError: when there is no such app, or it was never on that store.
    """
    rows = Installation.objects.for_lists().filter(app=app_of(client_id), store__store_id=store_id)
    installation = rows.first()
    if installation is None:
        raise CommandError(f"{client_id} was never installed on store {store_id}.")
    return installation


class Progress:
    """How far a command is: one line that a terminal sees growing, nothing where nobody is looking."""

    def __init__(self, output: OutputWrapper, total: int, what: str) -> None:
        self._output = output if output.isatty() else None
        self._total = total
        self._what = what

    def show(self, done: int) -> None:
        """Show that `done` of the total are done, and end the line with the last one."""
        if self._output is not None:
            end = "\n" if done >= self._total else ""
            self._output.write(f"\r{done} of {self._total} {self._what}{end}", ending="")
            self._output.flush()


def work_off(job: Job, output: OutputWrapper, what: str) -> None:
    """Work a job off here and now, beside any worker that helps, and show how far it is.

    :raises CommandError: when it ends as failed.
    """
    progress = Progress(output, job.total, what)
    while not job.is_over:
        if not jobs.work(job_id=job.pk, seconds=_STRETCH):
            time.sleep(_PAUSE)  # a worker is at it, or it waits for something
        job.refresh_from_db()
        progress.show(job.seen)
    if job.state == Job.State.FAILED:
        raise CommandError(f"Job {job.pk} ended after {job.seen} of {job.total}: {job.error}.")


@contextmanager
def stoppable(advice: str) -> Iterator[None]:
    """Turn Ctrl-C into one clear line that says what running it again does.

    :raises CommandError: when somebody interrupts.
    """
    try:
        yield
    except KeyboardInterrupt as stopped:
        raise CommandError(f"Stopped. {advice}", returncode=_INTERRUPTED) from stopped
