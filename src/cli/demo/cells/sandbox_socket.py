import socket

try:
    with socket.create_connection(("127.0.0.1", host_port), timeout=5):
        answer = "connected"
except OSError as refusal:
    answer = f"refused: {refusal!r}"
answer
