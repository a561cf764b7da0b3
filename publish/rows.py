"""The tables of a release, each as the dataclass of its rows; the one place where a column is declared.

A blank means that no document says. Countries are ISO 3166-1 alpha-2 codes (XK for Kosovo),
currencies ISO 4217, dates ISO 8601 as precise as known, amounts plain numbers in units of the currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from publish.columns import COUNTRY, CURRENCY, MOMENT, PARTIAL_DATE, SHA256, WEB, Table, column, table_of
from records import FinancingType, Precision, Qualifier, SourceType, Status, Technology

# Raised when a column is taken away, renamed or means something else.
SCHEMA_VERSION = "2.0.0"

QUOTE_MOST = 300  # characters of a sentence that a release may quote
DEAL_ID = r"[A-Za-z0-9][A-Za-z0-9_-]*"
EARLIEST_YEAR = 1950  # as the ledger allows


class PartyRole(StrEnum):
    """What a party does in a deal."""

    SUPPLIER = "supplier"
    MAKER = "maker"
    INTEGRATOR = "integrator"
    PRIME_CONTRACTOR = "prime_contractor"
    DONOR = "donor"
    CUSTOMER = "customer"
    FINANCIER = "financier"


class AcceptedHow(StrEnum):
    """What the analyst did when the deal was accepted."""

    ACCEPTED = "accepted"  # as the machine read it
    CORRECTED = "corrected"  # at least one value was set by the analyst
    BY_HAND = "by_hand"  # the analyst wrote the deal


class MoneyNote(StrEnum):
    """How the dollars beside an amount came about."""

    CONVERTED = "converted"
    IN_DOLLARS = "in_dollars"
    NO_RATE = "no_rate"
    NO_YEAR = "no_year"


class NotCounted(StrEnum):
    """Why a deal stays out of totals and index tables."""

    PROPOSED = "proposed"
    CANCELLED = "cancelled"
    UMBRELLA = "umbrella"


class Basis(StrEnum):
    """What a published value rests on."""

    QUOTED = "quoted"  # a sentence of the source
    INFERRED = "inferred"  # a rule, named in `reason`
    DECIDED = "decided"  # an analyst set it; `reason` is the analyst's


class Gone(StrEnum):
    """Why an id is no longer a row of `deals`."""

    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"


class Kind(StrEnum):
    """What became of a deal between two releases."""

    ADDED = "added"
    CHANGED = "changed"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One deal: a supplier provides surveillance technology to a country. Accepted by an analyst."""

    deal_id: str = column("Stable id; one that is gone is listed in `retired`.", key=True, pattern=DEAL_ID)
    vendor: str | None = column(
        "Supplying company, as its documents name it; blank where only the supplier's country is told.", default=None
    )
    vendor_id: str | None = column(
        "The company's id in the lexicon, where it is known there: the same under all of its names.", default=None
    )
    vendor_standard: str | None = column(
        "Standard name of the company, by which it is counted: the lexicon's, else `vendor`.", default=None
    )
    vendor_country: str | None = column(
        "Home of the vendor, or the supplier's country where no company is named.", pattern=COUNTRY, default=None
    )
    country: str = column("Country where the technology is or will be in use.", pattern=COUNTRY)
    country_name: str = column("The country's usual English name.")
    place: str | None = column("City, region or site within the country, as named.", default=None)
    customer: str | None = column("Buying or using body, as named.", default=None)
    year: int | None = column(
        "Year of the agreement or, if that is not told, of delivery.", least=EARLIEST_YEAR, most=2100, default=None
    )
    status: Status = column("How far the deal has come, by the latest phase told.")
    alleged: bool = column("True where the sources report it as disputed, denied or unconfirmed.")
    value_amount: float | None = column(
        "Price of the contract or project, in units of its currency.", least=0, default=None
    )
    value_currency: str | None = column("Currency of the price.", pattern=CURRENCY, default=None)
    value_raw: str | None = column("The words that the price was read from.", default=None)
    value_usd: float | None = column("Price in US dollars of the deal's year.", least=0, default=None)
    value_usd_constant: float | None = column(
        "Price in US dollars of the base year that the package names, by consumer prices.", least=0, default=None
    )
    value_rate: float | None = column(
        "Units of the currency for one US dollar, mean of the year.", least=0, default=None
    )
    value_rate_year: int | None = column("Year of that rate.", least=1900, most=2100, default=None)
    value_rate_origin: str | None = column(
        "Where the rate is from: a row of `origins`.", refers=("origins", "origin"), default=None
    )
    value_note: MoneyNote | None = column(
        "How the dollars came about, or why there are none; blank without a price.", default=None
    )
    value_shared: bool = column("True where the sources give one price for several deals together.", default=False)
    sum_group: str | None = column("Deals with the same group share one price, which totals count once.", default=None)
    umbrella: bool = column("True for a framework whose parts are deals of their own.", default=False)
    parent_id: str | None = column(
        "The deal of which this one is a phase or part.", refers=("deals", "deal_id"), pattern=DEAL_ID, default=None
    )
    counted: bool = column("True where totals and index tables count the deal.", default=True)
    not_counted_why: NotCounted | None = column("Why they do not.", default=None)
    source_quality: int | None = column(
        "1 media only, 2 media with another kind, 3 an academic source, 4 one official source, 5 two or more; after AidData's TUFF.",
        least=1,
        most=5,
        default=None,
    )
    completeness: int | None = column(
        "5 less one each for: uncertain year, no amount, vague instrument, no financier where financing is told, no customer; after AidData's TUFF.",
        least=0,
        most=5,
        default=None,
    )
    independent_sources: int = column("Sources that tell the deal, copies of one story counted once.", least=0)
    confidence: float | None = column(
        "Calibrated probability that the machine gave the pair before an analyst saw it; blank for deals written by hand.",
        least=0,
        most=1,
        default=None,
    )
    accepted_at: str = column("When the decision that published values rest on was made (UTC).", pattern=MOMENT)
    accepted_how: AcceptedHow = column("What the analyst did.")
    reply: str | None = column("What a named party replied, as noted by the editors.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One party of a deal in one role. The same `party_id` is the same body in every deal."""

    deal_id: str = column("The deal.", key=True, refers=("deals", "deal_id"), pattern=DEAL_ID)
    role: PartyRole = column("What the party does.", key=True)
    party_id: str = column("Id of the body, made from its name and country.", key=True, pattern=DEAL_ID)
    name: str | None = column(
        "Name of the body, of a supplier its standard name; blank for an unnamed supplier of a country.", default=None
    )
    aliases: str | None = column("What the deal's documents call it otherwise, divided by semicolons.", default=None)
    country: str | None = column(
        "Home of the body; of a company that the lexicon knows, its home there.", pattern=COUNTRY, default=None
    )
    vendor_id: str | None = column("Its id in the lexicon, as in `deals`.", default=None)
    wikidata: str | None = column("The body's item in Wikidata.", pattern=r"Q[1-9][0-9]*", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealTechnology:
    """One technology of a deal."""

    deal_id: str = column("The deal.", key=True, refers=("deals", "deal_id"), pattern=DEAL_ID)
    technology: Technology = column("Class of technology; see docs/methodology.md.", key=True)
    aigs_class: str | None = column(
        "The class of the AI Global Surveillance Index, where it has one.",
        choices=("smart_city", "facial_recognition", "smart_policing", "social_media"),
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One financing instrument of a deal: who pays and how."""

    deal_id: str = column("The deal.", key=True, refers=("deals", "deal_id"), pattern=DEAL_ID)
    position: int = column("1 for the first that the deal's best source tells.", key=True, least=1)
    type: FinancingType = column("Kind of financing.")
    financier: str | None = column("Who lends or gives, as named.", default=None)
    amount: float | None = column("Sum in units of its currency.", least=0, default=None)
    currency: str | None = column("Currency of the sum.", pattern=CURRENCY, default=None)
    raw: str | None = column("The words that the sum was read from.", default=None)
    usd: float | None = column("Sum in US dollars of the deal's year.", least=0, default=None)
    usd_constant: float | None = column("Sum in US dollars of the base year.", least=0, default=None)
    rate: float | None = column("Units of the currency for one US dollar, mean of the year.", least=0, default=None)
    rate_year: int | None = column("Year of that rate.", least=1900, most=2100, default=None)
    rate_origin: str | None = column("Where the rate is from.", refers=("origins", "origin"), default=None)
    note: MoneyNote | None = column("How the dollars came about, or why there are none.", default=None)
    interest_rate: float | None = column(
        "Rate of interest in percent a year, as told.", least=0, most=100, default=None
    )
    maturity_years: float | None = column("Years to repay, as told.", least=0, most=100, default=None)
    grace_years: float | None = column("Years of grace, as told.", least=0, most=100, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One document that a published value rests on."""

    source_id: str = column("Stable id.", key=True, pattern=DEAL_ID)
    title: str | None = column("Headline or title.", default=None)
    outlet: str | None = column("Who published it, as named.", default=None)
    source_type: SourceType | None = column("Who speaks, as AidData's TUFF ranks sources.", default=None)
    author: str | None = column("Author, as named.", default=None)
    language: str | None = column("ISO 639-1.", pattern=r"[a-z]{2,3}", default=None)
    published: str | None = column("Date of publication, as precise as known.", pattern=PARTIAL_DATE, default=None)
    published_precision: Precision | None = column("How precise that is.", default=None)
    url: str | None = column("Address; blank for a file that was handed in.", pattern=WEB, default=None)
    retrieved_at: str | None = column("When the page was fetched (UTC).", pattern=MOMENT, default=None)
    page_sha256: str | None = column(
        "SHA-256 of the page as fetched, by which the archive keeps its copy.", pattern=SHA256, default=None
    )
    copy_of: str | None = column(
        "The source whose text this one repeats (wire copy).",
        refers=("sources", "source_id"),
        pattern=DEAL_ID,
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One source's word for one published value: the sentence, and where it stands."""

    evidence_id: str = column("Stable id.", key=True, pattern=DEAL_ID)
    deal_id: str = column("The deal.", refers=("deals", "deal_id"), pattern=DEAL_ID)
    field: str = column("Column of `deals` (or `technologies`, `financing`) that it speaks for.", pattern=r"[a-z_]+")
    value: str | None = column("What this source tells, as text.", default=None)
    chosen: bool = column(
        "True where the published value is this source's; false where sources differ and another's is shown."
    )
    basis: Basis = column("What the value rests on.")
    reason: str | None = column("Why this value was chosen, or the rule that inferred it.", default=None)
    source_id: str | None = column(
        "The document; blank for a value that an analyst set.",
        refers=("sources", "source_id"),
        pattern=DEAL_ID,
        default=None,
    )
    quote: str | None = column(f"The sentence, at most {QUOTE_MOST} characters of it.", default=None)
    quote_start: int | None = column("Offset of the quote in the cleaned text, in code points.", least=0, default=None)
    quote_end: int | None = column("Offset of its end.", least=0, default=None)
    start: int | None = column("Offset of the words that the value was read from.", least=0, default=None)
    end: int | None = column("Offset of their end.", least=0, default=None)
    where: str | None = column("Which string the offsets count in.", choices=("text", "title"), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One dated step in a deal's life."""

    deal_id: str = column("The deal.", key=True, refers=("deals", "deal_id"), pattern=DEAL_ID)
    position: int = column("1 for the earliest.", key=True, least=1)
    date: str | None = column("When, as precise as known.", pattern=PARTIAL_DATE, default=None)
    estimated: bool = column("True where the date is that of a report and not of the step.", default=False)
    status: Status = column("What the deal came to.")
    source_id: str | None = column(
        "The document that tells it.", refers=("sources", "source_id"), pattern=DEAL_ID, default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A count over countries that names no pairs ("supplies at least 50 countries"). Not a deal."""

    claim_id: str = column("Stable id.", key=True, pattern=DEAL_ID)
    vendor: str | None = column("The company; blank for a country's companies or a world-wide count.", default=None)
    vendor_country: str | None = column("Home of the company or companies.", pattern=COUNTRY, default=None)
    technologies: str | None = column(
        "Classes of technology, divided by semicolons.", pattern=r"[a-z_]+(;[a-z_]+)*", default=None
    )
    n_countries: int = column("The count.", least=1, most=260)
    qualifier: Qualifier = column("How the count is meant.")
    source_id: str = column("The document.", refers=("sources", "source_id"), pattern=DEAL_ID)
    quote: str | None = column(f"The sentence, at most {QUOTE_MOST} characters of it.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """An id that was a deal's and is no longer; it is never given to another."""

    deal_id: str = column("The id that is gone.", key=True, pattern=DEAL_ID)
    state: Gone = column("Why it is gone.")
    successor: str | None = column(
        "The id to follow instead, where the deal was merged.", pattern=DEAL_ID, default=None
    )
    date: str | None = column("Day of the decision.", pattern=PARTIAL_DATE, default=None)
    why: str | None = column("The reason that was given.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erratum:
    """Something that an earlier release said and this or a later one corrects."""

    release: str = column("Version of the release that made the correction.", key=True)
    deal_id: str = column("The deal.", key=True, pattern=DEAL_ID)
    field: str = column(
        "What was corrected: a column of `deals`, a table, or `deal` for all of it.", key=True, pattern=r"[a-z_]+"
    )
    change: Kind = column("What became of it.")
    before: str | None = column("As published before.", default=None)
    after: str | None = column("As published now.", default=None)
    successor: str | None = column("The id to follow instead.", pattern=DEAL_ID, default=None)
    why: str | None = column("The reason that was given.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WideDeal(Deal):
    """One deal with all that hangs on it in one row, for spreadsheets. Lists are divided by semicolons."""

    technologies: str = column("Classes of technology.")
    financing: str | None = column("Kinds of financing.", default=None)
    financiers: str | None = column("Who lends or gives.", default=None)
    financing_amount: float | None = column("Sum of the first instrument.", least=0, default=None)
    financing_currency: str | None = column("Its currency.", pattern=CURRENCY, default=None)
    financing_usd: float | None = column("The same in US dollars of the deal's year.", least=0, default=None)
    financing_usd_constant: float | None = column("The same in US dollars of the base year.", least=0, default=None)
    outlet: str | None = column(
        "Outlet of the source that the deal's supplier and country are read from.", default=None
    )
    published: str | None = column("Its date.", pattern=PARTIAL_DATE, default=None)
    url: str | None = column("Its address.", pattern=WEB, default=None)
    page_sha256: str | None = column("SHA-256 of its page.", pattern=SHA256, default=None)
    quote: str | None = column("Its sentence.", default=None)
    quote_start: int | None = column("Offset of that sentence.", least=0, default=None)
    quote_end: int | None = column("Offset of its end.", least=0, default=None)
    source_urls: str | None = column("Addresses of all sources.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One country in the layout of the AI Global Surveillance Index, from the counted deals."""

    country: str = column("The country.", key=True, pattern=COUNTRY)
    country_name: str = column("Its usual English name.")
    belt_and_road: bool | None = column(
        "Member of the Belt and Road Initiative, as the 2019 index marks it; blank outside that index.", default=None
    )
    smart_city: bool = column("Smart city or safe city platforms are told.")
    facial_recognition: bool = column("Facial recognition is told.")
    smart_policing: bool = column("Smart policing is told (license plate recognition included).")
    social_media: bool = column("Social media surveillance is told.")
    china_tech: bool = column("A supplier's home is China.")
    us_tech: bool = column("A supplier's home is the United States.")
    japan_tech: bool = column("A supplier's home is Japan.")
    supplier_homes: str | None = column("Homes of all suppliers.", default=None)
    companies: str | None = column("All companies named, each once, under its standard name.", default=None)
    deals: int = column("Counted deals.", least=1)
    first_year: int | None = column("Earliest year told.", default=None)
    last_year: int | None = column("Latest year told.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryTechnology:
    """How many counted deals bring a technology to a country."""

    country: str = column("The country.", key=True, pattern=COUNTRY)
    technology: Technology = column("Class of technology.", key=True)
    deals: int = column("Counted deals.", least=1)
    vendors: int = column("Companies among their suppliers, each once.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Deals and dollars over all counted deals that share something. A price shared by several deals enters once."""

    scope: str = column(
        "What the deals share.",
        key=True,
        choices=("all", "country", "vendor", "vendor_country", "technology", "financing", "year"),
    )
    name: str = column("The shared value, of vendors `vendor_standard`; `all` for everything.", key=True)
    deals: int = column("Counted deals.", least=0)
    priced: int = column("Of these, deals with a price.", least=0)
    value_usd: float = column("Sum of their prices in US dollars of each deal's year.", least=0)
    value_usd_constant: float = column("The same in US dollars of the base year.", least=0)
    no_dollars: int = column("Deals with a price that has no dollars (no rate or no year): in no sum.", least=0)
    shared_left_out: int = column(
        "Deals whose shared price belongs to several values of this scope: in no sum of it but in that of `all`.",
        least=0,
    )
    financing_usd: float = column("Sum of the financing instruments in US dollars of each deal's year.", least=0)
    financing_usd_constant: float = column("The same in US dollars of the base year.", least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a rate, price index or flag that is not from the documents comes from."""

    origin: str = column("Id of the origin.", key=True)
    title: str = column("What it is.")
    publisher: str = column("Who publishes it.")
    address: str | None = column("Where.", pattern=WEB, default=None)
    licence: str = column("Under which licence.")
    as_of: str = column("State of the data.", pattern=PARTIAL_DATE)
    how: str = column("What was taken, and what was left out.")


TABLES: tuple[Table, ...] = (
    table_of("deals", Deal),
    table_of("parties", Party),
    table_of("technologies", DealTechnology),
    table_of("instruments", Instrument),
    table_of("events", Event),
    table_of("sources", Source),
    table_of("evidence", Evidence),
    table_of("claims", Claim),
    table_of("retired", Retired),
    table_of("errata", Erratum),
    table_of("deals_wide", WideDeal),
    table_of("index_countries", IndexRow),
    table_of("country_technology", CountryTechnology),
    table_of("totals", Total),
    table_of("origins", Origin),
)
# Tables that come out of the ledger; the others are made from these.
BASE = ("deals", "parties", "technologies", "instruments", "events", "sources", "evidence", "claims", "retired")
