"""Access scopes: the names Ecwid knows, what each allows in a merchant's words, and what is missing."""

import re

# Source: contract §3. The words stand on pages that name neither the platform nor its owner (design rule 12).
SCOPES: dict[str, str] = {
    "read_store_profile": "See your store's settings",
    "read_store_profile_extended": "See your store's plan and billing details",
    "read_store_limits": "See the limits of your store's plan",
    "update_store_profile": "Change your store's settings and keep this app's own settings",
    "read_store_stats": "See your store's reports",
    "read_catalog": "See your products and categories",
    "update_catalog": "Change and delete products and categories",
    "create_catalog": "Add products and categories",
    "update_catalog_batch_delete": "Delete all products at once",
    "read_brands": "See your product brands",
    "read_sizecharts": "See your size charts",
    "update_sizecharts": "Change your size charts",
    "create_sizecharts": "Add size charts",
    "read_reviews": "See product reviews",
    "update_reviews": "Change product reviews",
    "read_orders": "See your orders and abandoned carts",
    "update_orders": "Change and delete orders",
    "create_orders": "Add orders",
    "read_invoices": "See tax invoices",
    "read_subscriptions": "See your customers' subscriptions",
    "update_subscriptions": "Change your customers' subscriptions",
    "read_customers": "See your customers and customer groups",
    "update_customers": "Change customers and customer groups",
    "create_customers": "Add customers and customer groups",
    "read_customers_extrafields": "See the extra fields of your customers",
    "update_customers_extrafields": "Change the extra fields of your customers",
    "delete_customers_extrafields": "Delete extra fields of your customers",
    "read_discount_coupons": "See your discount coupons",
    "update_discount_coupons": "Change your discount coupons",
    "create_discount_coupons": "Add discount coupons",
    "read_promotion": "See your promotions",
    "update_promotion": "Change your promotions",
    "create_promotion": "Add promotions",
    "public_storefront": "Read what every visitor of your storefront can see",
    "customize_storefront": "Change how your storefront looks and works",
    "add_custom_blocks": "Add sections to your website",
    "add_custom_templates": "Add templates to your website",
    "add_to_cp": "Show a page of its own in your store's admin",
    "add_shipping_method": "Offer shipping rates at checkout",
    "add_payment_method": "Offer a way to pay at checkout",
    "customize_cart_calculation": "Add discounts and surcharges at checkout",
    "charge": "Charge you for its services through your store's bill",
    "buy_domains": "Buy and manage domains for your store",
    "read_staff": "See your staff accounts",
    "invite_staff": "Invite staff",
    "create_staff": "Add staff accounts",
    "update_staff": "Change staff accounts",
    "delete_staff": "Delete staff accounts",
}

# What a custom app has by default. Source: contract §1.1
CUSTOM = (
    "read_store_profile", "read_catalog", "update_catalog", "create_catalog", "read_orders", "update_orders",
    "public_storefront",
)  # fmt: skip

_SCOPE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")


def parse(text: str) -> tuple[str, ...]:
    """Read a scope list such as "read_store_profile+READ_ORDERS, charge": lower case, each once, in order.

    Names we do not know are kept, for Ecwid has more than it lists; what cannot be a name is left out.
    Source: contract §2.3, §3
    """
    words = re.split(r"[\s,+]+", text.lower())
    return tuple(dict.fromkeys(word for word in words if _SCOPE.fullmatch(word)))


def missing(wanted: tuple[str, ...], granted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the wanted scopes that were not granted, in the order wanted."""
    return tuple(scope for scope in wanted if scope not in granted)
