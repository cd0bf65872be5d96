#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The two ends of a relay: `answer ADDRESS PORT` sends each datagram back with all its bits turned, and `ask ADDRESS
PORT SIZE...` sends one of each size and prints the sizes whose answer came from where it asked, as it should be."""
import os
import socket
import sys

TURNED = bytes(255 - byte for byte in range(256))


def open_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM)


def answer(address, port):
    with open_socket(address) as server:
        server.bind((address, port))
        print("ready", flush=True)
        while True:
            payload, sender = server.recvfrom(65536)
            server.sendto(payload.translate(TURNED), sender)


def answered(client, asked, size):
    """Why there is no right answer to a datagram of that size; nothing when there is."""
    payload = os.urandom(size)
    client.sendto(payload, asked)
    try:
        reply, sender = client.recvfrom(65536)
    except socket.timeout:
        return "none"
    if sender[:2] != asked:
        return f"from {sender[0]}:{sender[1]}"
    return None if reply == payload.translate(TURNED) else f"{len(reply)} other bytes"


def ask(address, port, sizes):
    with open_socket(address) as client:
        client.settimeout(5)
        for size in sizes:
            why = answered(client, (address, port), size)
            print(size if why is None else f"{size}({why})", end=" ", flush=True)


if sys.argv[1] == "answer":
    answer(sys.argv[2], int(sys.argv[3]))
else:
    ask(sys.argv[2], int(sys.argv[3]), [int(size) for size in sys.argv[4:]])
