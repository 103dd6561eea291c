"""Placing, renewing and cancelling orders, and the order group: each command as HTTP requests, each answer as events.

An answer that doesn't say what happened (none at all, 5xx, an unreadable 2xx) is an unknown outcome, never a refusal: the order may rest.
A refusal is believed only where the venue answered for that very order.
"""

from collections.abc import Generator, Sequence
from typing import Final
from urllib.parse import quote

from kalshi_alpha.adapters.kalshi.fixed_point import WireError, count_e2
from kalshi_alpha.adapters.kalshi.wire import (
    BatchItem,
    ErrorBody,
    create_order,
    decode,
    decode_batch,
    decode_error,
    decode_group,
    encode_amend,
    encode_cancels,
    encode_create,
    encode_creates,
    encode_group,
    error_of,
)
from kalshi_alpha.model.commands import AmendExpiry, CancelAll, CancelOrders, CancelTarget, CreateGroup, PlaceOrders, TriggerGroup
from kalshi_alpha.model.events import (
    AmendRefused,
    CancelAllAcknowledged,
    CancelRefused,
    Event,
    GroupCreated,
    GroupTriggered,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderOutcomeUnknown,
    OrderRejected,
    RequestFailed,
)
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.orders import OrderIntent

Calls = Generator[HttpRequest, HttpResponse, list[Event]]
"""Yields requests, is sent their responses, returns the events."""

_ORDERS: Final = "/portfolio/events/orders"
_GROUPS: Final = "/portfolio/order_groups"
_EMPTY: Final = b"{}"
"""A write without a body can be refused for its content type."""

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
_REQUEST_TIMEOUT: Final = 408
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_ALREADY_EXISTS: Final = "order_already_exists"
_TOO_MANY_CODE: Final = "too_many_requests"
# A 404 without one of these, as from a proxy on the way, proves nothing.
_ORDER_GONE_CODES: Final = frozenset({"not_found", "order_not_found"})
_GROUP_GONE_CODES: Final = frozenset({"not_found", "group_not_found", "order_group_not_found"})
# One order's error inside a batch that doesn't prove that nothing was done.
_UNSURE_CODES: Final = ("internal", "service_unavailable", "exchange_unavailable", "timeout", "unavailable")


def is_success(response: HttpResponse) -> bool:
    """Whether the venue did what was asked."""
    return 200 <= response.status < 300  # noqa: PLR2004  # the range is its own name


def is_refusal(response: HttpResponse) -> bool:
    """Whether the venue surely did nothing: a 4xx, except the one that a time-out on its side gives."""
    return BAD_REQUEST <= response.status < _SERVER_ERROR and response.status != _REQUEST_TIMEOUT


def failure(response: HttpResponse) -> ErrorBody:
    """Return why a response isn't a success; the code is never empty."""
    if response.status == 0:
        return ErrorBody("no_answer", response.reason)
    error = decode_error(response.body)
    if response.status == _TOO_MANY:
        return ErrorBody(_TOO_MANY_CODE, error.detail)
    return error if error.code else ErrorBody(f"http_{response.status}", error.detail)


def place(command: PlaceOrders) -> Calls:
    """Create the orders: one request, batched when there are several."""
    intents = command.intents
    orders = [create_order(intent) for intent in intents]
    if not orders:
        return []
    if len(orders) == 1:
        response = yield HttpRequest("POST", _ORDERS, body=encode_create(orders[0]))
    else:
        response = yield HttpRequest("POST", f"{_ORDERS}/batched", body=encode_creates(orders))
    if is_refusal(response):
        error = failure(response)
        return [_refused(intent, response.status, error) for intent in intents]
    if not is_success(response):
        return [_unknown(intent, _why(response)) for intent in intents]
    try:
        items = [decode(response.body, BatchItem)] if len(orders) == 1 else decode_batch(response.body)
    except WireError as wrong:
        return [_unknown(intent, f"unreadable answer: {wrong}") for intent in intents]
    events: list[Event] = []
    for intent, item in zip(intents, _by_client_order_id(intents, items), strict=True):
        events += _created(intent, item)
    return events


def _by_client_order_id(intents: Sequence[OrderIntent], items: Sequence[BatchItem]) -> list[BatchItem | None]:
    """Find each intent's answer: by its own id, else by its place among as many answers as there were orders."""
    named = {item.client_order_id: item for item in items if item.client_order_id}
    in_place = len(items) == len(intents)
    found: list[BatchItem | None] = []
    for position, intent in enumerate(intents):
        item = named.get(intent.client_order_id)
        if item is None and in_place and not items[position].client_order_id:
            item = items[position]
        found.append(item)
    return found


def _created(intent: OrderIntent, item: BatchItem | None) -> list[Event]:
    if item is None:
        return [_unknown(intent, "the answer doesn't name this order")]
    if item.error:
        error = error_of(item.error)
        return [_refused(intent, _status_of(error), error)]
    try:
        filled_e2, remaining_e2 = count_e2(item.fill_count or ""), count_e2(item.remaining_count or "")
    except WireError as wrong:
        return [_unknown(intent, f"unreadable answer: {wrong}")]
    if not item.order_id:
        return [_unknown(intent, "an answer without order_id")]
    events: list[Event] = [OrderAccepted(intent.client_order_id, item.order_id, filled_e2, remaining_e2)]
    if remaining_e2 == 0 and filled_e2 < intent.count_e2:
        # Accepted and cancelled at once, as when it would have crossed an order of ours: nothing rests.
        events.append(OrderCancelled(intent.client_order_id, item.order_id, intent.count_e2 - filled_e2))
    return events


