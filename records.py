"""The nouns of watchledger: what a page, an article, a finding and a decision are.

Frozen dataclasses and enums without behaviour beyond checking themselves. Every
other module imports from here; this one imports nothing of ours.

Conventions: countries are ISO 3166-1 alpha-2 codes (``XK`` for Kosovo), currencies
ISO 4217, languages ISO 639-1, text is NFC, offsets are code points, amounts are plain
numbers in units of the currency. A blank (``None``, ``()``) means that the text does
not say; it never means "none".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class WatchledgerError(Exception):
    """Anything that ends a command with one clear line.

    WatchledgerError
    ├── RecordError      a value that breaks a record's own rules
    ├── InputError       a file or line that cannot be read as asked
    ├── LexiconError     a row of models/lexicon or of an overlay that is wrong
    ├── ModelError       a trained component that is missing or of the wrong version
    ├── ConfigError      watchledger.toml, sources.toml or an option that is wrong
    └── StoreError       a database that is missing, damaged or of another version
        ├── StoreLocked       another run is writing it
        └── DecisionConflict  a decision that what others decided, or the machine found, has overtaken
    """


class RecordError(WatchledgerError):
    """A value breaks a record's own rules."""


class InputError(WatchledgerError):
    """A file or a line of one cannot be read as asked."""


class LexiconError(WatchledgerError):
    """A row of the lexicon or of an overlay is wrong."""


class ModelError(WatchledgerError):
    """A trained component is missing or of the wrong version."""


class ConfigError(WatchledgerError):
    """A setting is wrong."""


class StoreError(WatchledgerError):
    """A database is missing, locked, damaged or of another version."""


class StoreLocked(StoreError):  # noqa: N818 - the name says the state, as `busy` does in SQLite
    """Another run is writing the database."""


class DecisionConflict(StoreError):  # noqa: N818 - the name says the state
    """A decision rests on something that has changed since it was shown."""


class Technology(StrEnum):
    """The taxonomy of surveillance technologies (one file of phrases for each in models/lexicon)."""

    SAFE_CITY = "safe_city"
    VIDEO_SURVEILLANCE = "video_surveillance"
    FACIAL_RECOGNITION = "facial_recognition"
    LICENSE_PLATE_RECOGNITION = "license_plate_recognition"
    SMART_POLICING = "smart_policing"
    BIOMETRIC_ID = "biometric_id"
    COMMUNICATIONS_INTERCEPTION = "communications_interception"
    INTERNET_MONITORING = "internet_monitoring"
    SOCIAL_MEDIA_MONITORING = "social_media_monitoring"
    SPYWARE = "spyware"
    MOBILE_FORENSICS = "mobile_forensics"
    LOCATION_TRACKING = "location_tracking"
    DRONES = "drones"
    BORDER_SURVEILLANCE = "border_surveillance"
    AI_SURVEILLANCE = "ai_surveillance"


class FinancingType(StrEnum):
    """Who bears the cost and how."""

    CONCESSIONAL_LOAN = "concessional_loan"
    LOAN = "loan"
    EXPORT_CREDIT = "export_credit"
    GRANT = "grant"
    VENDOR_FINANCING = "vendor_financing"
    PPP = "ppp"
    OWN_BUDGET = "own_budget"
    OTHER = "other"


class Status(StrEnum):
    """How far a deal has come, by its latest phase in the text."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    IN_PROGRESS = "in_progress"
    OPERATIONAL = "operational"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Qualifier(StrEnum):
    """How a coverage claim's number is meant."""

    EXACTLY = "exactly"
    AT_LEAST = "at_least"
    ABOUT = "about"
    AT_MOST = "at_most"


class Role(StrEnum):
    """What a supplier is in the deal."""

    MAKER = "maker"
    INTEGRATOR = "integrator"
    PRIME_CONTRACTOR = "prime_contractor"
    DONOR = "donor"


