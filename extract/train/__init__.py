"""Training of the extractor: corpora, models, and what rebuilds them. Not needed by run or test."""
