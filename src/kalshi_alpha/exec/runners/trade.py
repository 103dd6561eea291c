"""``kalshi-alpha run``: the trading process. One config file says everything it talks to."""

import argparse
import asyncio
import signal
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from kalshi_alpha import cli
from kalshi_alpha.adapters.alert_targets import read_dead_man, read_targets
from kalshi_alpha.adapters.control_socket import (
    AckAlert,
    CancelAll,
    Clear,
    ConfirmMaintenance,
    ControlCommand,
    ControlError,
    ControlPathError,
    ControlReply,
    ControlServer,
    MaintenanceChanged,
    Status,
    Stop,
    control_path,
    refuse_long_path,
)
from kalshi_alpha.adapters.files import Layout
from kalshi_alpha.adapters.kalshi.auth import KeyFileError, Signer, load_signer
from kalshi_alpha.adapters.kalshi.http import VenueHttp
from kalshi_alpha.adapters.kalshi.stream import VenueStream
from kalshi_alpha.adapters.log import log
from kalshi_alpha.adapters.massive.further import FurtherStream
from kalshi_alpha.adapters.massive.rest import IndexRest
from kalshi_alpha.adapters.massive.stream import FeedStream
from kalshi_alpha.adapters.secret_file import SecretFileError, read_secret
from kalshi_alpha.adapters.stop_request import read_stop_request, take_stop_request
from kalshi_alpha.adapters.system_clock import Clock, load_clock
from kalshi_alpha.adapters.websocket import ConnectParameters, drive
from kalshi_alpha.config import Config, ConfigError, load_config
from kalshi_alpha.exec.engine import Engine
from kalshi_alpha.exec.engine_view import engine_view
from kalshi_alpha.exec.outputs import ArtifactWriter
from kalshi_alpha.exec.runners.addresses import all_legs, legs, refuse_paper_at_the_venue, refuse_unusable
from kalshi_alpha.exec.runners.heartbeat import keep_beating
from kalshi_alpha.exec.runners.sender_child import keep_sender
from kalshi_alpha.exec.runners.service import keep_manager_told
from kalshi_alpha.exec.runners.special_hours import follow_special_hours
from kalshi_alpha.exec.runners.start import StartState, prepare
from kalshi_alpha.exec.runners.start_pacing import pace_start
from kalshi_alpha.exec.shell import Send, Shell
from kalshi_alpha.exec.upkeep import Upkeep
from kalshi_alpha.model import calendar_events as cal
from kalshi_alpha.model import events as ev
from kalshi_alpha.model.clock import NS_PER_MS
from kalshi_alpha.model.hours import SpecialHours
from kalshi_alpha.model.http import HttpRequest, HttpResponse
from kalshi_alpha.model.instruments import SYMBOLS
from kalshi_alpha.model.view import EngineView
from kalshi_alpha.sched.hours_file import special_hours_of
from kalshi_alpha.sched.special_hours import SpecialHoursError

VIEW_EVERY_S: Final = 0.2
CONNECTIONS: Final = (6, 4)
"""To the venue, for what may wait and for what may not: a start reads status, orders, fills, positions and two ladders at once."""
REACH_S: Final = 5.0
"""How long the venue may leave the first request unanswered before the process gives up."""


class Settings(msgspec.Struct, frozen=True):
    """What the command line and the files it names come to, checked."""

    root: Path
    file: Path
    config: Config
    signer: Signer
    api_keys: dict[str, str]
    """By leg, further ones included."""
    clock: Clock
    special_hours: SpecialHours


def main(argv: list[str]) -> int:
    """Run until stopped; 0 when nothing was left resting."""
    parser = cli.parser("kalshi-alpha run", "The trading process: quotes the ladders of its windows until it is stopped.")
    parser.add_argument("--config", type=Path, required=True, help="settings file (TOML); configs/example.toml shows every key")
    settings = read_settings(parser.parse_args(argv))
    _refuse_long_root(settings.root)
    state = prepare(settings.root, settings.clock.now())
    try:
        pace_start(Layout(settings.root).starts)
        return asyncio.run(trade(settings, state))
    finally:
        state.journal.close()
        state.lock.close()


