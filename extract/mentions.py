"""Everything in a document that may fill a slot: suppliers, countries, technologies, agencies, lenders, sums, years.

A candidate is anything that might be a company; which of them supplies what is decided later, by scoring.
Recall matters here: an unknown integrator is common, and a supplier that is no candidate is lost.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from extract.lexicon import Hit, Kind, Lexicon
from extract.money import MoneyGrammar, Sum
from extract.parse import Parsed
from extract.text import Reading


@dataclass(slots=True)
class Mention:
    """A range of the text with what it may be. ``key`` is an entity: company id, ISO 3166 code, taxonomy id ..."""

    start: int
    end: int
    kind: str  # company | country | technology | agency | lender | organisation | money | year | reference
    key: str
    form: str = ""
    weak: bool = False


@dataclass(slots=True)
class Company:
    """A cluster of mentions of one organisation that may be a supplier."""

    key: str
    names: list[str]
    vendor: str | None  # canonical name where the lexicon knows it
    country: str | None  # home, as known or as told
    mentions: list[Mention] = field(default_factory=list)


@dataclass(slots=True)
class Mentions:
    """All mentions of one document, by kind, in order."""

    parsed: Parsed
    companies: dict[str, Company]
    countries: list[Mention]
    technologies: list[Mention]
    agencies: list[Mention]
    lenders: list[Mention]
    organisations: list[Mention]
    money: list[tuple[Mention, Sum]]
    years: list[Mention]
    references: list[Mention]
    triggers: list[Hit]
    words: list[Hit]
    country_count: Counter[str]


LEGAL = re.compile(
    r"[\s,]+(?:(?:Co|Corp|Inc|Ltd|LTD|LLC|LLP|PLC|Plc|plc|GmbH|AG|SA|S\.A|S\.A\.S|SAS|SARL|SRL|S\.r\.l|SpA|S\.p\.A|BV|"
    r"B\.V|NV|N\.V|Oy|AB|A/S|AS|"
    r"Pte|Pvt|Pty|Sdn|Bhd|JSC|OJSC|LLP|OOO|KK|Limited|Incorporated|Corporation|Company|SE|KG|d\.o\.o|s\.r\.o|a\.s|S\.L|"
    r"SL|S\.A\. de C\.V|"
    r"Private|Ltda|Lda|Kft|Zrt|EOOD|FZE|FZCO|FZ|WLL|CJSC|PJSC|Berhad)\.?)+$"
)
_GENERIC = re.compile(
    r"\b(technolog(?:y|ies)|tech|systems?|solutions?|group|international|holdings?|networks?|security|global|"
    r"telecom(?:munications)?|"
    r"industries|electronics|digital|services?|consulting|enterprises?|the|company|joint|stock|limited|ltd|corporation|"
    r"corp|co|inc)\b"
)
_ACRONYM_AFTER = re.compile(r"\s?\(\s?[\"']?([A-Z][A-Za-z0-9&.-]{1,14})[\"']?(?:\s?[,;)])")
_RENAMED = re.compile(
    r"^[\s,(\-–—]*(?:which (?:now|today|since)|who now|today|now|formerly|previously|until \d{4}|since renamed|"
    r"since rebranded(?: as)?|"
    r"(?:better |also |then |now |locally |later )?(?:known|trading|trades|operating|operates|registered|incorporated|"
    r"renamed|rebranded|called)"
    r"(?: \w+){0,3}(?: as| to)?|a\.?k\.?a\.?|alias|goes by the name of|ex-?|the former|or|since become|anciennement|"
    r"antes|hoy)"
    r"(?: (?:known|trading|trades|called|operating|operates|renamed|named|part of|the name))?(?: (?:as|"
    r"of))?[\s:\"'(]*$",
    re.IGNORECASE,
)
_AGENCY_HEAD = (
    r"Police|Ministry|Minister|Ministries|Department|Authority|Agency|Service|Services|Force|Forces|Commission|Bureau|"
    r"Directorate|Office|"
    r"Council|Army|Navy|Guard|Intelligence|Customs|Immigration|Court|Government|Municipality|Administration|"
    r"Secretariat|Parliament|"
    r"Constabulary|Gendarmerie|Garda|Command|Centre|Center|Board|Corps|Prefecture|Registry|Registrar|Treasury|"
    r"Presidency|Committee|"
    r"Affairs|Carabinieri|Guardia|Polizia|Policía|Policia|Ministerio|Ministère|Ministerstvo|Secretaría|Fiscalía|"
    r"Alcaldía|Préfecture|"
    r"Gobernación|Dirección|Direction|Autoridad|Airport|Airports|University|Borough|County|City|Port|Ports|Railway|"
    r"Railways|Metro"
)
_AGENCY_NAME = re.compile(
    rf"\b(?:(?:[A-ZÀ-Þ][\w'.À-ÿ-]*|and|&|de|del|la|of)\s+){{0,6}}?(?:{_AGENCY_HEAD})\b"
    r"(?:\s(?:of|for|de|des|du|del|pour|para|on)\s(?:the\s|la\s|l'|los\s|las\s)?(?:[A-ZÀ-Þ][\w'À-ÿ-]*)(?:(?:,|\s(?:and|"
    r"et|y|&|of|de|the))*\s?[A-ZÀ-Þ][\w'À-ÿ-]*){0,5})?"
)
_AGENCY_COMMON = re.compile(
    r"\b(?:(?:the|its|his|their|la|le|el|los|les|a)\s)?(?:(?:[A-Z][\w-]+|national|federal|state|city|metropolitan|"
    r"municipal|interior|"
    r"defen[cs]e|home|criminal|border|military|secret|domestic|foreign|civil|local|regional|justice|transport|"
    r"immigration|prison|"
    r"intelligence|security|electoral|communications|telecoms|customs|tax|counter-terrorism|anti-terror|presidential|"
    r"royal|public|"
    r"police|coast|traffic|airport|tourism|finance)\s){0,3}"
    r"(?:police(?: force| service| department| directorate)?|ministry(?: of (?:the )?[a-z]+(?: and [a-z]+)?)?|"
    r"intelligence (?:service|agency|directorate)s?|"
    r"army|armed forces|security services?|security agency|border guards?|coast ?guard|gendarmerie|customs(?: service|"
    r" authority)?|municipality|city council|"
    r"town hall|prosecutor'?s? office|prosecutors|regulator|commission|authority|agency|directorate|navy|air force|"
    r"secret service|"
    r"county sheriff|sheriff|council|government|administration|carabinieri|presidency|policía|policia|gendarmerie|"
    r"préfecture|ministère|ministerio|gobierno|alcaldía)\b"
)
_COMMERCIAL = re.compile(
    r"\b(?:Business|Technology|Technical|Consulting|Consultancy|Solutions|Engineering|Software|Systems?|Data|Digital|Trading|"
    r"Electronics?|Telecom|Telecommunications?|Networks?|Aviation|Aerospace|Satellite|Satcom|IT|Outsourcing|Managed|Professional|"
    r"Global|International) Services?\b|\bData Cent(?:er|re)s?$"
)
"""Names that end like an agency's but are a company's ("Proficient Business Services")."""
_CAMEL = re.compile(r"[a-z][A-Z]")
_WORLD_MONEY = ("USD", "EUR", "GBP", "CNY", "JPY", "CHF")
"""Money that does not tell the country of a deal: loans and prices are given in it everywhere."""
_YEAR = re.compile(r"\b(19[89]\d|20[0-3]\d)\b(?!\s*(?:cameras|people|units|officers|devices|km|%|sites|drones|km))")
REFERENCE = re.compile(
    r"\b(?P<det>[Tt]he|[Tt]his|[Tt]hat|[Ii]ts|[Aa]n?|[Ll]a|[Ll]e|[Ll]'|[Ee]l|[Uu]ne?|[Uu]na?)\s?(?:(?:same|private|"
    r"local|foreign|state-owned|little-known|small|giant|US|"
    r"[A-Z][\w-]+(?:-based|-listed|-owned|-headquartered|-made|-born)?)\s){0,3}"
    r"(?P<noun>firm|company|supplier|vendor|maker|manufacturer|contractor|start-?up|group|giant|conglomerate|"
    r"integrator|consortium|"
    r"subsidiary|provider|developer|bidder|winner|outfit|enterprise|multinational|entreprise|société|groupe|"
    r"fournisseur|fabricant|"
    r"empresa|proveedora?|compañía|fabricante|consorcio|firma|concessionaire|operator|investor|corporation)\b"
)
_MONTHS = set(
    "January February March April May June July August September October November December "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun".split()
)
_NO_NAMES = frozenset("AI CCTV GPS DNA ID IT IoT UAV ANPR ALPR LPR IMSI SIM SMS DPI EU UN AU".split())
"""Words in capitals that by themselves name no company."""
_TITLES = set(
    "Mr Mrs Ms Dr Prof President Minister Prime Senator General Colonel Sir Lord King Queen Prince Article Section Annex "
    "Figure Table Box Act Law Decree Bill Chapter Phase Lot Part Note Photo Image Read Related Source Sources Q A Asked "
    "Answered Internet Covid COVID-19 Islam Christmas Ramadan Parliament Congress Senate God".split()
)


def short_name(name: str) -> str:
    """A name without its legal suffix and article."""
    bare = LEGAL.sub("", name.strip(" ,.'\"()"))
    bare = re.sub(r"^(?:The|the)\s+", "", bare)
    return re.sub(r"'s$", "", bare).strip(" ,.'\"()") or name


def _fold(name: str) -> str:
    return re.sub(r"[^\w]+", " ", short_name(name).lower()).strip()


def _core(name: str) -> str:
    low = _fold(name)
    return re.sub(r"\s+", " ", _GENERIC.sub(" ", low)).strip() or low


class MentionFinder:
    """Finds all mentions. Built once; `find` is called for each document."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.money = MoneyGrammar(lexicon.currencies)

    def find(self, reading: Reading, parsed: Parsed, hits: list[Hit], lang: str) -> Mentions:
        text = reading.text
        names = [
            h for h in hits if h.entry.kind in (Kind.VENDOR, Kind.COUNTRY, Kind.AGENCY, Kind.LENDER, Kind.ORGANISATION)
        ]
        taken: dict[int, Hit] = {}
        for hit in names:
            for token in parsed.tokens_in(hit.start, hit.end):
                taken[token] = hit
        runs = self._capital_runs(parsed, taken, lang)
        countries = self._countries(text, names, runs)
        count = Counter(m.key for m in countries)
        companies = self._companies(text, parsed, names, runs, lang)
        agencies = self._agencies(text, names, companies)
        near = _nearest_countries(countries)
        money = [
            (Mention(s.start, s.end, "money", f"{s.amount:.0f} {s.currency}", "inferred" if s.inferred else ""), s)
            for s in self.money.find(text, near, decimal_comma=lang in ("fr", "es", "pt"))
        ]
        countries += _issuers(money, self.money.issuers, set(count))
        return Mentions(
            parsed=parsed,
            companies=companies,
            countries=countries,
            technologies=[
                Mention(h.start, h.end, "technology", h.entry.key, h.entry.lang, h.entry.weak)
                for h in hits
                if h.entry.kind is Kind.TECHNOLOGY
            ],
            agencies=agencies,
            lenders=[
                Mention(h.start, h.end, "lender", h.entry.key, h.entry.form)
                for h in names
                if h.entry.kind is Kind.LENDER
            ],
            organisations=[
                Mention(h.start, h.end, "organisation", h.entry.key, h.entry.form)
                for h in names
                if h.entry.kind is Kind.ORGANISATION
            ],
            money=money,
            years=[Mention(m.start(), m.end(), "year", m.group()) for m in _YEAR.finditer(text)],
            references=self._references(text, companies),
            triggers=[h for h in hits if h.entry.kind is Kind.TRIGGER],
            words=[h for h in hits if h.entry.kind is Kind.WORD],
            country_count=count,
        )

    def _capital_runs(self, parsed: Parsed, taken: dict[int, Hit], lang: str) -> list[tuple[int, int, bool]]:
        """Maximal runs of capitalised name tokens: (first token, last token + 1, does spaCy call it a name)."""
        text, runs, n = parsed.text, [], len(parsed)

        def is_name(i: int) -> bool:
            word = text[parsed.start[i] : parsed.end[i]]
            if not word[:1].isupper() and not (
                word[:1].isdigit() and len(word) > 1 and word[1:2].isalpha() and word[-1:].isupper()
            ):
                return bool(_CAMEL.search(word))  # iFlytek, webintPro
            if word in _MONTHS:
                return False
            if _CAMEL.search(word) and len(word) > 4:  # HowAboutYou
                return True
            if lang == "en":
                return parsed.tag[i] in ("NNP", "NNPS") or (
                    parsed.ent[i] in ("ORG", "PRODUCT", "PERSON", "FAC", "WORK_OF_ART", "GPE") and parsed.tag[i] != "DT"
                )
            first = i == 0 or parsed.sent[i - 1] != parsed.sent[i]
            return (
                parsed.tag[i] == "PROPN"
                or not first
                or word.isupper()
                or (i + 1 < n and text[parsed.start[i + 1]].isupper())
            )

        i = 0
        while i < n:
            if not is_name(i):
                i += 1
                continue
            j = i + 1
            while j < n and parsed.sent[j] == parsed.sent[i]:
                gap = text[parsed.end[j - 1] : parsed.start[j]]
                word = text[parsed.start[j] : parsed.end[j]]
                if "\n" in gap:
                    break
                if is_name(j) or (word.isdigit() and len(word) < 4 and gap == " "):
                    j += 1
                    continue
                joins = word in ("&", "-", "/", "+") and (gap == "" or word == "&")
                if joins and j + 1 < n and text[parsed.start[j + 1]].isupper() and parsed.sent[j + 1] == parsed.sent[i]:
                    j += 2
                    continue
                if (
                    word == ","
                    and j + 1 < n
                    and re.match(r"(?:Ltd|Inc|LLC|Co|S\.A|Limited)\b", text[parsed.start[j + 1] :])
                ):
                    j += 2
                    continue
                break
            while j > i and text[parsed.start[j - 1] : parsed.end[j - 1]].isdigit():
                j -= 1
            if j > i:
                runs.append((i, j, any(parsed.ent[k] for k in range(i, j))))
            i = max(j, i + 1)
        return runs

    def _companies(
        self, text: str, parsed: Parsed, names: list[Hit], runs: list[tuple[int, int, bool]], lang: str
    ) -> dict[str, Company]:
        found: list[tuple[int, int, str | None, bool]] = []  # start, end, canonical vendor, weak
        vendor_hits = [h for h in names if h.entry.kind is Kind.VENDOR]
        other = [h for h in names if h.entry.kind is not Kind.VENDOR]
        covered = bytearray(len(text) + 1)
        for hit in vendor_hits:
            start, end = hit.start, hit.end
            for i, j, _ in runs:  # "Huawei" + "Technologies Co., Ltd"
                if parsed.start[i] <= start and end <= parsed.end[j - 1]:
                    if parsed.start[i] == start and _core(text[start : parsed.end[j - 1]]) == _core(text[start:end]):
                        end = parsed.end[j - 1]
                    break
            found.append((start, end, hit.entry.key, hit.entry.weak))
            covered[start:end] = b"\x01" * (end - start)
        for hit in other:
            covered[hit.start : hit.end] = b"\x02" * (hit.end - hit.start)
        for i, j, named in runs:
            start, end = parsed.start[i], parsed.end[j - 1]
            part = covered[start:end]
            words = text[start:end]
            if 1 in part:
                continue
            if 2 in part:
                free = [k for k in range(i, j) if not covered[parsed.start[k]]]
                inside = [h for h in other if h.start < end and start < h.end]
                if not free or any(h.entry.kind is not Kind.COUNTRY for h in inside):
                    continue
                if re.search(rf"\b(?:{_AGENCY_HEAD})\b", words):
                    continue
                lead = inside[0]
                if lead.start == start and lead.entry.form == "demonym" and len(free) and not LEGAL.search(words):
                    start = parsed.start[free[0]]  # "Israeli Rayzone" -> "Rayzone"
                    words = text[start:end]
                    if 2 in covered[start:end]:
                        continue
            bare = short_name(words)
            if re.search(rf"\b(?:{_AGENCY_HEAD})\b", bare) and not LEGAL.search(words) and not _COMMERCIAL.search(bare):
                continue
            first = bare.split()[0] if bare.split() else ""
            if bare in _NO_NAMES:
                continue
            if len(bare) < 2 or first in _TITLES or bare.split()[-1] in _TITLES or not re.search("[A-Za-z]", bare):
                continue
            if (
                j - i == 1
                and not named
                and i
                and parsed.sent[i - 1] != parsed.sent[i]
                and not text[start:end].isupper()
                and not _stands_as_a_name(text, parsed, i, lang)
            ):
                continue
            found.append((start, end, None, not named))
        return self._cluster(text, parsed, found)

    def _cluster(self, text: str, parsed: Parsed, found: list[tuple[int, int, str | None, bool]]) -> dict[str, Company]:
        found.sort()
        parent: dict[str, str] = {}

        def root(key: str) -> str:
            while parent.get(key, key) != key:
                key = parent[key]
            return key

        def join(a: str, b: str) -> None:
            a, b = root(a), root(b)
            if a != b:
                if b.startswith("@"):
                    a, b = b, a
                parent[b] = a

        keys: list[str] = []
        by_core: dict[str, str] = {}
        for start, end, vendor, _ in found:
            name = text[start:end]
            key = f"@{vendor}" if vendor else f"?{_fold(name)}"
            parent.setdefault(key, key)
            keys.append(key)
            if not vendor:
                core = _core(name)
                if core in by_core:
                    join(by_core[core], key)
                else:
                    by_core[core] = key
        acronyms: dict[str, str] = {}
        for (_, end, _, _), key in zip(found, keys, strict=True):
            match = _ACRONYM_AFTER.match(text, end)
            if match:
                acronyms.setdefault(_fold(match[1]), key)
        unknown = {key for key in keys if key.startswith("?")}
        for key in unknown:
            if key[1:] in acronyms:
                join(acronyms[key[1:]], key)
        # A shorter form stands for the longer one that begins with it ("Korkem" for "Korkem Telecom").
        for key in sorted(unknown, key=len):
            words = key[1:].split()
            longer = [
                other
                for other in parent
                if other != key
                and (_fold(other[1:]) if other[0] == "@" else other[1:]).split()[: len(words)] == words
                and len(other[1:].split()) > len(words)
            ]
            if len({root(o) for o in longer}) == 1 and len(key[1:]) > 2:
                join(longer[0], key)
            tails = [o for o in unknown if o != key and len(words) > 1 and o[1:].split()[-len(words) :] == words]
            if len({root(o) for o in tails}) == 1:
                join(tails[0], key)
        for a, b in zip(range(len(found)), range(1, len(found)), strict=False):
            between = text[found[a][1] : found[b][0]]
            if (
                0 < len(between) < 50
                and "\n" not in between
                and _RENAMED.match(between)
                and between.strip(" ,(").lower() not in ("or",)
            ):
                join(keys[a], keys[b])
        companies: dict[str, Company] = {}
        for (start, end, vendor, weak), key in zip(found, keys, strict=True):
            top = root(key)
            company = companies.get(top)
            if company is None:
                known = top[1:] if top.startswith("@") else None
                home = self.lexicon.vendors[known].country if known else None
                company = companies[top] = Company(top, [], known, home)
            name = re.sub(r"'s$", "", text[start:end])
            for form in (name, short_name(name)):
                if form and form not in company.names:
                    company.names.append(form)
            company.mentions.append(Mention(start, end, "company", top, vendor or "", weak))
        return companies

    @staticmethod
    def _countries(text: str, names: list[Hit], runs: list[tuple[int, int, bool]]) -> list[Mention]:
        firm = {h.entry.key for h in names if h.entry.kind is Kind.COUNTRY and not h.entry.weak}
        found = []
        for hit in names:
            if hit.entry.kind is Kind.COUNTRY:
                if hit.entry.weak and hit.entry.key not in firm:
                    found.append(Mention(hit.start, hit.end, "country", hit.entry.key, hit.entry.form, True))
                else:
                    found.append(Mention(hit.start, hit.end, "country", hit.entry.key, hit.entry.form))
            elif hit.entry.kind is Kind.AGENCY and hit.entry.key:
                found.append(Mention(hit.start, hit.end, "country", hit.entry.key, "agency"))
        return found

    @staticmethod
    def _agencies(text: str, names: list[Hit], companies: dict[str, Company]) -> list[Mention]:
        covered = bytearray(len(text) + 1)
        found = []
        for company in companies.values():
            for m in company.mentions:
                covered[m.start : m.end] = b"\x01" * (m.end - m.start)
        for pattern in (_AGENCY_NAME, _AGENCY_COMMON):
            for match in pattern.finditer(text):
                start, end = match.span()
                lead = re.match(
                    r"(?:(?:and|of|de|del|la|the|The|its|his|their|le|el|los|les|a|&)\s+)+", text[start:end]
                )
                if lead:
                    start += lead.end()
                if start < end and not any(covered[start:end]):
                    found.append(
                        Mention(start, end, "agency", text[start:end], "name" if pattern is _AGENCY_NAME else "common")
                    )
                    covered[start:end] = b"\x01" * (end - start)
        for hit in names:
            if hit.entry.kind is Kind.AGENCY and not any(covered[hit.start : hit.end]):
                found.append(Mention(hit.start, hit.end, "agency", text[hit.start : hit.end], hit.entry.form))
        return sorted(found, key=lambda m: m.start)

    def _references(self, text: str, companies: dict[str, Company]) -> list[Mention]:
        return [Mention(m.start(), m.end(), "reference", m["noun"], m["det"].lower()) for m in REFERENCE.finditer(text)]