class Precision(StrEnum):
    """How exactly a date is known."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Outcome(StrEnum):
    """The named end of every item that enters a stage; counts in equal counts out."""

    KEPT = "kept"
    NOT_RELEVANT = "not_relevant"
    NO_DEAL = "no_deal"
    COPY_OF = "copy_of"
    TOO_SHORT = "too_short"
    EMPTY = "empty"
    LANGUAGE_NOT_SUPPORTED = "language_not_supported"
    NOT_HTML = "not_html"
    TOO_BIG = "too_big"
    BLOCKED_BY_ROBOTS = "blocked_by_robots"
    EGRESS_DENIED = "egress_denied"
    HTTP_ERROR = "http_error"
    UNREACHABLE = "unreachable"
    NOT_MODIFIED = "not_modified"
    RETRY_AFTER = "retry_after"
    WITHDRAWN = "withdrawn"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One fetched body, as it came over the wire (after content decoding)."""

    url: str
    final_url: str
    status: int
    fetched_at: datetime
    content_type: str
    sha256: str
    body: bytes
    source_id: str
    partial: bool = False
    via: str = "crawl"  # crawl | warc | file | paste


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """The cleaned text of one page. ``text`` is NFC and never changes once stored."""

    article_id: str
    url: str
    title: str
    text: str
    language: str
    outlet: str | None = None
    author: str | None = None
    published: str | None = None  # ISO 8601, as precise as known: 2024, 2024-05 or 2024-05-17
    published_precision: Precision | None = None
    published_rule: str | None = None
    truncated: bool = False
    pages: tuple[int, ...] = ()  # PDF: offset in `text` at which each page starts


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A half-open range of code points in one string of a document, and the slot that it supports."""

    start: int
    end: int
    slot: str
    where: str = "text"  # text | title

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise RecordError(f"span {self.start}..{self.end} of slot {self.slot} covers nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in units of an ISO 4217 currency, with the words it was read from."""

    amount: float
    currency: str
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Financing:
    """Who pays and how; each part blank where the text does not tell."""

    type: FinancingType
    financier: str | None = None
    money: Money | None = None
    rate: float | None = None  # percent a year
    maturity_years: float | None = None
    grace_years: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One document's assertion that a supplier provides surveillance technology to a country.

    ``vendor`` is blank where only the supplier's country is told ("Chinese firms").
    ``reasons`` name the rules and features that carried the finding, strongest first.
    ``field_confidence`` maps a slot to a calibrated probability.
    """

    vendor: str | None
    vendor_aliases: tuple[str, ...]
    vendor_country: str | None
    country: str
    technologies: tuple[Technology, ...]
    evidence: tuple[str, ...]
    confidence: float
    financing: Financing | None = None
    instruments: tuple[Financing, ...] = ()
    value: Money | None = None
    customer: str | None = None
    year: int | None = None
    status: Status = Status.UNKNOWN
    alleged: bool = False
    vendor_id: str | None = None
    role: Role | None = None
    place: str | None = None
    reasons: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    field_confidence: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.evidence:
            raise RecordError(f"finding {self.vendor or self.vendor_country} -> {self.country} points at no text")
        if self.vendor is None and self.vendor_country is None:
            raise RecordError("finding names neither a vendor nor a supplier's country")
        if not 0.0 <= self.confidence <= 1.0:
            raise RecordError(f"confidence {self.confidence} is not between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A count over countries that names no pairs ("supplies at least 50 countries")."""

    vendor: str | None
    vendor_country: str | None
    technologies: tuple[Technology, ...]
    n_countries: int
    qualifier: Qualifier
    evidence: str = ""
    confidence: float = 1.0
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the extractor reads: an article's text with what is known around it."""

    id: str
    text: str
    title: str = ""
    date: str | None = None
    lang: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """All that was read out of one document, and how the reading ended."""

    id: str
    outcome: Outcome
    extractor_version: str
    deals: tuple[Finding, ...] = ()
    claims: tuple[Claim, ...] = ()
    language: str | None = None
    notes: tuple[str, ...] = field(default=())


class SourceKind(StrEnum):
    """The form in which a publisher announces its documents."""

    FEED = "feed"  # RSS, Atom or JSON Feed
    SITEMAP = "sitemap"  # sitemap, sitemap index or news sitemap
    LISTING = "listing"  # a web page with links to documents
    URLS = "urls"  # a text with an address a line
    SEARCH = "search"  # an answer of the GDELT document API (crawlers/terms.toml)


