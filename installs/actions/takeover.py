"""Take over: installations from a file, each probed before it counts, as a job that may be stopped and taken up again.

Every line stands in a row with its tokens sealed until it is done; the file itself is kept nowhere.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.db.models.functions import Now

from accounts import sealing
from accounts.models import User
from installs import manifests
from installs.actions import adopt, jobs
from installs.actions.jobs import Result
from installs.ecwid import api, oauth
from installs.models import AppRegistration, ImportLine, Installation, Job, Leased, Outcome, Source

KIND = "import"
_BATCH = 40
_AT_ONCE = 8  # looks at the same time; each is one request
_INSERT = 1000
# Ecwid shuts a whole address out for dead tokens used too often (contract §4.3): half a batch, and we wait a while.
_MANY_DEAD = _BATCH // 2
_REST = timedelta(minutes=1)
_PATIENCE = 10  # rests while nobody answers at all


def order(*, app: AppRegistration, content: bytes, dry_run: bool, reason: str, by: User | None) -> Job:
    """Write down every line of a file; a worker, or the caller, does the rest. All or none.

    :raises manifests.Unreadable: when it is no such file.
    """
    what = "Try to take over" if dry_run else "Take over"
    params = {"app": app.pk, "dry_run": dry_run, "rests": 0}
    title = f"{what} installations of {app.client_id}"
    job = jobs.order(kind=KIND, title=title, reason=reason, by=by, params=params, state=Leased.State.FAILED)
    try:
        total, bad = _write_down(job, app, manifests.read(content))
    except manifests.Unreadable:
        job.delete()
        raise
    Job.objects.filter(pk=job.pk).update(total=total, failed=bad, state=Leased.State.WAITING, due_at=Now())
    job.refresh_from_db()
    return job


def _write_down(job: Job, app: AppRegistration, lines: Iterable[manifests.Line]) -> tuple[int, int]:
    """Write the lines down, sealed; return how many there are, and how many nothing can be done with."""
    total = bad = 0
    rows = (_row(job, app, line) for line in lines)
    while some := list(islice(rows, _INSERT)):
        ImportLine.objects.bulk_create(some)
        total += len(some)
        bad += sum(row.outcome == Outcome.FAILED for row in some)
    return total, bad


def _row(job: Job, app: AppRegistration, line: manifests.Line) -> ImportLine:
    row = ImportLine(job=job, app=app, number=line.number, store_id=line.store_id, scopes=list(line.scopes))
    if line.problem:
        row.outcome, row.words, row.at = Outcome.FAILED, line.problem, datetime.now(UTC)
    else:
        row.secret_token, row.public_token = line.secret_token, line.public_token
    return row


@jobs.kind(KIND)
def _step(job: Job) -> bool:
    """Look at one batch of tokens at once, then take over, one by one, what works."""
    waiting = ImportLine.objects.filter(job=job, outcome=Outcome.WAITING).select_related("app").order_by("pk")
    lines = list(waiting[:_BATCH])
    if not lines:
        return False
    looked = list(_looked(lines))
    if all(verdict is api.Probe.UNKNOWN for _line, verdict in looked):
        _rest(job)
    elif job.params["rests"]:
        _remember(job, rests=0)
    results = {line.pk: _judged(job, line, verdict) for line, verdict in looked}
    ours = jobs.note(job, ImportLine.objects.filter(job=job), results)
    if sum(verdict is api.Probe.DEAD for _line, verdict in looked) >= _MANY_DEAD:
        raise jobs.Later(_REST, "many tokens are dead; waiting, so that Ecwid does not shut us out")
    return ours


def _looked(lines: list[ImportLine]) -> Iterator[tuple[ImportLine, api.Probe | None]]:
    """Yield each line with the verdict on its token, None where the token itself cannot be read."""
    grants = {line.pk: grant for line in lines if (grant := _grant(line))}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = dict(zip(grants, pool.map(adopt.look, grants.values()), strict=True))
    for line in lines:
        yield line, verdicts.get(line.pk)


def _grant(line: ImportLine) -> oauth.Grant | None:
    try:
        # Where the file names no scopes, those that the app's record asks for: an install grants them (contract §2.7).
        granted = tuple(line.scopes or line.app.wanted_scopes)
        return oauth.Grant(line.store_id or 0, line.secret_token, line.public_token, granted, email="")
    except sealing.SealBroken:
        return None


def _rest(job: Job) -> None:
    """Wait while nobody answers, but not for ever; then every line is judged as it is.

    :raises jobs.Later: while there is patience left.
    """
    if job.params["rests"] < _PATIENCE:
        _remember(job, rests=job.params["rests"] + 1)
        raise jobs.Later(_REST, "nobody answers; trying again in a minute")


def _remember(job: Job, *, rests: int) -> None:
    job.params["rests"] = rests
    Job.objects.filter(pk=job.pk).update(params=job.params)


def _judged(job: Job, line: ImportLine, verdict: api.Probe | None) -> Result:
    """Take a line over if its token works; return what came of it."""
    grant = _grant(line)
    if verdict is None or grant is None:
        return Outcome.FAILED, "its token cannot be read with these TOKEN_KEYS"
    if verdict is api.Probe.DEAD:
        return Outcome.FAILED, "Ecwid does not take this token for this store"
    if verdict in (api.Probe.UNKNOWN, api.Probe.BLOCKED):
        return Outcome.FAILED, "nobody could tell whether the token works; take this line over again"
    installation = adopt.known(app=line.app, store_id=grant.store_id)
    if installation is not None and installation.callable:
        same = adopt.holds(installation, grant)
        return Outcome.LEFT, "is here already" if same else "is here already with another token, which stays"
    if job.params["dry_run"]:
        return Outcome.DONE, _would(installation, verdict)
    taken = adopt.adopt(app=line.app, grant=grant, source=Source.IMPORTED, verdict=verdict)
    return Outcome.DONE, f"installed, generation {taken.generation}{_note(verdict)}"


def _would(installation: Installation | None, verdict: api.Probe) -> str:
    new = "would be installed" if installation is None else f"would open generation {installation.generation + 1}"
    return f"{new}{_note(verdict)}"


def _note(verdict: api.Probe) -> str:
    return "; its plan or a suspension stops us for now" if verdict is api.Probe.PAUSED else ""
