"""Fields that the venue dropped during 2026 and that clients generated before still insist on: whole cents and whole contracts."""

from kalshi_alpha.model.units import DOLLAR_E4
from kalshi_alpha.sim.exchange.accounts import AccountFill, AccountSettlement, Position
from kalshi_alpha.sim.exchange.catalogue import Listed
from kalshi_alpha.sim.exchange.orders import AccountOrder, OrderState
from kalshi_alpha.sim.exchange.wire import cents, price_text

_Fields = dict[str, object]


def legacy_market(market: Listed) -> _Fields:
    """Return a market's dropped fields."""
    book, volume = market.book, market.volume_e2 // 100
    bid, ask = book.best_bid_e4 // 100, book.best_ask_e4 // 100
    return {
        "response_price_units": "usd_cent",
        "category": "Financials",
        "yes_bid": bid,
        "yes_ask": ask,
        "no_bid": 100 - ask,
        "no_ask": 100 - bid,
        "last_price": market.last_e4 // 100,
        "volume": volume,
        "volume_24h": volume,
        "open_interest": volume,
        "notional_value": 100,
        "previous_yes_bid": 0,
        "previous_yes_ask": 0,
        "previous_price": 0,
        "liquidity": 0,
        "liquidity_dollars": "0.0000",
        "risk_limit_cents": 0,
        "tick_size": 1,
    }


def legacy_order(order: AccountOrder, state: OrderState) -> _Fields:
    """Return an order's dropped fields."""
    return {
        "yes_price": state.price_e4 // 100,
        "no_price": 100 - state.price_e4 // 100,
        "fill_count": state.filled_e2 // 100,
        "remaining_count": state.remaining_e2 // 100,
        "initial_count": state.total_e2 // 100,
        "taker_fees": cents(state.taker_fees_e6),
        "maker_fees": cents(state.maker_fees_e6),
        "taker_fill_cost": cents(state.taker_cost_e6),
        "maker_fill_cost": cents(state.maker_cost_e6),
        "queue_position": 0,
        "side": "yes" if order.terms.side == "bid" else "no",
        "action": "buy",
    }


def legacy_fill(fill: AccountFill) -> _Fields:
    """Return a fill's dropped fields."""
    return {
        "count": fill.count_e2 // 100,
        "price": fill.price_e4 / DOLLAR_E4,
        "yes_price": fill.price_e4 // 100,
        "no_price": 100 - fill.price_e4 // 100,
        "yes_price_fixed": price_text(fill.price_e4),
        "no_price_fixed": price_text(DOLLAR_E4 - fill.price_e4),
    }


def legacy_position(position: Position) -> _Fields:
    """Return a position's dropped fields."""
    return {
        "total_traded": cents(position.traded_e6),
        "position": position.position_e2 // 100,
        "market_exposure": cents(position.cost_e6),
        "realized_pnl": cents(position.realized_e6),
        "resting_orders_count": 0,
        "fees_paid": cents(position.fees_e6),
    }


def legacy_event_position(cost_e6: int, shares_e2: int, realized_e6: int, fees_e6: int) -> _Fields:
    """Return an event position's dropped fields."""
    return {
        "total_cost": cents(cost_e6),
        "total_cost_shares": shares_e2 // 100,
        "event_exposure": cents(cost_e6),
        "realized_pnl": cents(realized_e6),
        "fees_paid": cents(fees_e6),
    }


def legacy_settlement(settlement: AccountSettlement) -> _Fields:
    """Return a settlement's dropped fields."""
    yes, no = max(0, settlement.position_e2) // 100, max(0, -settlement.position_e2) // 100
    cost = cents(settlement.cost_e6)
    return {"yes_count": yes, "yes_total_cost": cost if yes else 0, "no_count": no, "no_total_cost": cost if no else 0}
