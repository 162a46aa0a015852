"""Asks for a prediction until one comes, and prints the time when it came.

usage: first_answer.py PORT
"""

import json
import socket
import sys
import time

BODY = json.dumps({"transaction_id": "first", "customer_id": 1, "terminal_id": 2,
                   "tx_amount": 3.5, "tx_time_seconds": 1533720612}).encode()
REQUEST = (b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


def is_answered(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(REQUEST)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


while not is_answered(int(sys.argv[1])):
    time.sleep(0.001)
print(time.time())
