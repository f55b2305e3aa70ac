"""The one place where the clock is read: times of receipts and records, naive in Asia/Shanghai."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """Return the present time in Asia/Shanghai without an offset, whole seconds."""
    return datetime.now(SHANGHAI).replace(tzinfo=None, microsecond=0)


def localise(moment: datetime) -> datetime:
    """Return a time without an offset: an aware one is converted to Asia/Shanghai, a naive one is taken as such."""
    return moment.astimezone(SHANGHAI).replace(tzinfo=None) if moment.tzinfo else moment
