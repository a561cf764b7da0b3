"""One number for the content of a ledger: equal digests mean that nothing changed.

Times, run entries, row numbers and versions are left out; rows are taken in the order of their keys.
"""

from __future__ import annotations

import hashlib
import json

from store.connect import Store

CONTENT = {
    "articles": "article_id, url, title, text, language, outlet, author, published, published_precision,"
    " published_rule, truncated, pages",
    "readings": "page_id, outcome, reason, article_id",
    "copy_groups": "article_id, leader_id, reason",
    "findings": "finding_id, article_id, vendor, vendor_id, vendor_aliases, vendor_country, country, technologies,"
    " financing_type, financier, financing_amount, financing_currency, value_amount, value_currency, customer, year,"
    " status, alleged, role, place, confidence, reasons, field_confidence",
    "sources": "source_id, publisher, country, source_type",
    "instruments": "finding_id, position, type, financier, amount, currency, raw, rate, maturity_years, grace_years",
    "evidence": "finding_id, position, quote",
    "spans": 'finding_id, slot, start, "end", "in"',
    "claims": "claim_id, article_id, vendor, vendor_country, technologies, n_countries, qualifier, evidence,"
    " confidence",
    "deals": "deal_id, pair, vendor, vendor_id, vendor_country, country, technologies, financing_type, financier,"
    " financing_amount, financing_currency, value_amount, value_currency, customer, year, status, alleged, role, place,"
    " confidence, sources, findings, evidence, article_id, newest, version, chosen, conflicts, sum_safe, sum_reason,"
    " twin_id, twin_score",
    "deal_findings": "finding_id, deal_id",
    "deal_links": "from_id, to_id, kind, reason",
    "reference_rows": "name, line, country, kind, value, detail",
}


def digest(store: Store) -> str:
    """The digest of a ledger's content tables."""
    total = hashlib.sha256()
    for table, columns in CONTENT.items():
        total.update(f"{table}\n".encode())
        for row in store.db.conn.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}"):  # noqa: S608
            total.update(json.dumps(list(row), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()
