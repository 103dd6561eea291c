"""A simulated Kalshi exchange: a pure core for virtual time, and a server that speaks the real protocols on loopback."""

from kalshi_alpha.sim.exchange.config import ExchangeConfig, Fault, IndexPathLike
from kalshi_alpha.sim.exchange.core import SimExchange
from kalshi_alpha.sim.exchange.stream import ExchangeSession

__all__ = ["ExchangeConfig", "ExchangeSession", "Fault", "IndexPathLike", "SimExchange"]
