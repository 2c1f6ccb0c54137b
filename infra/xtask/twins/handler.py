"""A minimal custom handler with the Functions host's contract: what the benchmark compares Poolwarden with."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        self.answer(200, b'{"ready":true}')

    def do_POST(self):
        envelope = json.loads(self.body())
        events = json.loads(envelope["Data"]["req"]["Body"])
        answer = {"validationResponse": events[0]["data"]["validationCode"]}
        output = {"statusCode": "200", "body": answer, "headers": {"Content-Type": "application/json"}}
        self.answer(200, json.dumps({"Outputs": {"res": output}, "Logs": [], "ReturnValue": None}).encode())

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    Server(("127.0.0.1", int(os.environ["FUNCTIONS_CUSTOMHANDLER_PORT"])), Handler).serve_forever()
