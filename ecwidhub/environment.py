"""Where the settings' values come from: variables, files that variables name, and `.env`. Read by settings.py alone."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping


class Variables(FileAwareMapping):  # type: ignore[misc]  # it ships no types
    """The environment, in which `NAME_FILE` may name a file that holds the value of `NAME` and wins over it.

    A secret in a file shows in no process list, no crash report and no `docker inspect`. An empty variable is not set.
    """

    def __getitem__(self, name: str) -> str:
        value = self._read(name)
        if not value:
            raise KeyError(name)
        return value

    def _read(self, name: str) -> str:
        try:
            return str(super().__getitem__(name)).strip()  # editors end a file with a new line
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{name}_FILE names a file that is not text") from None


class Environment(environ.Env):  # type: ignore[misc]
    """django-environ on top of `Variables`."""

    ENVIRON = Variables()


def read(file: Path) -> Any:
    """Return the environment; what it leaves open is taken from `file`, if there is one."""
    Environment.read_env(file)
    return Environment()
