"""Order and group requests: their bodies, what they cost, and their answers."""

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import msgspec

from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.sim.exchange.desk import OrderDesk
from kalshi_alpha.sim.exchange.errors import Refusal, json_response, not_found
from kalshi_alpha.sim.exchange.groups import LIMIT_MAX_E2, OrderGroup
from kalshi_alpha.sim.exchange.limits import CANCEL_COST, DEFAULT_COST
from kalshi_alpha.sim.exchange.order_bodies import (
    AmendBody,
    BatchCancelBody,
    BatchCreateBody,
    CancelItem,
    CreateBody,
    DecreaseBody,
    GroupBody,
    read_body,
    read_count_e2,
)
from kalshi_alpha.sim.exchange.order_entry import OrderEntry
from kalshi_alpha.sim.exchange.query import Query
from kalshi_alpha.sim.exchange.venue import Venue
from kalshi_alpha.sim.exchange.wire import count_text

_CREATED: Final = 201
_OK: Final = 200
_GROUP_ID: Final = 4
_EMPTY: Final[dict[str, object]] = {}


class OrderWrites:
    """Answers everything below ``/portfolio/events/orders``."""

    def __init__(self, venue: Venue, entry: OrderEntry) -> None:
        self._venue = venue
        self._entry = entry

    def answer(self, request: HttpRequest, words: list[str]) -> HttpResponse:
        """Answer a write; ``words`` follow ``events/orders``.

        Raises:
            Refusal: it isn't done.

        """
        match request.method, words:
            case "POST", []:
                self._charge(DEFAULT_COST)
                return json_response(_CREATED, self._entry.create(read_body(request.body, CreateBody)))
            case "POST", ["batched"]:
                return self._create_batch(request)
            case "DELETE", ["batched"]:
                return self._cancel_batch(request)
            case "DELETE", []:
                self._charge(CANCEL_COST)
                self._entry.cancel_all(Query(request.query, "CancelOrders").number("subaccount"))
                return HttpResponse(204, b"")
            case "DELETE", [order_id]:
                self._charge(CANCEL_COST)
                return json_response(_OK, self._entry.cancel(unquote(order_id), _subaccount(request)))
            case "POST", [order_id, step]:
                self._charge(DEFAULT_COST)
                return json_response(_OK, self._change(request, unquote(order_id), step))
            case _:
                raise not_found()

    def _change(self, request: HttpRequest, order_id: str, step: str) -> dict[str, object]:
        match step:
            case "amend":
                return self._entry.amend(order_id, _subaccount(request), read_body(request.body, AmendBody))
            case "decrease":
                return self._entry.decrease(order_id, _subaccount(request), read_body(request.body, DecreaseBody))
            case _:
                raise not_found()

    def _create_batch(self, request: HttpRequest) -> HttpResponse:
        raws = read_body(request.body, BatchCreateBody).orders
        self._charge(DEFAULT_COST * max(1, len(raws)))
        return json_response(_CREATED, {"orders": [self._create_one(raw) for raw in raws]})

    def _create_one(self, raw: msgspec.Raw) -> dict[str, object]:
        try:
            return self._entry.create(read_body(raw, CreateBody))
        except Refusal as refusal:
            answer: dict[str, object] = {"error": refusal.item()}
            named = _client_order_id(raw)
            return {"client_order_id": named, **answer} if named else answer

    def _cancel_batch(self, request: HttpRequest) -> HttpResponse:
        items = read_body(request.body, BatchCancelBody).orders
        self._charge(CANCEL_COST * max(1, len(items)))
        return json_response(_OK, {"orders": [self._cancel_one(item) for item in items]})

    def _cancel_one(self, item: CancelItem) -> dict[str, object]:
        try:
            return self._entry.cancel(item.order_id, item.subaccount)
        except Refusal as refusal:
            return {"order_id": item.order_id, "reduced_by": "0.00", "error": refusal.item()}

    def _charge(self, cost: int) -> None:
        self._venue.limits.charge_write(cost, self._venue.now_ns)


