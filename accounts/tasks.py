"""Work of the ground floor: mails, and the ids that a task's log lines carry."""

from typing import Any

from celery import shared_task, signals

from accounts import doorbell, letters, links, story
from accounts.models import Letter, SignInRequest

_BATCH = 100


@shared_task
def send_sign_in_link(request_id: int) -> None:
    """Mail the links somebody asked for."""
    links.send(request_id)


@shared_task
def send_letter(letter_id: int) -> None:
    """Mail one letter."""
    letters.send(letter_id)


@shared_task
def sweep_mails() -> None:
    """Ring again for mails that nobody has sent."""
    for pk in SignInRequest.objects.due().values_list("pk", flat=True)[:_BATCH]:
        doorbell.ring(send_sign_in_link, pk)
    for pk in Letter.objects.due().values_list("pk", flat=True)[:_BATCH]:
        doorbell.ring(send_letter, pk)


@signals.task_prerun.connect
def begin_story(task: Any = None, **_: object) -> None:
    """Have every line of a task name it, and the visitor's request that rang for it."""
    story.begin(task=task.name.rpartition(".")[2], request=task.request.get("request_id"))


@signals.task_postrun.connect
def end_story(**_: object) -> None:
    """Let no line after a task name it."""
    story.begin()
