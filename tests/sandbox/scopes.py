"""Access scopes and what each allows, in a merchant's words. Source: contract §3."""

from collections.abc import Iterable

ALWAYS = "read_store_profile"
PUBLIC = "public_storefront"

ALLOWS = {
    "read_store_profile": "Read general store settings, app storage and the app's subscription",
    "read_store_profile_extended": "Read billing and sales channel data",
    "read_store_limits": "Read the limits of the store's plan",
    "update_store_profile": "Change store settings and logos, write app storage, uninstall itself",
    "read_store_stats": "Read store reports",
    "read_catalog": "Read products, categories and options",
    "update_catalog": "Change and delete products and categories",
    "create_catalog": "Create products and categories",
    "update_catalog_batch_delete": "Delete all products at once",
    "read_brands": "Read product brands",
    "read_sizecharts": "Read size charts",
    "update_sizecharts": "Change size charts",
    "create_sizecharts": "Create size charts",
    "read_reviews": "Read product reviews",
    "update_reviews": "Change product reviews",
    "read_orders": "Read orders and abandoned carts",
    "update_orders": "Change and delete orders",
    "create_orders": "Create orders",
    "read_invoices": "Read tax invoices",
    "read_subscriptions": "Read recurring subscriptions",
    "update_subscriptions": "Change recurring subscriptions",
    "read_customers": "Read customers and customer groups",
    "update_customers": "Change customers and customer groups",
    "create_customers": "Create customers and customer groups",
    "read_customers_extrafields": "Read extra fields of customers",
    "update_customers_extrafields": "Change extra fields of customers",
    "delete_customers_extrafields": "Delete extra fields of customers",
    "read_discount_coupons": "Read discount coupons",
    "update_discount_coupons": "Change discount coupons",
    "create_discount_coupons": "Create discount coupons",
    "read_promotion": "Read automatic promotions",
    "update_promotion": "Change automatic promotions",
    "create_promotion": "Create automatic promotions",
    "public_storefront": "Read public storefront data with a public token",
    "customize_storefront": "Run the app's script in the storefront",
    "add_custom_blocks": "Add sections to the Instant Site",
    "add_custom_templates": "Add templates to the Instant Site",
    "add_to_cp": "Show the app's page inside the store's admin",
    "add_shipping_method": "Offer shipping rates at checkout",
    "add_payment_method": "Offer a payment method at checkout",
    "customize_cart_calculation": "Add discounts and surcharges at checkout",
    "charge": "Charge the store for the app",
    "buy_domains": "Buy and manage domains",
    "read_staff": "Read staff accounts",
    "invite_staff": "Invite staff",
    "create_staff": "Create staff accounts",
    "update_staff": "Change staff accounts",
    "delete_staff": "Delete staff accounts",
}


def with_always(wanted: Iterable[str]) -> tuple[str, ...]:
    """Lower the names, drop repeats and add the scope that every app has. Source: contract §2.3, §3."""
    return tuple(dict.fromkeys((ALWAYS, *(scope.lower() for scope in wanted if scope))))


def means(scope: str) -> str:
    """Say what a scope allows."""
    return ALLOWS.get(scope, "Not described in the public list of scopes")
