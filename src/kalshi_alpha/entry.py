"""Where the installed program starts. It imports nothing by itself, so that Ctrl-C in the first moments is met by its handler."""


def entry() -> None:
    """Run a command and exit with its status; 130 after Ctrl-C, also while the program is being loaded."""
    try:
        from kalshi_alpha import cli  # noqa: PLC0415 - see above
        from kalshi_alpha.__main__ import main  # noqa: PLC0415 - see above

        cli.run(main)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