def _stands_as_a_name(text: str, parsed: Parsed, token: int, lang: str) -> bool:
    """Is a lone capitalised word that begins a sentence a name? The tagger says so, and the text never writes it small."""
    word = text[parsed.start[token] : parsed.end[token]]
    if lang != "en" or parsed.tag[token] != "NNP" or len(word) < 4:
        return False
    return not re.search(rf"\b{re.escape(word.lower())}\b", text)


def _issuers(money: list[tuple[Mention, Sum]], issuers: dict[str, set[str]], known: set[str]) -> list[Mention]:
    """Countries that a text names by their money alone ("TT$25 million"), as weak mentions."""
    found = []
    for mention, total in money:
        issued = issuers.get(total.currency, set())
        if (
            len(total.currencies) == 1
            and len(issued) == 1
            and not total.inferred
            and total.currency not in _WORLD_MONEY
        ):
            (country,) = issued
            if country not in known:
                found.append(Mention(mention.start, mention.end, "country", country, "currency", True))
    return found


def _nearest_countries(countries: list[Mention]):  # type: ignore[no-untyped-def]
    count = Counter(m.key for m in countries)

    def near(offset: int) -> list[str]:
        scored: dict[str, float] = defaultdict(float)
        for m in countries:
            scored[m.key] = max(scored[m.key], 1.0 / (60 + abs(m.start - offset)))
        for key, n in count.items():
            scored[key] *= 1 + n
        return sorted(scored, key=lambda k: -scored[k])

    return near
