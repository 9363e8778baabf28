"""A server that refuses everything and does nothing else: how long the machine itself keeps anybody waiting.

python -m benchmarks.requests.bare_server
"""

from __future__ import annotations

import asyncio
import sys

from speakerid.cli.server.child_server import ANNOUNCEMENT

ANSWER = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            writer.write(ANSWER)
    except asyncio.IncompleteReadError:  # its end
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    sys.stdout.write(f"{ANNOUNCEMENT}http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
