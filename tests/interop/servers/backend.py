# SPDX-License-Identifier: Apache-2.0
#
# An HTTP/1.1 server behind those that only pass requests on: GET serves files below www/, POST /echo
# sends the body back.
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # two writes an answer: the second would wait for a late ACK

    def do_GET(self):
        name = os.path.normpath("www" + self.path.split("?")[0])
        if not (os.path.isfile(name) and name.startswith("www/")):
            return self.answer(404, b"")
        with open(name, "rb") as file:
            self.answer(200, file.read())

    def do_POST(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self.chunks())
        else:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.answer(200, body)

    def chunks(self):
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
