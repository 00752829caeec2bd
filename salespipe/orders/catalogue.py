"""What the shop sells: each product with its category and its one price, most popular first.

Popularity follows Zipf's law over this order, as sales do where few products make most of the money
(Brynjolfsson, Hu, Smith: "Consumer Surplus in the Digital Economy", 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

_EXPONENT = 1.05


@dataclass(frozen=True, slots=True)
class Product:
    """One product; `price` is for one piece."""

    name: str
    category: str
    price: Decimal


_TABLE = (
    ("Wireless Earbuds", "audio", "59.99"),
    ("USB-C Fast Charger 65W", "accessories", "34.90"),
    ("Smartphone 128 GB", "phones", "649.00"),
    ("Phone Case, Clear", "accessories", "14.99"),
    ("Fitness Band", "wearables", "49.95"),
    ("Laptop 14 inch", "computers", "1099.00"),
    ("Bluetooth Speaker", "audio", "79.90"),
    ("Power Bank 20,000 mAh", "accessories", "39.99"),
    ("Tablet 11 inch", "computers", "429.00"),
    ("Smart Watch", "wearables", "249.00"),
    ("Noise-Cancelling Headphones", "audio", "279.00"),
    ("Wireless Mouse", "computers", "24.99"),
    ("Screen Protector, 2 Pack", "accessories", "9.95"),
    ("Mechanical Keyboard", "computers", "89.00"),
    ("Game Controller", "gaming", "64.99"),
    ("Smart Bulb, 3 Pack", "home", "29.95"),
    ("Smartphone 256 GB Pro", "phones", "1149.00"),
    ("HDMI Cable 2 m", "accessories", "12.50"),
    ("Robot Vacuum", "home", "329.00"),
    ("External SSD 1 TB", "computers", "99.90"),
    ("Game Console", "gaming", "499.00"),
    ("Video Doorbell", "home", "119.00"),
    ("4K Monitor 27 inch", "computers", "359.00"),
    ("E-Reader", "computers", "139.99"),
    ("Webcam 1080p", "computers", "54.90"),
    ("Action Camera", "cameras", "299.00"),
    ("Wi-Fi Router", "home", "109.95"),
    ("Soundbar", "audio", "199.00"),
    ("Mirrorless Camera", "cameras", "1299.00"),
    ("Memory Card 256 GB", "cameras", "27.99"),
    ("Smart Thermostat", "home", "179.00"),
    ("VR Headset", "gaming", "449.00"),
    ("Camera Drone", "cameras", "799.00"),
    ("Turntable", "audio", "229.50"),
)

CATALOGUE = tuple(Product(name, category, Decimal(price)) for name, category, price in _TABLE)
POPULARITY = tuple(1 / rank**_EXPONENT for rank in range(1, len(CATALOGUE) + 1))
