"""One peer's way from a WARC file to articles, run in the peer's own environment: `python job.py PEER WARC`.

Prints one JSON line: pages read, articles made, addresses of the articles, processor seconds (its children's too) and
peak memory. Imports nothing of watchledger.
"""

import json
import resource
import sys
import tempfile
import time


def read_records(path):
    from warcio.archiveiterator import ArchiveIterator

    with open(path, "rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                yield record


def warcio_trafilatura(path):
    """Every page through trafilatura with metadata: what a pipeline without a gate does."""
    from trafilatura import bare_extraction

    pages, found = 0, []
    for record in read_records(path):
        pages += 1
        url = record.rec_headers.get_header("WARC-Target-URI")
        made = bare_extraction(record.content_stream().read(), url=url, with_metadata=True)
        if made is not None and made.text:
            found.append(url)
    return pages, found


def newsplease(path):
    """Every record through news-please, without fetching images."""
    from newsplease import NewsPlease

    pages, found = 0, []
    for record in read_records(path):
        pages += 1
        try:
            made = NewsPlease.from_warc(record, decode_errors="replace", fetch_images=False)
        except Exception:
            continue
        if made is not None and made.maintext:
            found.append(made.url)
    return pages, found


def datatrove(path):
    """datatrove's own pipeline: WARC reader, trafilatura block, JSON lines out."""
    import gzip
    import os

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter

    with tempfile.TemporaryDirectory() as out:
        LocalPipelineExecutor(
            pipeline=[
                WarcReader(os.path.dirname(path), glob_pattern=os.path.basename(path)),
                Trafilatura(timeout=30),
                JsonlWriter(f"{out}/made"),
            ],
            tasks=1,
            workers=1,
            logging_dir=f"{out}/logs",
        ).run()
        found = []
        for name in os.listdir(f"{out}/made"):
            with gzip.open(f"{out}/made/{name}", "rt", encoding="utf-8") as file:
                found += [json.loads(line)["metadata"]["url"] for line in file]
    return sum(1 for _ in read_records(path)), found


def main():
    """Run one peer over one file."""
    name, path = sys.argv[1:]
    run = {"warcio_trafilatura": warcio_trafilatura, "newsplease": newsplease, "datatrove": datatrove}[name]
    began = time.perf_counter()
    pages, found = run(path)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    told = {
        "pages": pages,
        "articles": len(found),
        "found": found,
        "cpu_s": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "wall_s": time.perf_counter() - began,
        "peak_mb": max(own.ru_maxrss, children.ru_maxrss) / 1024,
    }
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