class GroupRequests:
    """Answers everything below ``/portfolio/order_groups``."""

    def __init__(self, venue: Venue, desk: OrderDesk) -> None:
        self._venue = venue
        self._desk = desk

    def answer(self, request: HttpRequest, words: list[str]) -> HttpResponse:
        """Answer a request; ``words`` follow ``order_groups``.

        Raises:
            Refusal: it isn't done.

        """
        match request.method, words:
            case "GET", []:
                return json_response(_OK, self._list(Query(request.query, "GetOrderGroups")))
            case "GET", [group_id]:
                return json_response(_OK, self._read(group_id))
            case "POST", ["create"]:
                self._venue.limits.charge_write(DEFAULT_COST, self._venue.now_ns)
                return json_response(_CREATED, self._create(read_body(request.body, GroupBody)))
            case "DELETE", [group_id]:
                self._change(request, group_id, self._delete)
            case "PUT", [group_id, "trigger"]:
                self._change(request, group_id, self._trigger)
            case "PUT", [group_id, "reset"]:
                self._change(request, group_id, self._reset)
            case "PUT", [group_id, "limit"]:
                limit_e2 = _limit_e2(read_body(request.body, GroupBody))
                self._change(request, group_id, lambda group: self._limit(group, limit_e2))
            case _:
                raise not_found()
        return json_response(_OK, _EMPTY)

    def _change(self, request: HttpRequest, group_id: str, change: Callable[[OrderGroup], None]) -> None:
        venue = self._venue
        venue.limits.charge_write(DEFAULT_COST, venue.now_ns)
        if not venue.exchange_active:
            raise Refusal(409, "exchange_is_paused")
        group = venue.groups.get(unquote(group_id))
        if group is None or group.deleted or group.subaccount != _subaccount(request):
            raise Refusal(404, "order_group_not_found")
        change(group)

    def _create(self, body: GroupBody) -> dict[str, object]:
        venue = self._venue
        if not venue.exchange_active:
            raise Refusal(409, "exchange_is_paused")
        group_id = venue.new_id(_GROUP_ID)[1]
        group = OrderGroup(group_id, body.subaccount, _limit_e2(body), venue.now_ns)
        venue.groups[group_id] = group
        venue.hub.group_changed("created", group, venue.now_ns)
        return {"order_group_id": group_id, "subaccount": group.subaccount, "exchange_index": 0}

    def _trigger(self, group: OrderGroup) -> None:
        if not group.triggered:
            self._desk.trigger(group)

    def _reset(self, group: OrderGroup) -> None:
        group.reset()
        self._venue.hub.group_changed("reset", group, self._venue.now_ns)

    def _limit(self, group: OrderGroup, limit_e2: int) -> None:
        group.limit_e2 = limit_e2
        self._venue.hub.group_changed("limit_updated", group, self._venue.now_ns)
        if group.is_exhausted(self._venue.now_ns):
            self._trigger(group)

    def _delete(self, group: OrderGroup) -> None:
        for order_id in list(group.orders):
            self._desk.cancel(self._venue.orders[order_id], "")
        group.deleted = True
        self._venue.hub.group_changed("deleted", group, self._venue.now_ns)

    def _list(self, query: Query) -> dict[str, object]:
        subaccount = query.number("subaccount")
        return {
            "order_groups": [
                {"id": group.group_id, **_group_document(group)}
                for group in self._venue.groups.values()
                if self._is_visible(group) and subaccount in {None, group.subaccount}
            ]
        }

    def _read(self, group_id: str) -> dict[str, object]:
        group = self._venue.groups.get(unquote(group_id))
        if group is None or not self._is_visible(group):
            raise Refusal(404, "order_group_not_found")
        return {**_group_document(group), "orders": list(group.orders)}

    def _is_visible(self, group: OrderGroup) -> bool:
        return not group.deleted and group.created_ns <= self._venue.now_ns - self._venue.config.read_lag_ns


def _group_document(group: OrderGroup) -> dict[str, object]:
    return {"is_auto_cancel_enabled": not group.triggered, "contracts_limit_fp": count_text(group.limit_e2), "exchange_index": 0}


def _limit_e2(body: GroupBody) -> int:
    if (body.contracts_limit is None) == (body.contracts_limit_fp is None):
        raise Refusal(400, "invalid_parameters", "exactly one of contracts_limit and contracts_limit_fp")
    limit_e2 = read_count_e2(body.contracts_limit_fp) if body.contracts_limit_fp is not None else (body.contracts_limit or 0) * 100
    if not 100 <= limit_e2 <= LIMIT_MAX_E2:  # noqa: PLR2004 - one contract
        raise Refusal(400, "invalid_parameters", "contracts_limit")
    return limit_e2


def _subaccount(request: HttpRequest) -> int:
    return Query(request.query, "Write").number("subaccount") or 0


def _client_order_id(raw: msgspec.Raw) -> str:
    try:
        document = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return ""
    named = document.get("client_order_id") if isinstance(document, dict) else None
    return named if isinstance(named, str) else ""
