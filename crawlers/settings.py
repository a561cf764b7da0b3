"""Scrapy's settings, hardened: responses come from strangers (MEASURED-CRAWL, sections 7 and 8).

`crawlers.run` adds what a workspace decides: contact, delays, and who may live at a private address.
"""

BOT_NAME = "watchledger"
SPIDER_MODULES = ["crawlers.spiders"]
NEWSPIDER_MODULE = "crawlers.spiders"

# One request at a time to a host, a second apart; robots.txt may ask for more time, never for less.
CONCURRENT_REQUESTS = 64
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0
ROBOTSTXT_OBEY = True  # by our own middleware below, which follows RFC 9309

# Limits until the headers have come; then those of `crawlers.limits` hold.
DOWNLOAD_MAXSIZE = 30 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_FAIL_ON_DATALOSS = False  # the spider retries, then keeps the page marked as partial
REDIRECT_MAX_TIMES = 5
RETRY_TIMES = 2
# 429 and 503 ask for time, not for another try at once: the frontier keeps them for a later run.
RETRY_HTTP_CODES = [500, 502, 504, 408]

# Only the web, only with valid certificates, only to public addresses (`crawlers.egress`).
DOWNLOAD_HANDLERS = dict.fromkeys(("data", "file", "ftp", "s3")) | dict.fromkeys(
    ("http", "https"), "crawlers.certificates.Handler"
)
DOWNLOAD_VERIFY_CERTIFICATES = True
TWISTED_DNS_RESOLVER = "crawlers.egress.GuardedResolver"
HTTPPROXY_ENABLED = False  # a proxy would dial for us, past the guard

# Nothing listens, nothing is remembered between sites, nothing tells a site where we came from.
TELNETCONSOLE_ENABLED = False
COOKIES_ENABLED = False
COMPRESSION_ENABLED = False  # `crawlers.limits` takes codings off
REFERRER_POLICY = "no-referrer"
METAREFRESH_ENABLED = False

SCHEDULER = "crawlers.scheduler.FrontierScheduler"
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawlers.robots.RobotsMiddleware": 100,
    "crawlers.limits.LimitsMiddleware": 590,  # where Scrapy's own would stand
    "crawlers.throttle.ThrottleMiddleware": 800,
    "crawlers.egress.EgressMiddleware": 900,  # next to the network: a refusal is not retried
}
# Every status reaches the spider, which names its outcome.
SPIDER_MIDDLEWARES = {"scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None}

LOG_ENABLED = False
LOG_INSTALL_ROOT_HANDLER = False
EXTENSIONS = {
    "scrapy.extensions.corestats.CoreStats": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.logstats.LogStats": None,
}
