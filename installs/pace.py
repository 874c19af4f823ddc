"""The budget of each token, shared by all processes: through Redis where there is one, else within this process."""

from functools import lru_cache

import redis
from django.conf import settings

from installs.ecwid import errors, pace

_TIMEOUT = 0.5

# One round trip: end of the cool-down, then the bucket. Returns 0, or the milliseconds to wait with nothing booked.
_TAKE = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local quiet = tonumber(redis.call('GET', KEYS[2]) or 0)
if quiet > now then return quiet - now end
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + tonumber(ARGV[1])
local wait = full - now - tonumber(ARGV[2])
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], full, 'PX', math.ceil(full - now))
return 0
"""
_COOL = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + tonumber(ARGV[1]))
redis.call('SET', KEYS[1], ends, 'PX', math.ceil(ends - now))
return ends
"""


class RedisPace:
    """A pace that all processes share. While Redis does not answer, each process paces itself."""

    def __init__(self, url: str) -> None:
        client = redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        self._client = client
        self._take = client.register_script(_TAKE)
        self._cool = client.register_script(_COOL)
        self._alone = pace.LocalPace()

    def take(self, key: str) -> None:
        try:
            bucket = [f"pace:{key}", f"cool:{key}"]
            wait = int(self._take(keys=bucket, args=[1000 / pace.PER_SECOND, 1000 * pace.BURST / pace.PER_SECOND]))
        except redis.RedisError:
            self._alone.take(key)
            return
        if wait > 0:
            raise errors.Throttled("The token's budget is used up.", sent=False, retry_after=wait / 1000)

    def cool(self, key: str, seconds: float) -> None:
        self._alone.cool(key, seconds)
        try:
            self._cool(keys=[f"cool:{key}"], args=[round(seconds * 1000)])
        except redis.RedisError:
            return

    def cooling(self, key: str) -> float:
        try:
            left = self._client.pttl(f"cool:{key}")
        except redis.RedisError:
            return self._alone.cooling(key)
        return max(int(left), 0) / 1000


@lru_cache(maxsize=4)
def _pace(redis_url: str) -> pace.Pace:
    return RedisPace(redis_url) if redis_url else pace.LocalPace()


def shared() -> pace.Pace:
    """Return the pace this process shares with the others."""
    return _pace(settings.REDIS_URL)
