"""What a test asked to be done in the middle of a call: once it was acted on, and before it is answered."""

from collections.abc import Callable
from types import TracebackType

from tests.sandbox.disturb import ANY

Callback = Callable[[], object]


class Callbacks:
    """Those that wait for their call, and what went wrong in those that ran; the caller holds the lock to change it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Callback]] = []
        self._errors: list[BaseException] = []

    def add(self, kind: str, callback: Callback) -> None:
        """Let one wait for the next call of a kind, `*` for any."""
        self._waiting.append((kind, callback))

    def take(self, kind: str) -> list[Callback]:
        """Give those that waited for a call of this kind; they wait no longer."""
        taken = [callback for wanted, callback in self._waiting if wanted in (kind, ANY)]
        self._waiting = [(wanted, callback) for wanted, callback in self._waiting if wanted not in (kind, ANY)]
        return taken

    def forget(self) -> None:
        """Let none wait any more; errors are kept until they are raised."""
        self._waiting = []

    def run(self, callback: Callback) -> None:
        """Call it in this thread; an error is kept for the thread of the test and spoils no answer."""
        with _Handed(self._errors):
            callback()

    def raise_errors(self) -> None:
        """Raise what went wrong since the last time, in the words it had.

        :raises BaseException: the one error, or a group of them
        """
        errors, self._errors = self._errors, []
        if len(errors) > 1:
            raise BaseExceptionGroup("several callbacks went wrong", errors)
        for error in errors:
            raise error


class _Handed:
    """Hands an error over from a thread where nobody would see it."""

    def __init__(self, errors: list[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        if error is not None:
            self._errors.append(error)
        return True
