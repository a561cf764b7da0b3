"""The Scrapy project: from sources.toml to raw pages. It knows no deals, no text rules and no database."""