class SourceType(StrEnum):
    """Who speaks, ranked as AidData's TUFF method ranks sources."""

    OFFICIAL = "official"
    COMPANY = "company"
    ACADEMIC = "academic"
    NGO = "ngo"
    MEDIA = "media"
    SOCIAL = "social"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One entry of sources.toml: where a publisher announces its documents, and how it is asked."""

    id: str
    publisher: str
    country: str  # ISO 3166-1 alpha-2 of the publisher's seat
    language: str
    kind: SourceKind
    source_type: SourceType
    url: str
    seen_at: str = ""  # the public page or file where `url` was read
    verified: bool = False  # true once a run of somebody's has had documents from it
    include: str = ""  # regular expression that a document's address must match
    delay: float = 1.0  # least seconds between two requests to one host
    every_hours: float = 6.0
    max_pages: int = 500  # documents taken in one run
    private_network: bool = False  # may live at a loopback or private address
    bad_certificate: bool = False  # is read although its certificate is not valid, which is written with each fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A document or a further index that an index announces, with what it says about it."""

    url: str
    title: str = ""
    published: str = ""
    is_index: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that the frontier hands out to be fetched."""

    url: str
    source_id: str
    is_index: bool
    depth: int = 0
    attempts: int = 0
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """How asking for one target ended."""

    target: Target
    outcome: Outcome
    fetched_at: datetime
    reason: str = ""
    status: int = 0
    final_url: str = ""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    retry_after: float | None = None  # seconds; blank: do not ask again by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page out of the archive, with what its source and the index that announced it say of it."""

    page_id: str
    page: Page
    publisher: str = ""
    hint_title: str = ""
    hint_published: str = ""
    repeated: frozenset[int] = frozenset()  # hashes of paragraphs that are its site's furniture (store/blocks.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    """What became of one stored page: its outcome, and the article and extraction if it came to that."""

    page_id: str
    outcome: Outcome
    reason: str = ""
    article: Article | None = None
    extraction: Extraction | None = None
    blocks: tuple[int, ...] = ()  # hashes of the paragraphs, before any was cut (extract/blocks.py)
    sketch: tuple[int, ...] = ()  # MinHash bands of the text (extract/blocks.py); none where nothing was found in it


# --- what people decide


class DecisionAction(StrEnum):
    """What a person can do to a deal or an article; each is one event of the log."""

    ACCEPT = "accept"
    CORRECT = "correct"  # accept, with values of their own
    REJECT = "reject"
    UNSURE = "unsure"
    SKIP = "skip"
    FLAG = "flag"
    UNFLAG = "unflag"
    REQUEUE = "requeue"
    ADD = "add"
    SPLIT = "split"
    MERGE = "merge"
    NOT_SAME = "not_same"
    LINK = "link"
    UNLINK = "unlink"
    WITHDRAW = "withdraw"
    REPLY = "reply"
    ARTICLE_DONE = "article_done"
    UNDO = "undo"


class DealState(StrEnum):
    """Where a deal stands with the people who review it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSURE = "unsure"
    REOPENED = "reopened"  # decided, and what the machine reads has changed since
    MERGED = "merged"  # its id leads to another deal
    WITHDRAWN = "withdrawn"


class LinkKind(StrEnum):
    """How one deal belongs to another without being the same."""

    PART_OF = "part_of"  # under an umbrella agreement
    PHASE_OF = "phase_of"  # a later phase
    SHARES_SUM = "shares_sum"  # one sum is told for both together


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who decides, when and how; the same for every action.

    `expected` is the version of the deal that was on the screen; where it is given and no
    longer holds, the act is refused with DecisionConflict. Acts of one `batch` are undone as one.
    """

    who: str
    at: datetime
    reason: str = ""
    seconds: float | None = None
    machine_shown: bool = True
    expected: str | None = None
    batch: str | None = None
    second: bool = False  # a second coder's verdict: kept beside the deal, does not change it


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One event of the log. `before` and `after` hold `state` and `decided`, `before` also `machine`."""

    decision_id: int
    at: str
    who: str
    action: DecisionAction
    subject: str  # deal id, or article:ID
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    seconds: float | None
    machine_shown: bool
    batch: str | None
    undoes: tuple[int, ...]
    second: bool
    undone: bool
