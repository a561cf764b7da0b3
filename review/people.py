"""Who decides: one analyst at the own machine, or several with a token each."""

from __future__ import annotations

import base64
import getpass
import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from records import ConfigError

COOKIE = "watchledger_reviewer"
SECRET_FILE = "review.secret"  # noqa: S105 - its name


@dataclass(frozen=True, slots=True)
class People:
    """The reviewers that a server knows. ``tokens`` maps a token to its person; empty for one person alone."""

    names: tuple[str, ...]
    tokens: tuple[tuple[str, str], ...] = ()

    @property
    def shared(self) -> bool:
        """Whether requests must bring a token."""
        return bool(self.tokens)

    def who(self, token: str) -> str | None:
        """The person of a token, compared in constant time; alone, there is only one."""
        if not self.tokens:
            return self.names[0]
        found = None
        for known, name in self.tokens:
            if hmac.compare_digest(known.encode(), token.encode("utf-8", "replace")):
                found = name
        return found


def alone(name: str | None = None) -> People:
    """One reviewer: `name`, else the system's user."""
    return People((checked_name(system_user() if name is None else name),))


def together(names: Sequence[str], folder: Path) -> People:
    """Several reviewers; each one's token is made of the name and the secret in `folder`, so it outlives a restart."""
    known = tuple(dict.fromkeys(checked_name(name) for name in names))
    secret = _secret(folder / SECRET_FILE)
    return People(known, tuple((_token(secret, name), name) for name in known))


def checked_name(name: str) -> str:
    """`name` as it is written into decisions. Raises ConfigError for what is no name."""
    plain = unicodedata.normalize("NFC", name).strip()
    if not plain or len(plain) > 60 or any(unicodedata.category(c)[0] == "C" for c in plain):
        raise ConfigError(f"reviewer {name!r}: a name has 1 to 60 visible characters")
    return plain


def system_user() -> str:
    """The system's name for whoever runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise ConfigError("this system does not say who you are; say it with --as NAME") from error


def _token(secret: bytes, name: str) -> str:
    made = hmac.new(secret, name.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode("ascii").rstrip("=")


def _secret(path: Path) -> bytes:
    """The secret in `path`, made where there is none; only its owner may read it."""
    try:
        made = secrets.token_bytes(32)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made)
        return made
    except FileExistsError:
        kept = path.read_bytes()
        if len(kept) != 32:
            raise ConfigError(f"{path} is damaged; delete it (all reviewers then get new tokens)") from None
        return kept
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
