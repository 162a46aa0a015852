"""A name server that knows one name: broker.example is 127.0.0.1.

usage: names.py PORT
"""

import socket
import sys

NAME = b"\6broker\7example\0"
A = b"\0\1\0\1"  # type and class of an IPv4 address


def reply(query):
    """The answer, or that there is none (of another type, such as IPv6)."""
    question = query[12:12 + len(NAME) + 4]
    found = question == NAME + A
    header = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
    answer = b"\xc0\x0c" + A + b"\0\0\0\x3c\0\4" + socket.inet_aton("127.0.0.1")
    return header + question + (answer if found else b"")


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("0.0.0.0", int(sys.argv[1])))
    print("up", flush=True)
    while True:
        query, address = server.recvfrom(512)
        server.sendto(reply(query), address)
