"""What an agent would write, run as one cell: each client fetches by HTTP and HTTPS, and asks for a host that is not listed.

The program that runs this puts the authority's certificate before it. Prints a line for each.
"""

import asyncio
import socket
import ssl
import urllib.error
import urllib.request

import aiohttp
import certifi
import httpx
import requests

AUTHORITY = "authority.pem"
TRUSTED = ssl.create_default_context(cafile=AUTHORITY)
PLAIN, SECURE = "http://a.example/plain", "https://a.example/secure"
CLOSED = ("http://c.example/", "https://c.example/")


def show(client, *answers):
    print(client, *(str(answer).strip() for answer in answers))


def refused(error):
    """Whether the error says what was refused and by which key, however deep the client has put it."""
    return "yes" if "c.example:443 is not in sandbox.network" in repr(error) + str(error) else repr(error)


def by_urllib():
    def fetch(url):
        return urllib.request.urlopen(url, context=TRUSTED, timeout=10).read().decode()

    show("urllib", fetch(PLAIN), fetch(SECURE))
    for url, expected in zip(CLOSED, (urllib.error.HTTPError, urllib.error.URLError)):
        try:
            fetch(url)
        except expected as error:
            show("urllib refused", type(error).__name__, getattr(error, "code", None) or refused(error))


def by_requests():
    show("requests", requests.get(PLAIN, timeout=10).text, requests.get(SECURE, verify=AUTHORITY, timeout=10).text)
    show("requests posted", requests.post(PLAIN, data=b"body", timeout=10).text)
    with requests.Session() as session:
        session.verify = AUTHORITY
        show("requests session", *(session.get(SECURE, timeout=10).text for _ in range(3)))
    show("requests refused", requests.get(CLOSED[0], timeout=10).status_code)
    try:
        requests.get(CLOSED[1], verify=AUTHORITY, timeout=10)
    except requests.exceptions.ProxyError as error:
        show("requests refused", "ProxyError", refused(error))
    try:
        requests.get(SECURE, timeout=10)
    except requests.exceptions.SSLError:
        show("requests verifies certificates")


def by_httpx():
    with httpx.Client(verify=TRUSTED) as client:
        show("httpx", client.get(PLAIN).text, client.get(SECURE).text)
        show("httpx refused", client.get(CLOSED[0]).status_code)
        try:
            client.get(CLOSED[1])
        except httpx.ProxyError as error:
            show("httpx refused", "ProxyError", refused(error))
    try:
        httpx.get(SECURE)
    except httpx.ConnectError as error:
        show("httpx verifies certificates", "CERTIFICATE_VERIFY_FAILED" in str(error))


async def by_async_httpx():
    async with httpx.AsyncClient(verify=TRUSTED) as client:
        answers = await asyncio.gather(client.get(PLAIN), client.get(SECURE))
        show("httpx async", *(answer.text for answer in answers))
        try:
            await client.get(CLOSED[1])
        except httpx.ProxyError as error:
            show("httpx async refused", "ProxyError", refused(error))


async def by_aiohttp():
    async with aiohttp.ClientSession() as session:

        async def fetch(url):
            async with session.get(url, ssl=TRUSTED) as answer:
                return answer.status if answer.status != 200 else await answer.text()

        show("aiohttp", *await asyncio.gather(fetch(PLAIN), fetch(SECURE)))
        show("aiohttp refused", await fetch(CLOSED[0]))
        try:
            await fetch(CLOSED[1])
        except aiohttp.ClientHttpProxyError as error:
            show("aiohttp refused", "ClientHttpProxyError", refused(error))


async def by_sockets():
    for way in ("asyncio", "socket"):
        try:
            if way == "asyncio":
                await asyncio.open_connection("192.0.2.1", 80)
            else:
                socket.create_connection(("192.0.2.1", 80), 3)
        except OSError as error:
            show(way, "has no network:", error.strerror or error)


def other_name():
    """A tunnel to a host of the list, greeted as another one."""
    with socket.create_connection(("127.0.0.1", 3128), 5) as made:
        made.sendall(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
        assert made.recv(4096).startswith(b"HTTP/1.1 200")
        try:
            TRUSTED.wrap_socket(made, server_hostname="b.example")
        except ssl.SSLError as error:
            show("greeting another name:", error.reason)


by_urllib()
by_requests()
by_httpx()
await by_async_httpx()
await by_aiohttp()
await by_sockets()
other_name()
show("certifi", open(certifi.where()).read(1) != "", ssl.create_default_context().cert_store_stats()["x509_ca"] > 0)
