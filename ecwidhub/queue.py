"""The embedded queue: kombu's queue in files, but a message is in its folder whole or not at all.

Kombu opens a message's file where workers look for it, and then writes it. A worker that looks between the two reads
nothing, takes that for a broken message, and ends.
"""

import json
import os
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


class Channel(filesystem.Channel):
    """Puts a message down under a name that nobody looks for, and then gives it its own."""

    # The classes above disagree on the second name.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        written = folder / f"{name}.part"
        written.write_bytes(json.dumps(payload).encode())  # the task itself is text in it already
        os.replace(written, folder / name)


class Transport(filesystem.Transport):
    """What `filesystem://` means in this project."""

    Channel = Channel


def install() -> None:
    """Let kombu use it."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
