"""The commands and the text of ``aikynetix --help``: plain data, so that showing help imports none of them."""

from __future__ import annotations

# Name: (module below this package, attribute, one line of help).
COMMANDS: dict[str, tuple[str, str, str]] = {
    "url": ("url", "url", "Print the signed URL of a session's video."),
    "generate": ("generate", "generate", "Have the video of a session made, and print its URL."),
    "download": ("download", "download", "Save the video of a session, verified."),
    "export": ("export", "export", "Save the videos of many sessions into a folder."),
    "open": ("open", "open_video", "Play the video of a session."),
    "doctor": ("doctor", "doctor", "Check settings, credential, network and clock."),
    "sandbox": ("sandbox", "sandbox", "Run a local stand-in for the API until Ctrl-C."),
    "demo": ("demo", "demo", "Do the whole job once against the sandbox, no account needed."),
    "completion": ("completion", "completion", "Print the completion script for your shell."),
}

_TEXT = """\
Usage: aikynetix [OPTIONS] COMMAND [ARGS]...

  Annotated videos of Aikynetix sessions, from the shell.

  Results go to stdout, everything else to stderr. The credential comes from
  AIKYNETIX_API_KEY or AIKYNETIX_TOKEN, else it is asked for; it is never an
  argument.

Commands:
{commands}

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit; `aikynetix COMMAND --help` for more.

Exit codes:
  0  done                          4  not allowed (403)
  1  failure                       5  not found (404)
  2  usage or configuration        6  try again later (429, 5xx, network,
  3  credential refused (401)         not ready)
130  interrupted                    7  the download failed verification

New here? `aikynetix demo` needs no account.
"""


def top_help() -> str:
    """Return what ``aikynetix --help`` prints, line end included."""
    width = max(map(len, COMMANDS))
    return _TEXT.format(commands="\n".join(f"  {name:<{width}}  {row[2]}" for name, row in COMMANDS.items()))
