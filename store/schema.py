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
def ledger_gather_blocks(db: Database) -> None:
    """What repeats on a site, and what tells copies. Refers to no other table, so it may come first."""
    _run(
        db,
        "CREATE TABLE page_blocks (host TEXT NOT NULL, hash INTEGER NOT NULL, page_id TEXT NOT NULL,"
        " PRIMARY KEY (host, hash, page_id)) STRICT, WITHOUT ROWID",
        "CREATE TABLE new_blocks (host TEXT NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (host, hash)) STRICT, WITHOUT ROWID",
        "CREATE TABLE site_blocks (host TEXT NOT NULL, hash INTEGER NOT NULL, PRIMARY KEY (host, hash)) STRICT, WITHOUT ROWID",
        # kind: address | title | band (number and value of a MinHash band)
        """CREATE TABLE copy_keys (
            kind TEXT NOT NULL, value TEXT NOT NULL, article_id TEXT NOT NULL, PRIMARY KEY (kind, value, article_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX copy_keys_article ON copy_keys(article_id)",
        # A sentence that carries findings in so many documents that are no copies of each other is a stock phrase.
        """CREATE VIEW repeated_sentences AS
            SELECT e.quote, COUNT(DISTINCT COALESCE(c.leader_id, f.article_id)) AS documents
            FROM evidence e JOIN findings f USING (finding_id) LEFT JOIN copy_groups c USING (article_id)
            GROUP BY e.quote HAVING documents >= 5""",
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


@ledger()
def ledger_002_deals_with_reasons(db: Database) -> None:
    """Deals say why each value is shown; sources have a rank; relations and reference data get tables."""
    _run(
        db,
        """CREATE TABLE sources (
            source_id TEXT PRIMARY KEY, publisher TEXT NOT NULL, country TEXT NOT NULL, source_type TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "ALTER TABLE instruments ADD COLUMN rate REAL",
        "ALTER TABLE instruments ADD COLUMN maturity_years REAL",
        "ALTER TABLE instruments ADD COLUMN grace_years REAL",
        "DROP TABLE deal_findings",
        "DROP TABLE deals",
        # version: changes with the values that people decide on, and with nothing else.
        # chosen: slot -> {finding, why}; conflicts: slots on which the findings differ.
        # newest: latest publication; rough_sum: for ordering only; twin: the likeliest other deal of the pair.
        """CREATE TABLE deals (
            deal_id TEXT PRIMARY KEY, pair TEXT NOT NULL, vendor TEXT, vendor_id TEXT, vendor_country TEXT,
            country TEXT NOT NULL, technologies TEXT NOT NULL, financing_type TEXT, financier TEXT,
            financing_amount REAL, financing_currency TEXT, value_amount REAL, value_currency TEXT, customer TEXT,
            year INTEGER, status TEXT NOT NULL, alleged INTEGER NOT NULL, role TEXT, place TEXT,
            confidence REAL NOT NULL, sources INTEGER NOT NULL, findings INTEGER NOT NULL,
            evidence TEXT NOT NULL, article_id TEXT NOT NULL, newest TEXT NOT NULL, uncertainty REAL NOT NULL,
            rough_sum REAL NOT NULL, version TEXT NOT NULL, chosen TEXT NOT NULL, conflicts TEXT NOT NULL,
            sum_safe INTEGER NOT NULL DEFAULT 0, sum_reason TEXT NOT NULL DEFAULT '',
            twin_id TEXT, twin_score REAL NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX deals_pair ON deals(pair)",
        "CREATE INDEX deals_country ON deals(country)",
        "CREATE INDEX deals_vendor ON deals(vendor)",
        "CREATE INDEX deals_likely ON deals(confidence DESC, deal_id)",
        "CREATE INDEX deals_uncertain ON deals(uncertainty DESC, deal_id)",
        "CREATE INDEX deals_newest ON deals(newest DESC, deal_id)",
        "CREATE INDEX deals_large ON deals(rough_sum DESC, deal_id)",
        """CREATE TABLE deal_findings (
            finding_id TEXT PRIMARY KEY REFERENCES findings(finding_id) ON DELETE CASCADE,
            deal_id TEXT NOT NULL REFERENCES deals(deal_id) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX deal_findings_deal ON deal_findings(deal_id)",
        """CREATE TABLE deal_links (
            from_id TEXT NOT NULL REFERENCES deals(deal_id) ON DELETE CASCADE,
            to_id TEXT NOT NULL REFERENCES deals(deal_id) ON DELETE CASCADE,
            kind TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (from_id, to_id, kind)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX deal_links_to ON deal_links(to_id)",
        "INSERT OR IGNORE INTO dirty_pairs SELECT DISTINCT pair FROM findings",
        """CREATE VIEW parties AS
            SELECT deal_id, COALESCE(role, 'supplier') AS role, vendor AS name, vendor_country AS country, finding_id
            FROM findings JOIN deal_findings USING (finding_id) WHERE vendor IS NOT NULL
            UNION ALL SELECT deal_id, 'customer', customer, country, finding_id
            FROM findings JOIN deal_findings USING (finding_id) WHERE customer IS NOT NULL
            UNION ALL SELECT deal_id, 'financier', i.financier, NULL, finding_id
            FROM instruments i JOIN deal_findings USING (finding_id) WHERE i.financier IS NOT NULL""",
        """CREATE VIEW events AS
            SELECT deal_id, 'agreed' AS event, CAST(f.year AS TEXT) AS date, f.status, f.finding_id, f.article_id
            FROM findings f JOIN deal_findings USING (finding_id) WHERE f.year IS NOT NULL
            UNION ALL SELECT deal_id, 'reported', a.published, f.status, f.finding_id, f.article_id
            FROM findings f JOIN deal_findings USING (finding_id) JOIN articles a USING (article_id)
            WHERE a.published IS NOT NULL""",
        """CREATE TABLE reference_sets (
            name TEXT PRIMARY KEY, shape TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        # One row a told fact: kind is country | flag | company | deal; detail holds what else the set tells.
        """CREATE TABLE reference_rows (
            name TEXT NOT NULL REFERENCES reference_sets(name) ON DELETE CASCADE, line INTEGER NOT NULL,
            country TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '{}',
            PRIMARY KEY (name, line, kind, value)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX reference_rows_country ON reference_rows(country)",
    )


@decisions()
def decisions_002_acts(db: Database) -> None:
    """More of each event, and what follows from the log; the tables below can be rebuilt from it at any time."""
    _run(
        db,
        "ALTER TABLE decisions ADD COLUMN seconds REAL",
        "ALTER TABLE decisions ADD COLUMN machine_shown INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE decisions ADD COLUMN batch TEXT",
        "ALTER TABLE decisions ADD COLUMN undoes TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE decisions ADD COLUMN second INTEGER NOT NULL DEFAULT 0",
        # members: deal id -> the findings that this act says belong to it, as [finding, article, pair]
        "ALTER TABLE decisions ADD COLUMN members TEXT NOT NULL DEFAULT '{}'",
        "CREATE INDEX decisions_batch ON decisions(batch) WHERE batch IS NOT NULL",
        "CREATE INDEX decisions_who ON decisions(who, decision_id)",
        """CREATE TABLE decision_deals (
            deal_id TEXT NOT NULL, decision_id INTEGER NOT NULL REFERENCES decisions(decision_id),
            PRIMARY KEY (deal_id, decision_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX decision_deals_decision ON decision_deals(decision_id)",
        "INSERT INTO decision_deals SELECT deal_key, decision_id FROM decisions",
        # --- from here on: derived from the log
        "CREATE TABLE undone (decision_id INTEGER PRIMARY KEY, by INTEGER NOT NULL) STRICT",
        """CREATE TABLE decided (
            deal_id TEXT PRIMARY KEY, state TEXT NOT NULL, flagged INTEGER NOT NULL DEFAULT 0, decision_id INTEGER,
            who TEXT, at TEXT, reason TEXT NOT NULL DEFAULT '', machine TEXT, machine_version TEXT, decided TEXT,
            merged_into TEXT, by_hand INTEGER NOT NULL DEFAULT 0, evidence TEXT NOT NULL DEFAULT '[]',
            touched INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX decided_state ON decided(state)",
        """CREATE TABLE anchors (
            finding_id TEXT PRIMARY KEY, deal_id TEXT NOT NULL, article_id TEXT NOT NULL, pair TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX anchors_deal ON anchors(deal_id)",
        """CREATE TABLE judgements (
            one TEXT NOT NULL, other TEXT NOT NULL, verdict TEXT NOT NULL CHECK (verdict IN ('same', 'not_same')),
            decision_id INTEGER NOT NULL, PRIMARY KEY (one, other)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX judgements_other ON judgements(other)",
        """CREATE TABLE verdicts (
            deal_id TEXT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, decided TEXT,
            decision_id INTEGER NOT NULL, PRIMARY KEY (deal_id, who)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE links (
            from_id TEXT NOT NULL, to_id TEXT NOT NULL, kind TEXT NOT NULL, decision_id INTEGER NOT NULL,
            PRIMARY KEY (from_id, to_id, kind)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE withdrawn (
            article_id TEXT PRIMARY KEY, url TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,
            decision_id INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX withdrawn_url ON withdrawn(url)",
        "CREATE TABLE articles_done (article_id TEXT PRIMARY KEY, decision_id INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        # --- a workplace's own tables: not derived, changed freely
        """CREATE TABLE assignments (
            deal_id TEXT NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL, blind INTEGER NOT NULL DEFAULT 1,
            PRIMARY KEY (deal_id, who)
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE filters (name TEXT PRIMARY KEY, who TEXT NOT NULL, filter TEXT NOT NULL) STRICT, WITHOUT ROWID",
        # Here and not in the ledger, so that a release is remembered after a rebuild.
        """CREATE TABLE releases (
            version TEXT PRIMARY KEY, at TEXT NOT NULL, last_decision INTEGER NOT NULL, deals INTEGER NOT NULL,
            digest TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
    )
