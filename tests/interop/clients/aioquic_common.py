# SPDX-License-Identifier: Apache-2.0
#
# What the client and the server on aioquic share.
import asyncio

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived

CHUNK = 256 * 1024


class Http3(QuicConnectionProtocol):
    """An HTTP/3 connection that sends bodies no faster than the peer takes them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.told = []  # every QUIC event, by name

    def quic_event_received(self, event):
        self.told.append(type(event).__name__)
        for h3_event in self.http.handle_event(event):
            if isinstance(h3_event, HeadersReceived):
                self.headers_received(h3_event)
            elif isinstance(h3_event, DataReceived):
                self.data_received(h3_event)

    async def send_body(self, stream_id, body):
        # aioquic queues without bound: give it the next part when it has sent most of the last.
        for at in range(0, len(body), CHUNK):
            part = body[at : at + CHUNK]
            self.http.send_data(stream_id, part, end_stream=at + CHUNK >= len(body))
            self.transmit()
            sender = self._quic._streams[stream_id].sender
            while len(sender._buffer) > 2 * CHUNK:
                await asyncio.sleep(0.002)
        if not body:
            self.http.send_data(stream_id, b"", end_stream=True)
            self.transmit()
