"""Which key does what; a file can remap them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from records import ConfigError

# Action -> (key, what the legend says). The order is the legend's.
ACTIONS: dict[str, tuple[str, str]] = {
    "accept": ("a", "accept"),
    "reject": ("x", "reject"),
    "skip": ("space", "skip"),
    "unsure": ("s", "unsure"),
    "undo": ("u", "undo"),
    "flag": ("f", "flag"),
    "next": ("j", "next deal"),
    "previous": ("k", "previous"),
    "take": ("t", "take new"),
    "merge": ("m", "merge"),
    "not_same": ("n", "not same"),
    "add": ("d", "new deal"),
    "split": ("D", "split"),
    "done": (".", "no more here"),
    "next_finding": ("]", "next finding"),
    "previous_finding": ("[", "previous finding"),
    "article": ("e", "article"),
    "queue": ("g", "queue"),
    "search": ("/", "search"),
    "print": ("p", "print page"),
    "help": ("?", "keys"),
}
FIELD_KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-", "=")
_NAMED = ("space", "Enter", "Tab", "Backspace", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")
_FIXED = {*FIELD_KEYS, "Escape", "esc"}


def load_keys(path: Path | None = None) -> dict[str, str]:
    """Action -> key: ours, with the table [keys] of `path` laid over. Raises ConfigError with file and remedy."""
    keys = {action: key for action, (key, _) in ACTIONS.items()}
    if path is None:
        return keys
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    table = told.get("keys")
    if not isinstance(table, dict) or set(told) != {"keys"}:
        raise ConfigError(f'{path}: one table is expected, [keys], with lines such as: accept = "y"')
    for action, key in table.items():
        if action not in ACTIONS:
            raise ConfigError(f"{path}: no action {action!r}; there are {', '.join(ACTIONS)}")
        if not isinstance(key, str) or (len(key) != 1 and key not in _NAMED) or key == " ":
            raise ConfigError(f"{path}: {action}: a key is one character or one of {', '.join(_NAMED)}, not {key!r}")
        if key in _FIXED:
            raise ConfigError(f"{path}: {action}: {key!r} goes to a field; take another")
        keys[action] = key
    for action, key in keys.items():
        twin = next(other for other, taken in keys.items() if taken == key)
        if twin != action:
            raise ConfigError(f"{path}: {key!r} would be both {twin} and {action}")
    return keys