def _refused(intent: OrderIntent, status: int, error: ErrorBody) -> Event:
    if error.code == _ALREADY_EXISTS:
        # Proof that an order of this id was created before: it may rest.
        return _unknown(intent, _ALREADY_EXISTS)
    if error.code.lower().startswith(_UNSURE_CODES):
        return _unknown(intent, error.code)
    return OrderRejected(intent.client_order_id, status, error.code or f"http_{status}", error.detail)


def _unknown(intent: OrderIntent, reason: str) -> Event:
    return OrderOutcomeUnknown(intent.client_order_id, "create", reason)


def amend(command: AmendExpiry) -> Calls:
    """Renew one order's expiry. The answer's body isn't read: it described another order once."""
    intent = command.intent
    response = yield HttpRequest(
        "POST",
        f"{_ORDERS}/{quote(command.order_id, safe='')}/amend",
        query=f"subaccount={intent.subaccount}",
        body=encode_amend(command),
    )
    if is_success(response):
        return [OrderAmended(intent.client_order_id, command.expiration_s)]
    code = failure(response).code
    if is_refusal(response) and (response.status != NOT_FOUND or code in _ORDER_GONE_CODES):
        return [AmendRefused(intent.client_order_id, response.status, code)]
    return [OrderOutcomeUnknown(intent.client_order_id, "amend", _why(response))]


def cancel(command: CancelOrders) -> Calls:
    """Cancel the orders in one batch."""
    targets = command.targets
    if not targets:
        return []
    response = yield HttpRequest("DELETE", f"{_ORDERS}/batched", body=encode_cancels(targets, command.subaccount))
    if is_refusal(response) and response.status != NOT_FOUND:
        code = failure(response).code
        return [CancelRefused(target.client_order_id, target.order_id, response.status, code) for target in targets]
    if not is_success(response):
        # A 404 for the whole batch says nothing of any order.
        return [_cancel_unknown(target, _why(response)) for target in targets]
    try:
        items = {item.order_id: item for item in decode_batch(response.body)}
    except WireError as wrong:
        return [_cancel_unknown(target, f"unreadable answer: {wrong}") for target in targets]
    return [_cancelled(target, items.get(target.order_id)) for target in targets]


def _cancelled(target: CancelTarget, item: BatchItem | None) -> Event:
    if item is None:
        return _cancel_unknown(target, "the answer doesn't name this order")
    if item.error:
        error = error_of(item.error)
        return CancelRefused(target.client_order_id, target.order_id, _status_of(error), error.code)
    try:
        return OrderCancelled(target.client_order_id, target.order_id, count_e2(item.reduced_by or ""))
    except WireError as wrong:
        return _cancel_unknown(target, f"unreadable answer: {wrong}")


def _cancel_unknown(target: CancelTarget, reason: str) -> Event:
    return OrderOutcomeUnknown(target.client_order_id, "cancel", reason)


def cancel_all(command: CancelAll) -> Calls:
    """Cancel everything of the subaccount; left out, it would be every subaccount."""
    response = yield HttpRequest("DELETE", _ORDERS, query=f"subaccount={command.subaccount}")
    if is_success(response):
        return [CancelAllAcknowledged()]
    return [RequestFailed("CancelAll", 0, response.status, _why(response))]


def create_group(command: CreateGroup) -> Calls:
    """Create an order group."""
    response = yield HttpRequest("POST", f"{_GROUPS}/create", body=encode_group(command))
    if not is_success(response):
        return [RequestFailed("CreateGroup", command.request, response.status, _why(response))]
    try:
        return [GroupCreated(decode_group(response.body))]
    except WireError as wrong:
        return [RequestFailed("CreateGroup", command.request, response.status, f"unreadable answer: {wrong}")]


def trigger_group(command: TriggerGroup) -> Calls:
    """Trigger a group. One that the venue doesn't know can't carry orders any more."""
    path = f"{_GROUPS}/{quote(command.group_id, safe='')}/trigger"
    response = yield HttpRequest("PUT", path, query=f"subaccount={command.subaccount}", body=_EMPTY)
    if is_success(response) or (response.status == NOT_FOUND and failure(response).code in _GROUP_GONE_CODES):
        return [GroupTriggered(command.group_id)]
    return [RequestFailed("TriggerGroup", command.request, response.status, _why(response))]


def _status_of(error: ErrorBody) -> int:
    """Return the HTTP status that one order's error in a batch stands for."""
    if error.code in _ORDER_GONE_CODES:
        return NOT_FOUND
    return _TOO_MANY if error.code == _TOO_MANY_CODE else BAD_REQUEST


def _why(response: HttpResponse) -> str:
    if response.status == 0:
        return response.reason
    error = failure(response)
    return f"http {response.status}: {error.code}"
