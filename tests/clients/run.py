"""Drives the server with clients that other people wrote: the Python SDK in both eras, and FastMCP.

Usage: run.py ACTWRIGHT. Needs the packages of requirements.txt. Prints one line for each client; any surprise is an
error.
"""

import asyncio
import json
import sys
import tempfile
import time
import warnings

import fastmcp
import mcp
from fastmcp.client.transports import StdioTransport

RUN = "actwright/run"
PICTURE = """
import struct, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + b'\\xff\\0\\0' * 8 for _ in range(8))
png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0))
png += chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
class Picture:
    def _repr_png_(self): return png
Picture()
"""
READ_ONLY = dict.fromkeys(
    [
        *("read_output", "list_sessions", "search_tools", "list_tools"),
        *("search_skills", "list_skills", "get_skill", "load_artifact", "list_artifacts", "list_deps"),
    ],
    True,
)


async def python_sdk(program, base, mode):
    """The SDK's own client: `auto` probes for the newest era, `legacy` shakes hands."""
    seen = []

    async def progress(done, total, message):
        seen.append(message)

    parameters = mcp.StdioServerParameters(command=program, args=["serve", "--base", base])
    async with mcp.Client(parameters, mode=mode, read_timeout_seconds=30) as client:
        tools = (await client.list_tools()).tools
        check_tools([tool.model_dump(by_alias=True, exclude_none=True) for tool in tools])
        result = await client.call_tool("run_code", {"code": "x = 6 * 7\nx"})
        assert text(result) == "[result: int]\n42", result
        assert result.meta[RUN]["result_json"] == 42, result
        assert result.structured_content is None
        result = await client.call_tool("run_code", {"code": "print('hello')\nx + y"})
        assert result.is_error and text(result).startswith("[stdout]\nhello\n[error]"), result
        result = await client.call_tool(
            "run_code",
            {"code": "import time\nprint('step', flush=True)\ntime.sleep(0.3)"},
            progress_callback=progress,
        )
        assert seen == ["step\n"], seen
        await check_pictures_and_pages(client)
        await check_resources(client)
        await check_cancel(client)
        return client.protocol_version


async def check_pictures_and_pages(client):
    result = await client.call_tool("run_code", {"code": PICTURE})
    assert [block.type for block in result.content] == ["text", "image"], result
    result = await client.call_tool("run_code", {"code": "for n in range(10_000): print(n)"})
    assert text(result).startswith("[cut] ") and len(text(result)) < 8_500
    page = await client.call_tool("read_output", {"id": result.meta[RUN]["output_id"], "offset": 40_000, "limit": 50})
    assert "40000-40050" in text(page), page


async def check_resources(client):
    listed = (await client.list_resources()).resources
    templates = (await client.list_resource_templates()).resource_templates
    assert listed and templates
    read = await client.read_resource(listed[0].uri)
    assert read.contents


async def check_cancel(client):
    start = time.monotonic()
    slow = {"code": "import time\ntime.sleep(60)"}
    task = asyncio.ensure_future(client.call_tool("run_code", slow))
    await asyncio.sleep(0.5)
    task.cancel()
    try:
        await task
        raise AssertionError("the call was not cancelled")
    except asyncio.CancelledError:
        pass
    result = await client.call_tool("run_code", {"code": "x"})
    assert text(result) == "[result: int]\n42", result
    assert time.monotonic() - start < 20, "the cancelled cell ran on"


async def fast_client(program, base, mode):
    """FastMCP's client, parallel sessions and the structured mode, whose schema it checks itself."""
    arguments = ["serve", "--base", base, "--structured-results"]
    transport = StdioTransport(program, arguments, keep_alive=False)
    async with fastmcp.Client(transport, mode=mode, timeout=30) as client:
        tools = await client.list_tools()
        assert tools[0].name == "run_code" and (getattr(tools[0], "output_schema", None) or tools[0].outputSchema)
        calls = [client.call_tool("run_code", {"code": f"{n} ** 2", "session": "new"}) for n in range(8)]
        results = await asyncio.gather(*calls)
        values = [result.structured_content["result_json"] for result in results]
        assert values == [n**2 for n in range(8)], values
        assert len({result.structured_content["session"] for result in results}) == 8
        result = await client.call_tool("run_code", {"code": "1 / 0"}, raise_on_error=False)
        assert result.is_error and result.structured_content["error"]["type"] == "ZeroDivisionError"
        closed = await client.call_tool("close_session", {"session": results[0].structured_content["session"]})
        assert "is closed" in closed.content[0].text
    return "structured results"


def text(result):
    return result.content[0].text


def check_tools(tools):
    names = [tool["name"] for tool in tools]
    assert names[0] == "run_code" and len(names) == len(set(names)), names
    for tool in tools:
        assert tool["title"] and tool["description"] and len(tool["description"]) < 2_000
        schema = json.dumps(tool["inputSchema"])
        # Clients warn about formats and type lists that they do not know.
        assert "uint" not in schema and '"null"' not in schema, schema
        assert tool["annotations"].get("readOnlyHint", False) == READ_ONLY.get(tool["name"], False), tool


async def main(program):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as base:
        warnings.simplefilter("error", UserWarning)
        for mode in ("auto", "legacy"):
            for name, client in (("mcp", python_sdk), ("fastmcp", fast_client)):
                start = time.monotonic()
                version = await asyncio.wait_for(client(program, base, mode), 60)
                print(f"{name} {mode}: {version}, {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
