"""One connection to an MQTT broker on the event loop: paho's client with its socket watched by the loop.

Law: it connects once; whoever wants another connection makes another link. Only names, TCP and TLS block, and they do
so in a thread; from then on nothing waits for the broker: what it does not take stays with whoever publishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from host_tools.controller.credential_files import CredentialFault, is_this_machine, read_secret, require_private
from host_tools.controller.notify_mail import one_line
from host_tools.controller.telemetry_settings import PORT_PLAIN, PORT_TLS, TelemetrySettings
from host_tools.custody.blocking import RunBlocking

CONNECT_S_MAX = 10.0  # for names and TCP, and as long again for TLS and the broker's word
KEEPALIVE_S = 20  # a broker that says nothing for one and a half times as long is gone, and so are we to it
TICK_S = 1.0  # between two looks at that
WINDOW = 20  # messages on their way: what a slow broker has of ours at most
STATUS, ONLINE, OFFLINE = "status", b"online", b"offline"
QOS = 1


class TelemetryFault(Exception):
    """No connection, or no more. One line that names broker and remedy."""


class Link:
    """``base``: what topics begin with; ``on_retained`` is told each topic that the broker has there. ``changed`` is
    set whenever something has arrived."""

    def __init__(
        self,
        settings: TelemetrySettings,
        base: str,
        client_id: str,
        run_blocking: RunBlocking,
        on_retained: Callable[[str], None],
    ) -> None:
        self.changed = asyncio.Event()
        self.fault = ""
        self._is_leaving = False
        self._settings = settings
        self._base = base
        self._run_blocking = run_blocking
        self._on_retained = on_retained
        self._loop = asyncio.get_running_loop()
        self._unacked: dict[int, str] = {}
        self._accepted = False
        self._watched = -1  # descriptor
        self._ticking: asyncio.Task[None] | None = None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, reconnect_on_failure=False
        )
        client.connect_timeout = CONNECT_S_MAX
        client.max_inflight_messages_set(WINDOW + 1)  # one for the last word
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close

    @property
    def is_open(self) -> bool:
        """Whether the broker has us."""
        return self._accepted and not self.fault

    @property
    def room(self) -> int:
        """Messages that may be published now."""
        return max(0, WINDOW - len(self._unacked)) if self.is_open else 0

    async def open(self) -> None:
        """Connect and be online. TelemetryFault."""
        try:
            await self._run_blocking(self._connect)
        except CredentialFault as fault:
            raise TelemetryFault(str(fault)) from fault
        except ssl.SSLCertVerificationError as error:
            raise self._fault_of(
                f"its certificate does not fit ({error.verify_message}); check mqtt_ca_file"
            ) from error
        except (OSError, ValueError) as error:
            text = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise self._fault_of(f"no connection ({one_line(text)[:120]}); check broker and network") from error
        self._watch()
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                while not self._accepted and not self.fault:
                    await self.changed.wait()
                    self.changed.clear()
        except TimeoutError:
            raise self._fault_of("does not answer; check that it speaks MQTT") from None
        if self.fault:
            raise TelemetryFault(self.fault)
        self.publish(STATUS, ONLINE)
        self._client.subscribe([(f"{self._base}/#", QOS), (f"{self._base}/{STATUS}", QOS)])
        self._write()

    def publish(self, topic: str, payload: bytes) -> None:
        """Say it for good (retained); ``changed`` is set when the broker has it. Only where there is ``room``."""
        self._unacked[self._client.publish(f"{self._base}/{topic}", payload, QOS, retain=True).mid] = topic
        self._write()

    def listen_no_more(self) -> None:
        """What was retained has come: do not have everything told back."""
        if self.is_open:
            self._client.unsubscribe(f"{self._base}/#")
            self._write()

    async def close(self, said_s_max: float) -> None:
        """Say that we go, for ``said_s_max`` seconds at most, and go."""
        try:
            self._is_leaving = True
            if self.is_open:
                self.publish(STATUS, OFFLINE)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(said_s_max):
                        while self._unacked and not self.fault:
                            self.changed.clear()
                            await self.changed.wait()
                if not self._unacked:
                    self._client.disconnect()  # else the broker publishes the last will
        finally:
            self.fault = self.fault or "closed"
            self._end()
            for name in ("on_connect", "on_disconnect", "on_publish", "on_message", "on_socket_close"):
                setattr(self._client, name, None)  # the client goes with the link, and not when garbage is collected
            if self._ticking is not None:
                self._ticking.cancel()
                await asyncio.wait([self._ticking])

    def _connect(self) -> None:
        """Names, TCP, TLS. Blocks."""
        settings, client = self._settings, self._client
        client.will_set(f"{self._base}/{STATUS}", OFFLINE, QOS, retain=True)
        if settings.mqtt_tls:
            context = ssl.create_default_context(cafile=settings.mqtt_ca_file)
            if settings.mqtt_certificate_file is not None:
                require_private(settings.mqtt_key_file or settings.mqtt_certificate_file)
                context.load_cert_chain(settings.mqtt_certificate_file, settings.mqtt_key_file)
            client.tls_set_context(context)
        if settings.mqtt_user:
            if not settings.mqtt_tls and not is_this_machine(settings.mqtt_server):
                raise CredentialFault("mqtt: a password needs an encrypted connection; set mqtt_tls")
            password = read_secret(settings.mqtt_password_file) if settings.mqtt_password_file is not None else None
            client.username_pw_set(settings.mqtt_user, password)
        port = settings.mqtt_port or (PORT_TLS if settings.mqtt_tls else PORT_PLAIN)
        client.connect(settings.mqtt_server, port, KEEPALIVE_S)

    def _watch(self) -> None:
        opened = self._client.socket()
        if opened is None:
            raise self._fault_of("has hung up; check that it speaks MQTT here")
        self._watched = opened.fileno()
        self._loop.add_reader(self._watched, self._read)
        self._ticking = asyncio.create_task(self._tick())
        self._write()

    async def _tick(self) -> None:
        while not self.fault:
            if self._client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
                self._lost("is silent")
            await asyncio.sleep(TICK_S)

    def _read(self) -> None:
        code = self._client.loop_read()
        while code == mqtt.MQTT_ERR_SUCCESS and self._has_read_ahead():
            code = self._client.loop_read()
        if code != mqtt.MQTT_ERR_SUCCESS:
            self._lost("has hung up")
        self._write()

    def _has_read_ahead(self) -> bool:
        """TLS keeps bytes that the loop's selector does not see."""
        opened = self._client.socket()
        return isinstance(opened, ssl.SSLSocket) and opened.pending() > 0

    def _write(self) -> None:
        """Send what can be sent without waiting, and the rest when it can be."""
        if self._watched < 0:
            return
        if self._client.want_write() and self._client.loop_write() != mqtt.MQTT_ERR_SUCCESS:
            self._lost("has hung up")
        elif self._watched < 0:
            return  # the last packet said that we go
        elif self._client.want_write():
            self._loop.add_writer(self._watched, self._write)
        else:
            self._loop.remove_writer(self._watched)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._lost(f"refuses this controller ({reason}); check user, password and certificate")
        self._accepted = not reason.is_failure
        self.changed.set()

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._lost(f"has hung up ({reason})")

    def _on_publish(self, client: Any, data: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        self._unacked.pop(mid, None)
        self.changed.set()

    def _on_message(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == f"{self._base}/{STATUS}" and message.payload == OFFLINE and not self._is_leaving:
            self.publish(STATUS, ONLINE)  # the will of our last connection: a broker may find only now that it broke
        if message.retain and message.payload:
            self._on_retained(message.topic.removeprefix(f"{self._base}/"))

    def _lost(self, why: str) -> None:
        self.fault = self.fault or str(self._fault_of(why))
        self._end()
        self.changed.set()

    def _on_socket_close(self, client: Any, data: Any, closing: Any) -> None:
        self._unwatch()

    def _unwatch(self) -> None:
        watched, self._watched = self._watched, -1
        if watched >= 0:
            self._loop.remove_reader(watched)
            self._loop.remove_writer(watched)

    def _end(self) -> None:
        """Give the socket back. A broker that heard no last word says the will."""
        self._unwatch()
        left = self._client.socket()
        if left is not None:
            left.close()

    def _fault_of(self, why: str) -> TelemetryFault:
        return TelemetryFault(f"MQTT broker {self._settings.mqtt_server}: {why}")
