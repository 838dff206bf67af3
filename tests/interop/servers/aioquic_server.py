# SPDX-License-Identifier: Apache-2.0
#
# An HTTP/3 server on aioquic: GET serves files below www/, POST /echo sends the body back.
import argparse
import asyncio
import os
import sys

sys.path.insert(0, "clients")

from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration

from aioquic_common import Http3


class Server(Http3):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.requests = {}

    def headers_received(self, event):
        fields = dict(event.headers)
        if b":method" in fields:
            self.requests[event.stream_id] = (fields[b":path"].decode().split("?")[0], [])
        self.answer_when_complete(event)

    def data_received(self, event):
        self.requests[event.stream_id][1].append(event.data)
        self.answer_when_complete(event)

    def answer_when_complete(self, event):
        if event.stream_ended and event.stream_id in self.requests:
            asyncio.ensure_future(self.answer(event.stream_id))

    async def answer(self, stream_id):
        path, parts = self.requests.pop(stream_id)
        status, body = 200, b"".join(parts)
        if path != "/echo":
            name = os.path.normpath("www" + path)
            if os.path.isfile(name) and name.startswith("www/"):
                with open(name, "rb") as file:
                    body = file.read()
            else:
                status, body = 404, b""
        self.http.send_headers(
            stream_id,
            [(b":status", str(status).encode()), (b"content-length", str(len(body)).encode())],
        )
        await self.send_body(stream_id, body)


async def run(options):
    configuration = QuicConfiguration(
        is_client=False, alpn_protocols=H3_ALPN, max_data=16 << 20, max_stream_data=8 << 20
    )
    configuration.load_cert_chain("cert.pem", "key.pem")
    if options.versions:
        configuration.supported_versions = [int(v, 16) for v in options.versions.split(",")]
    tickets = {}
    await serve(
        "127.0.0.1",
        options.port,
        configuration=configuration,
        create_protocol=Server,
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
        retry=options.retry,
    )
    await asyncio.Future()


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--retry", action="store_true")
parser.add_argument("--versions", help="hexadecimal, best first")
asyncio.run(run(parser.parse_args()))
