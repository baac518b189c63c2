"""A pod's web server: says which node and pod answers, and which address asked."""

import http.server
import socket
import sys
import threading

NODE = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        pod = self.connection.getsockname()[0].replace("::ffff:", "")
        client = self.client_address[0].replace("::ffff:", "")
        body = f"node={NODE} pod={pod} client={client}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 512

    def server_bind(self):
        # Both families.
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


threading.Thread(target=Server(("::", 80), Handler).serve_forever, daemon=True).start()
Server(("::", 8080), Handler).serve_forever()
