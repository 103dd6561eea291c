"""The operator's page: ``python -m kalshi_alpha.console --root DIR``."""

import asyncio
import sys
import webbrowser
from typing import Final

from kalshi_alpha.cli import EXIT_OK, UsageError, parser, print_json, run

DEFAULT_PORT: Final = 8790


def main(argv: list[str]) -> int:
    """Serve the page until SIGTERM or Ctrl-C."""
    made = parser("kalshi-alpha console", "serve the operator's page on this machine; prints its address with the token")
    made.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"port on 127.0.0.1; 0 takes a free one (default: {DEFAULT_PORT})")
    made.add_argument("--open", action="store_true", help="open the page in the browser")
    args = made.parse_args(argv)
    if not args.root.is_dir():
        message = f"--root {args.root}: no such folder"
        raise UsageError(message)
    if not 0 <= args.port <= 65_535:  # noqa: PLR2004  # the range of ports
        message = f"--port {args.port}: not a port"
        raise UsageError(message)
    # Late, because the web server's library takes longer to import than --help may take.
    from kalshi_alpha.console.gate import load_token  # noqa: PLC0415  # see above
    from kalshi_alpha.console.server import ADDRESS, listen, serve  # noqa: PLC0415  # see above

    listener = listen(args.port)
    try:
        token = load_token(args.root)
        url = f"http://{ADDRESS}:{listener.getsockname()[1]}/?token={token}"
        if args.json:
            print_json({"url": url})
        else:
            sys.stdout.write(f"console {url}\n")
            sys.stdout.flush()
        if args.open:
            webbrowser.open(url)
        asyncio.run(serve(args.root, token, listener))
    finally:
        listener.close()
    return EXIT_OK


if __name__ == "__main__":
    run(main)
