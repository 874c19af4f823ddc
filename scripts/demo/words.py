"""What made-up history is made of: names, countries and how often what happens."""

from installs.ecwid import scopes

APPS = {"made-up-labels": "Label Maker", "made-up-reviews": "Kind Words", "made-up-stock": "Stock Watch"}
APP_SHARES = [60, 30, 10]
WANTED = ("read_store_profile", "read_catalog", "public_storefront", "read_orders", "update_orders")
GRANTS = [list(WANTED), list(WANTED[:4]), list(WANTED[:3]), ["read_store_profile"]]
GRANT_SHARES = [970, 18, 8, 4]
assert set(WANTED) <= set(scopes.SCOPES)  # noqa: S101  a slip of the pen would make every installation lack something

COUNTRIES = ["US", "GB", "DE", "NL", "FR", "CA", "AU", "BE", "ES", "IT", "SE", "CH", "AT", "PL", "BR", "IN", "MT", "IS"]
COUNTRY_SHARES = [400, 140, 90, 70, 60, 60, 50, 30, 25, 25, 15, 10, 8, 7, 6, 3, 1, 1]
CURRENCIES = {
    "US": "USD", "GB": "GBP", "CA": "CAD", "AU": "AUD", "SE": "SEK", "CH": "CHF", "PL": "PLN", "BR": "BRL", "IN": "INR",
    "IS": "ISK",
}  # fmt: skip

FIRST = (
    "Amber", "Bright", "Copper", "Daily", "Early", "Fern", "Golden", "Harbour", "Indigo", "Juniper", "Kind", "Little",
    "Maple", "North", "Olive", "Paper", "Quiet", "River", "Silver", "Tidy", "Urban", "Velvet", "Willow", "Young",
)  # fmt: skip
SECOND = (
    "Bakery", "Bikes", "Books", "Candles", "Ceramics", "Coffee", "Cycles", "Flowers", "Garden", "Goods", "Hats",
    "Jewels", "Kitchen", "Lamps", "Letters", "Looms", "Market", "Paints", "Pets", "Prints", "Records", "Shoes", "Soap",
    "Supply", "Tea", "Threads", "Toys", "Trail", "Vinyl", "Wool",
)  # fmt: skip
PEOPLE = ("Ada", "Bo", "Chen", "Dana", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Mira", "Noor")

# How a visit that installs nothing ends, and what is kept of why.
FAILURES = {
    "code_rejected": "The code was used before or is too old.",
    "refused": "",
    "no_code": "",
    "reply_lost": "no answer in time",
    "secret_wrong": "invalid_client",
    "unreachable": "connection refused",
    "store_mismatch": "The token belongs to another store than the address.",
    "throttled": "asked to slow down",
}
FAILURE_SHARES = [420, 250, 120, 60, 20, 80, 10, 40]

UNREAD = ["disconnected", "refused: the store's plan has no API", "gave up: no answer in time"]
SUBSCRIPTIONS = ["ACTIVE", "TRIAL", "SUSPENDED", ""]
SUBSCRIPTION_SHARES = [700, 200, 20, 80]
EVENTS = {
    "order.created": "no handler", "order.updated": "no handler", "product.updated": "no handler",
    "profile.updated": "prefill due", "application.subscriptionstatuschanged": "prefill due",
}  # fmt: skip
EVENT_SHARES = [400, 350, 200, 45, 5]
REJECTIONS = ["signature", "unsigned", "not JSON"]