def _refuse_long_root(root: Path) -> None:
    """Refuse a root below which the control socket can't be, before anything is written there."""
    try:
        refuse_long_path(control_path(root))
    except ControlPathError as error:
        raise cli.UsageError(str(error)) from error


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Read every file the settings name.

    Raises:
        UsageError: one of them is missing, unreadable or wrong; the message names it.

    """
    try:
        config = load_config(arguments.config)
        refuse_unusable(config)
        refuse_paper_at_the_venue(config)
        signer = load_signer(config.venue.key_id_file, config.venue.private_key_file)
        keys = {leg: read_secret(Path(leg_config.api_key_file)) for leg, leg_config in all_legs(config)}
        special = special_hours_of(config.windows)
        if config.alerts.targets_file:
            read_targets(Path(config.alerts.targets_file))
        if config.alerts.dead_man_file:
            read_dead_man(Path(config.alerts.dead_man_file))
    except (ConfigError, KeyFileError, SecretFileError, SpecialHoursError) as error:
        raise cli.UsageError(str(error)) from error
    return Settings(arguments.root, arguments.config, config, signer, keys, _clock(config), special)


def _clock(config: Config) -> Clock:
    """Return real time, or the simulated one that the settings name."""
    if config.clock is None:
        return load_clock(None)
    try:
        return load_clock(Path(config.clock.plan_file))
    except (OSError, ValueError) as error:
        message = f"clock plan {config.clock.plan_file}: {error}"
        raise cli.UsageError(message) from error


async def trade(settings: Settings, state: StartState) -> int:
    """Wire sockets to the engine and run until it exits."""
    config, clock = settings.config, settings.clock
    engine = Engine(config, state.recovered)
    shell = Shell(engine, clock, state.journal, ArtifactWriter(settings.root, alerts=bool(config.alerts.targets_file)))
    venue_stream = VenueStream(seed=state.booted.epoch, subaccount=config.venue.subaccount)
    poke = asyncio.Event()
    answered = asyncio.Event()
    clients = [
        VenueHttp(config.venue.rest_url, settings.signer, clock, config.venue.request_timeout_s, connections) for connections in CONNECTIONS
    ]
    shell.connect(venue_stream, poke.set, _heard(clients[0], answered), _heard(clients[1], answered))
    snapshots = IndexRest(config.feeds.rest_url, settings.api_keys["polygon"], clock) if config.feeds.rest_url else None
    upkeep = Upkeep(settings.root, config.maintenance.status_page_url, clock, snapshots)
    shell.connect_upkeep(upkeep.carry_out)
    control = await start_control(settings, shell)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _shut_down, shell, signal.Signals(number).name)
    background = [asyncio.create_task(work) for work in _streams(settings, shell, venue_stream, poke)]
    background += [asyncio.create_task(client.warm_up()) for client in clients]
    always = (_publish(shell, control), _reach(settings, shell, answered), keep_beating(settings.root, shell), keep_manager_told())
    background += [asyncio.create_task(work) for work in always]
    if config.alerts.targets_file or config.alerts.dead_man_file:
        background.append(asyncio.create_task(keep_sender(settings.root, settings.file)))
    if config.windows.special_hours_file:
        background.append(asyncio.create_task(follow_special_hours(Path(config.windows.special_hours_file), shell.on_events)))
    for task in background:
        task.add_done_callback(shell.watch)
    try:
        shell.on_events([state.booted, cal.SpecialHoursChanged(settings.special_hours)])
        await _obey_waiting_stop(settings.root, shell)
        done = await shell.finished
        log("exit", clean=done.clean, reason=done.reason, unreadable_frames=venue_stream.unreadable_frames)
        if engine.facts.storage_failure:
            message = f"the journal can't be written: {engine.facts.storage_failure}"
            raise cli.UnreachableError(message)
        return cli.EXIT_OK if done.clean else cli.EXIT_NO
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await control.close()
        await upkeep.close()
        for client in clients:
            await client.close()
        shell.close()


async def _obey_waiting_stop(root: Path, shell: Shell) -> None:
    """Take a STOP that was asked for while no process ran; its file goes only when the latch is durable."""
    stop = read_stop_request(root)
    if stop is not None:
        shell.on_events([ev.OperatorStopped(stop.actor, stop.reason)])
        if await shell.written():
            _drop_stop_request(root)


def _drop_stop_request(root: Path) -> None:
    """Remove the STOP that is latched by now. What can't be removed stays a STOP for the next start, too."""
    try:
        take_stop_request(root)
    except OSError as error:
        log("stop_request_left", reason=str(error))


def _heard(client: VenueHttp, answered: asyncio.Event) -> Send:
    """Note the first answer on the way."""

    async def send(request: HttpRequest) -> HttpResponse:
        response = await client.send(request)
        if response.status:
            answered.set()
        return response

    return send


