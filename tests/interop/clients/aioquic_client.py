# SPDX-License-Identifier: Apache-2.0
#
# An HTTP/3 client on aioquic: fetches or sends files below www/, writes answers below got/, and says on
# standard output what the connection was like.
import argparse
import asyncio
import os
import pickle

from aioquic.asyncio.client import connect
from aioquic.h3.connection import H3_ALPN
from aioquic.quic.configuration import QuicConfiguration
from aioquic.tls import Epoch

from aioquic_common import Http3


class Client(Http3):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.answers = {}

    async def request(self, port, name, method, body=None):
        stream_id = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream_id] = [done, b"", []]
        fields = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", f"localhost:{port}".encode()),
            (b":path", f"/{name}".encode()),
        ]
        self.http.send_headers(stream_id, fields, end_stream=body is None)
        self.transmit()
        if body is not None:
            await self.send_body(stream_id, body)
        await done
        _, status, parts = self.answers.pop(stream_id)
        return status, b"".join(parts)

    def headers_received(self, event):
        answer = self.answers[event.stream_id]
        answer[1] = dict(event.headers).get(b":status", answer[1])
        self.finish(event, answer)

    def data_received(self, event):
        answer = self.answers[event.stream_id]
        answer[2].append(event.data)
        self.finish(event, answer)

    def finish(self, event, answer):
        if event.stream_ended and not answer[0].done():
            answer[0].set_result(None)


async def new_address(client):
    """Goes on from another port: without a word, as behind a NAT."""
    client._transport.close()
    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: client, local_addr=("::", 0)
    )


async def run(options):
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=H3_ALPN,
        server_name="localhost",
        max_data=16 << 20,
        max_stream_data=8 << 20,
    )
    configuration.load_verify_locations("cert.pem")
    if options.versions:
        configuration.supported_versions = [int(v, 16) for v in options.versions.split(",")]
        configuration.original_version = configuration.supported_versions[0]
    if options.session and os.path.exists(options.session):
        with open(options.session, "rb") as file:
            configuration.session_ticket = pickle.load(file)
        if not options.early_data:
            configuration.session_ticket.max_early_data_size = None

    def keep(ticket):
        if options.session:
            with open(options.session, "wb") as file:
                pickle.dump(ticket, file)

    async with connect(
        "127.0.0.1",
        options.port,
        configuration=configuration,
        create_protocol=Client,
        session_ticket_handler=keep,
        wait_connected=not options.early_data,
    ) as client:
        statuses = await exchange(client, options)
        quic = client._quic
        print("statuses", *sorted({status.decode() for status in statuses}))
        print("retries", quic._retry_count)
        print("resumed", quic.tls.session_resumed)
        print("early_data", quic.tls.early_data_accepted)
        print("version", hex(quic._version))
        print("version_negotiation", quic._version_negotiated_incompatible)
        keys = quic._cryptos[Epoch.ONE_RTT]
        print("key phases", keys.send.key_phase, keys.recv.key_phase)
        if options.session:
            await asyncio.sleep(0.3)  # the ticket comes after the handshake


async def exchange(client, options):
    async def one(name):
        body = None
        if options.echo:
            with open(f"www/{name}", "rb") as file:
                body = file.read()
        path = "echo" if options.echo else name
        status, answer = await client.request(options.port, path, "POST" if options.echo else "GET", body)
        os.makedirs(os.path.dirname(f"got/{name}"), exist_ok=True)
        with open(f"got/{name}", "wb") as file:
            file.write(answer)
        return status

    statuses = []
    if options.key_update or options.migrate or options.rebind:
        statuses.append(await one("small"))
        if options.key_update:
            client.request_key_update()
        if options.migrate:
            client.change_connection_id()
        if options.migrate or options.rebind:
            await new_address(client)
    if options.at_a_time > 1:
        statuses += await asyncio.gather(*[one(name) for name in options.names])
    else:
        for name in options.names:
            statuses.append(await one(name))
    return statuses


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("names", nargs="+")
parser.add_argument("--echo", action="store_true", help="POST the files to /echo")
parser.add_argument("--at-a-time", type=int, default=1)
parser.add_argument("--session", help="where the ticket is kept")
parser.add_argument("--early-data", action="store_true")
parser.add_argument("--key-update", action="store_true")
parser.add_argument("--migrate", action="store_true", help="another port and another connection ID")
parser.add_argument("--rebind", action="store_true", help="another port")
parser.add_argument("--versions", help="hexadecimal, the first one is tried first")
asyncio.run(run(parser.parse_args()))
