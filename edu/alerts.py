"""Alerts: a gate failed, a deadline passed, a breaker tripped, a task failed.

Each alert is written to `logs/alerts.jsonl` (`EDU_ALERT_FILE`) and sent wherever settings say: a webhook in the shape
of 企业微信 or 钉钉 or as plain JSON, and e-mail. A channel that does not answer is logged and stops nothing. Alerts name
datasets, periods, organisations and counts; never a person.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import logging
import smtplib
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from edu.clock import now
from edu.paths import Home
from edu.settings import get_settings

log = logging.getLogger(__name__)

Kind = Literal[
    "gate_failed",
    "deadline_passed",
    "breaker_tripped",
    "task_failed",
    "audit_broken",
    "release_broken",
    "backup_missing",
    "backup_broken",
]
TITLES: dict[str, str] = {
    "gate_failed": "质量门未通过",
    "deadline_passed": "报送已逾期",
    "breaker_tripped": "报送单元被暂扣",
    "task_failed": "任务失败",
    "audit_broken": "审计日志不完整",
    "release_broken": "正式上报数据被改动",
    "backup_missing": "没有备份",
    "backup_broken": "备份已损坏",
}
CHANNELS = ("file", "webhook", "mail")
TIMEOUT_SECONDS = 5.0
ANSWER_BYTES = 64 << 10
SENT_NAME = "alerts-sent.json"
SHOWN_LINES = 20
"""More would make a message that nobody reads, and exceed what the webhooks take."""
NOT_DELIVERED = (OSError, ValueError, RecursionError, smtplib.SMTPException, http.client.HTTPException)
"""What a channel raises: no connection, a refusal or an answer that is none, one nested too deep, and what does not
speak SMTP or HTTP or has an address that is none."""


@dataclass(frozen=True)
class Alert:
    """One message."""

    kind: Kind
    subject: str
    lines: tuple[str, ...]
    at: str

    @property
    def title(self) -> str:
        return f"【教育大数据平台】{TITLES[self.kind]}：{self.subject}"

    @property
    def text(self) -> str:
        shown = [f"- {line}" for line in self.lines[:SHOWN_LINES]]
        if len(self.lines) > SHOWN_LINES:
            shown.append(f"- 另有 {len(self.lines) - SHOWN_LINES} 项")
        return "\n".join([*shown, f"时间 {self.at}"])


def webhook_body(alert: Alert, form: str) -> dict[str, object]:
    """Return the JSON of an alert in the form that a webhook takes: wecom, dingtalk or plain."""
    if form == "wecom":
        return {"msgtype": "markdown", "markdown": {"content": f"**{alert.title}**\n{alert.text}"}}
    if form == "dingtalk":
        return {"msgtype": "markdown", "markdown": {"title": alert.title, "text": f"#### {alert.title}\n{alert.text}"}}
    return {
        "kind": alert.kind,
        "subject": alert.subject,
        "title": alert.title,
        "lines": list(alert.lines),
        "at": alert.at,
    }


def signed_url(url: str, secret: str | None, milliseconds: int) -> str:
    """Return the address with 钉钉's signature: HMAC-SHA256 over time and secret."""
    if not secret:
        return url
    mac = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256)
    query = urllib.parse.urlencode({"timestamp": milliseconds, "sign": base64.b64encode(mac).decode()})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _to_file(home: Home, alert: Alert) -> None:
    path = get_settings().alert_file or home.logs / "alerts.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(webhook_body(alert, "plain"), ensure_ascii=False) + "\n")


def _to_webhook(alert: Alert) -> None:
    settings = get_settings()
    url = signed_url(str(settings.alert_webhook_url), settings.alert_webhook_secret, time.time_ns() // 1_000_000)
    if not url.startswith(("http://", "https://")):
        raise ValueError("the webhook's address is not http")
    body = json.dumps(webhook_body(alert, settings.alert_webhook_form), ensure_ascii=False).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json; charset=utf-8"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        said = answer.read(ANSWER_BYTES)
    if settings.alert_webhook_form == "plain":
        return
    content = json.loads(said)
    if not isinstance(content, dict) or content.get("errcode") != 0:
        # Both robots answer 200 to what they refuse: a wrong key, too many messages, a signature that has expired.
        raise ValueError("the robot refused the message")


def _to_mail(alert: Alert) -> None:
    settings = get_settings()
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = alert.title, settings.smtp_from, settings.smtp_to
    message.set_content(alert.text, cte="base64")
    with smtplib.SMTP(str(settings.smtp_host), settings.smtp_port, timeout=TIMEOUT_SECONDS) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password_file:
            server.login(settings.smtp_user, settings.smtp_password_file.read_text(encoding="utf-8").strip())
        server.send_message(message)


def send(home: Home, kind: Kind, subject: str, lines: Sequence[str], *, skipped: Collection[str] = ()) -> list[str]:
    """Send one alert everywhere that is configured and not skipped; return the channels that took it."""
    settings = get_settings()
    alert = Alert(kind, subject, tuple(lines), now().isoformat())
    channels: dict[str, Callable[[], None]] = {"file": lambda: _to_file(home, alert)}
    if settings.alert_webhook_url:
        channels["webhook"] = lambda: _to_webhook(alert)
    if settings.smtp_host and settings.smtp_to:
        channels["mail"] = lambda: _to_mail(alert)
    sent = []
    for name, deliver in channels.items():
        if name in skipped:
            continue
        try:
            deliver()
            sent.append(name)
        except NOT_DELIVERED as error:
            log.warning("alert %s was not delivered by %s (%s)", kind, name, type(error).__name__)
    return sent


def send_once(home: Home, kind: Kind, subject: str, lines: Sequence[str]) -> list[str]:
    """Send an alert to each channel of which the same one, with the same lines, was not the last of its kind and subject.

    A channel that did not take it gets it the next time. Without lines there is nothing to tell any more: what was sent
    is forgotten, so that the same is told when it comes back.
    """
    sent = _sent(home)
    if not lines:
        if sent.pop(f"{kind} {subject}", None) is not None:
            _write_sent(home, sent)
        return []
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    taken = sent.get(f"{kind} {subject}", {})
    if isinstance(taken, str):
        # Files of before channels were told apart: one digest, of all that were configured.
        taken = dict.fromkeys(CHANNELS, taken)
    channels = send(home, kind, subject, lines, skipped=[name for name in CHANNELS if taken.get(name) == digest])
    if not channels:
        return []
    sent[f"{kind} {subject}"] = {**taken, **dict.fromkeys(channels, digest)}
    _write_sent(home, sent)
    return channels


def subjects_sent(home: Home, kind: Kind) -> list[str]:
    """Return the subjects of a kind that were told once and are not known to be solved."""
    return [name.removeprefix(f"{kind} ") for name in _sent(home) if name.startswith(f"{kind} ")]


def _sent(home: Home) -> dict[str, dict[str, str]]:
    path = home.logs / SENT_NAME
    sent: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return sent


def _write_sent(home: Home, sent: dict[str, dict[str, str]]) -> None:
    path = home.logs / SENT_NAME
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(sent, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    aside.replace(path)
