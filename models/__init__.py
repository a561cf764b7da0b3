"""Data that `extract` loads: lexicon, trained components, corpus. This file only makes the folder a package that a wheel can carry."""
