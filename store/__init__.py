"""The three databases of a workspace: archive (the crawl), ledger (what was found in it), decisions (people's).

The only SQL of the project. Each file has one writer at a time, kept by a lock file
beside it; every write is one transaction, so that a kill leaves whole items only.
"""
