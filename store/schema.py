"""The tables of the three databases, as migrations; a change is a new function at the end of its part."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

archive = Migrations("archive")
ledger = Migrations("ledger")
decisions = Migrations("decisions")


def _run(db: Database, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)


@archive()
def archive_001_crawl(db: Database) -> None:
    """Sources, the frontier, every request's end, and the raw pages."""
    _run(
        db,
        """CREATE TABLE sources (
            source_id TEXT PRIMARY KEY, publisher TEXT NOT NULL, country TEXT NOT NULL, language TEXT NOT NULL,
            kind TEXT NOT NULL, source_type TEXT NOT NULL, url TEXT NOT NULL, seen_at TEXT NOT NULL,
            last_asked TEXT, last_success TEXT, last_new TEXT, last_outcome TEXT, last_reason TEXT
        ) STRICT""",
        # seq: order of discovery; state: waiting (to be fetched when due) | done | dead (not again by itself)
        """CREATE TABLE frontier (
            seq INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, host TEXT NOT NULL,
            source_id TEXT NOT NULL REFERENCES sources(source_id), is_index INTEGER NOT NULL, depth INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dead')), due_at TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, outcome TEXT, reason TEXT, found_on TEXT, found_at TEXT NOT NULL,
            hint_title TEXT NOT NULL DEFAULT '', hint_published TEXT NOT NULL DEFAULT '',
            etag TEXT NOT NULL DEFAULT '', last_modified TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE INDEX frontier_waiting ON frontier(host, is_index DESC, seq) WHERE state = 'waiting'",
        "CREATE INDEX frontier_source ON frontier(source_id)",
        """CREATE TABLE crawl_runs (
            run_id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT, how TEXT
        ) STRICT""",
        """CREATE TABLE fetches (
            fetch_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES crawl_runs(run_id), url TEXT NOT NULL,
            final_url TEXT NOT NULL, source_id TEXT NOT NULL, is_index INTEGER NOT NULL, status INTEGER NOT NULL,
            outcome TEXT NOT NULL, reason TEXT NOT NULL, fetched_at TEXT NOT NULL, content_type TEXT NOT NULL,
            size INTEGER NOT NULL, page_id TEXT, links_found INTEGER NOT NULL DEFAULT 0,
            links_new INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX fetches_run ON fetches(run_id)",
        "CREATE TABLE bodies (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, zstd BLOB NOT NULL) STRICT",
        """CREATE TABLE pages (
            page_id TEXT PRIMARY KEY, url TEXT NOT NULL, final_url TEXT NOT NULL, status INTEGER NOT NULL,
            fetched_at TEXT NOT NULL, content_type TEXT NOT NULL,
            sha256 TEXT NOT NULL REFERENCES bodies(sha256), source_id TEXT NOT NULL REFERENCES sources(source_id),
            partial INTEGER NOT NULL, via TEXT NOT NULL, title TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX pages_url ON pages(final_url)",
    )


@archive()
def archive_002_health(db: Database) -> None:
    """Hosts that are left alone for a while, and what tells whether a source still lives."""
    _run(
        db,
        "CREATE TABLE hosts (host TEXT PRIMARY KEY, failures INTEGER NOT NULL, closed_until TEXT NOT NULL,"
        " reason TEXT NOT NULL) STRICT",
        "ALTER TABLE frontier ADD COLUMN asked_at TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sources ADD COLUMN moved_to TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sources ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sources ADD COLUMN last_matches INTEGER",
        "ALTER TABLE sources ADD COLUMN first_asked TEXT",
        "CREATE INDEX fetches_source ON fetches(source_id, is_index, fetched_at)",
    )


@ledger()
def ledger_001_readings(db: Database) -> None:
    """What became of each page, the articles with full-text search, and what they say."""
    _run(
        db,
        # article_no is what full-text search counts by; article_id is what everything else points at.
        """CREATE TABLE articles (
            article_no INTEGER PRIMARY KEY AUTOINCREMENT, article_id TEXT NOT NULL UNIQUE, url TEXT NOT NULL,
            title TEXT NOT NULL, text TEXT NOT NULL, language TEXT NOT NULL, outlet TEXT, author TEXT,
            published TEXT, published_precision TEXT, published_rule TEXT, truncated INTEGER NOT NULL,
            pages TEXT NOT NULL, source_id TEXT NOT NULL
        ) STRICT""",
        """CREATE VIRTUAL TABLE articles_fts USING fts5(
            title, text, content='articles', content_rowid='article_no', tokenize='unicode61 remove_diacritics 2'
        )""",
        # Up to where articles are in the search index and in copy groups; what was changed since then is dirty.
        "CREATE TABLE settled (id INTEGER PRIMARY KEY CHECK (id = 1), last_article_no INTEGER NOT NULL) STRICT",
        "INSERT INTO settled VALUES (1, 0)",
        "CREATE TABLE dirty_pairs (pair TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
        """CREATE TABLE readings (
            page_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, reason TEXT NOT NULL, article_id TEXT,
            version TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE paragraphs (
            article_id TEXT NOT NULL REFERENCES articles(article_id) ON DELETE CASCADE, hash INTEGER NOT NULL,
            size INTEGER NOT NULL, PRIMARY KEY (article_id, hash)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX paragraphs_hash ON paragraphs(hash)",
        """CREATE TABLE copy_groups (
            article_id TEXT PRIMARY KEY REFERENCES articles(article_id) ON DELETE CASCADE,
            leader_id TEXT NOT NULL, reason TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX copy_groups_leader ON copy_groups(leader_id)",
        """CREATE TABLE findings (
            finding_id TEXT PRIMARY KEY,
            article_id TEXT NOT NULL REFERENCES articles(article_id) ON DELETE CASCADE, pair TEXT NOT NULL,
            vendor TEXT, vendor_id TEXT, vendor_aliases TEXT NOT NULL, vendor_country TEXT, country TEXT NOT NULL,
            technologies TEXT NOT NULL, financing_type TEXT, financier TEXT, financing_amount REAL,
            financing_currency TEXT, financing_raw TEXT, value_amount REAL, value_currency TEXT, value_raw TEXT,
            customer TEXT, year INTEGER, status TEXT NOT NULL, alleged INTEGER NOT NULL, role TEXT, place TEXT,
            confidence REAL NOT NULL, reasons TEXT NOT NULL, field_confidence TEXT NOT NULL, extractor TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX findings_article ON findings(article_id)",
        "CREATE INDEX findings_pair ON findings(pair)",
        """CREATE TABLE instruments (
            finding_id TEXT NOT NULL REFERENCES findings(finding_id) ON DELETE CASCADE, position INTEGER NOT NULL,
            type TEXT NOT NULL, financier TEXT, amount REAL, currency TEXT, raw TEXT,
            PRIMARY KEY (finding_id, position)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE evidence (
            finding_id TEXT NOT NULL REFERENCES findings(finding_id) ON DELETE CASCADE, position INTEGER NOT NULL,
            quote TEXT NOT NULL, PRIMARY KEY (finding_id, position)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE spans (
            finding_id TEXT NOT NULL REFERENCES findings(finding_id) ON DELETE CASCADE, slot TEXT NOT NULL,
            start INTEGER NOT NULL, "end" INTEGER NOT NULL, "in" TEXT NOT NULL,
            PRIMARY KEY (finding_id, slot, start, "end", "in")
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE claims (
            claim_id TEXT PRIMARY KEY,
            article_id TEXT NOT NULL REFERENCES articles(article_id) ON DELETE CASCADE,
            vendor TEXT, vendor_country TEXT, technologies TEXT NOT NULL, n_countries INTEGER NOT NULL,
            qualifier TEXT NOT NULL, evidence TEXT NOT NULL, confidence REAL NOT NULL
        ) STRICT""",
        "CREATE INDEX claims_article ON claims(article_id)",
        """CREATE TABLE deals (
            deal_id TEXT PRIMARY KEY, pair TEXT NOT NULL, vendor TEXT, vendor_country TEXT, country TEXT NOT NULL,
            technologies TEXT NOT NULL, financing_type TEXT, financier TEXT, financing_amount REAL,
            financing_currency TEXT, value_amount REAL, value_currency TEXT, customer TEXT, year INTEGER,
            status TEXT NOT NULL, alleged INTEGER NOT NULL, confidence REAL NOT NULL, sources INTEGER NOT NULL,
            evidence TEXT NOT NULL, article_id TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX deals_pair ON deals(pair)",
        """CREATE TABLE deal_findings (
            finding_id TEXT PRIMARY KEY REFERENCES findings(finding_id) ON DELETE CASCADE,
            deal_id TEXT NOT NULL REFERENCES deals(deal_id) ON DELETE CASCADE
        ) STRICT""",
        "CREATE INDEX deal_findings_deal ON deal_findings(deal_id)",
        # A page's outcome as people should see it: a copy is counted as a copy, whatever was read in it.
        """CREATE VIEW page_outcomes AS
            SELECT r.page_id, r.article_id,
                CASE WHEN c.leader_id <> c.article_id THEN 'copy_of' ELSE r.outcome END AS outcome,
                CASE WHEN c.leader_id <> c.article_id THEN c.leader_id ELSE r.reason END AS reason
            FROM readings r LEFT JOIN copy_groups c ON c.article_id = r.article_id""",
        """CREATE TABLE runs (
            run_id INTEGER PRIMARY KEY, stage TEXT NOT NULL, version TEXT NOT NULL, started_at TEXT NOT NULL,
            ended_at TEXT, items_in INTEGER NOT NULL, how TEXT
        ) STRICT""",
        """CREATE TABLE run_items (
            run_id INTEGER NOT NULL REFERENCES runs(run_id) ON DELETE CASCADE, item TEXT NOT NULL,
            outcome TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (run_id, item)
        ) STRICT, WITHOUT ROWID""",
    )


@decisions()
def decisions_001_log(db: Database) -> None:
    """What people decided; rows are added and never changed, which the triggers hold to."""
    _run(
        db,
        """CREATE TABLE decisions (
            decision_id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, deal_key TEXT NOT NULL,
            action TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE INDEX decisions_deal ON decisions(deal_key, decision_id)",
        """CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions
            BEGIN SELECT RAISE(ABORT, 'decisions are never changed; add a new one'); END""",
        """CREATE TRIGGER decisions_remain BEFORE DELETE ON decisions
            BEGIN SELECT RAISE(ABORT, 'decisions are never deleted; add a new one'); END""",
    )
