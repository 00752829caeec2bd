"""The domain: what an order is, what can happen to one, and a shop that makes them up. Pure: no I/O, no AWS."""

from salespipe.orders.order import Operation, Order

__all__ = ["Operation", "Order"]