def _streams(settings: Settings, shell: Shell, venue: VenueStream, poke: asyncio.Event) -> list[Coroutine[None, None, None]]:
    """Return the socket loops of the venue and of all legs."""
    config, clock = settings.config, settings.clock

    def venue_parameters() -> ConnectParameters:
        headers = settings.signer.headers("GET", urlsplit(config.venue.ws_url).path, clock.now().utc_ns // NS_PER_MS)
        return ConnectParameters(config.venue.ws_url, headers)

    loops = [drive(venue, venue_parameters, clock, shell.on_events, poke=poke)]
    for number, (leg, leg_config) in enumerate(legs(config)):
        stream = FeedStream(leg, SYMBOLS, settings.api_keys[leg], config.feeds, shell.engine.facts.epoch + number)
        loops.append(drive(stream, partial(ConnectParameters, leg_config.url, {}), clock, shell.on_events))
    for number, (name, further_config) in enumerate(config.feeds.further.items(), len(loops)):
        further = FurtherStream(name, SYMBOLS, settings.api_keys[name], config.feeds, shell.engine.facts.epoch + number)
        loops.append(drive(further, partial(ConnectParameters, further_config.url, {}), clock, shell.on_events))
    return loops


def _shut_down(shell: Shell, name: str) -> None:
    shell.on_events([ev.ShutdownRequested(name)])


async def start_control(settings: Settings, shell: Shell) -> ControlServer:
    """Open the local control channel.

    Raises:
        UsageError: its path can't be used.

    """
    control = ControlServer(control_path(settings.root), partial(_obey, shell), shell.written)
    try:
        await control.start()
    except ControlError as error:
        raise cli.UsageError(str(error)) from error
    except OSError as error:
        message = f"{control_path(settings.root)}: {error.strerror}"
        raise cli.UsageError(message) from error
    return control


def _obey(shell: Shell, command: ControlCommand) -> ControlReply:
    """Hand a command of the control channel to the engine."""
    match command:
        case Stop():
            shell.on_events([ev.OperatorStopped(command.actor, command.reason)])
        case Clear():
            shell.on_events([ev.OperatorCleared(command.actor, command.reason)])
        case CancelAll():
            shell.on_events([ev.CancelAllMarked(command.actor, command.reason)])
        case ConfirmMaintenance():
            before = shell.engine.rearm.confirmations
            shell.on_events([cal.MaintenanceConfirmed(command.actor)])
            return _confirmation(shell, feeds=shell.engine.rearm.confirmations > before)
        case AckAlert():
            known = command.key in {alert.key for alert in shell.engine.alerts.open}
            shell.on_events([ev.AlertAcked(command.actor, command.key)])
            return ControlReply(ok=known, message="acknowledged" if known else f"no such alert is open: {command.key}")
        case MaintenanceChanged():
            shell.on_events([cal.OperatorSlotsChanged()])
        case Status():
            return ControlReply(ok=True, view=msgspec.Raw(msgspec.json.encode(_view(shell))))
    return ControlReply(ok=True)


def _confirmation(shell: Shell, *, feeds: bool) -> ControlReply:
    """Answer a confirmation by what has become of it."""
    pilot = shell.engine.maintenance.pilot
    if pilot.phase == "rearmed":
        return ControlReply(ok=True, message="confirmed: quoting may resume")
    if pilot.confirmed_by or feeds:
        return ControlReply(ok=True, message="confirmed: quoting resumes when every gate is green")
    return ControlReply(ok=False, message=f"nothing waits for a confirmation: {pilot.phase}")


async def _publish(shell: Shell, control: ControlServer) -> None:
    """Show the latest state to whoever watches, a few times a second; nobody watching costs nothing."""
    while True:
        if control.watchers:
            control.publish(msgspec.json.encode(_view(shell)))
        await asyncio.sleep(VIEW_EVERY_S)  # noqa: TID251 - a driver's own pace, no decision depends on it


def _view(shell: Shell) -> EngineView:
    levels = {symbol: tuple(values) for symbol, values in shell.levels.items()}
    return engine_view(shell.engine, shell.clock.now(), shell.clock.speed, levels)


async def _reach(settings: Settings, shell: Shell, answered: asyncio.Event) -> None:
    """End with a clear word when the venue answers nothing at all after the start."""
    try:
        async with asyncio.timeout(REACH_S):
            await answered.wait()
    except TimeoutError:
        shell.fail(cli.UnreachableError(f"{settings.config.venue.rest_url}: no answer within {REACH_S:.0f} s"))


if __name__ == "__main__":
    cli.run(main)
