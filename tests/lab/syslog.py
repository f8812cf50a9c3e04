"""syslog.py SOCKET FILE: append every datagram that arrives at SOCKET to FILE, one a line."""

import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
with open(sys.argv[2], "ab", buffering=0) as log:
    listener.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o666)
    while True:
        log.write(listener.recv(65536).rstrip(b"\n\0") + b"\n")
