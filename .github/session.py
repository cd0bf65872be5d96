#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""session.py UDPTOOL >session.svg: the picture in README, of what really happens.

Two terminals in a network of their own: one listens, in the other the commands below are typed. What both print, colours
included, is drawn as it came.
"""

import html
import os
import pty
import re
import subprocess
import sys
import threading
import time
import unicodedata

COMMANDS = [
    "udptool send localhost 41234 'hello, world'",
    "udptool send 192.0.2.7 41234 'Grüße, 世界' ''",
    "udptool send -x ::1 41234 '00 01 fe ff'",
    "udptool send -w 1 --replies 1 192.0.2.7 7777 ping; echo $?",
    "udptool send -q 127.0.0.1 9 anybody; echo $?",
    "udptool probe -c 3 --interval 100ms 192.0.2.7 7777",
    "udptool probe 192.0.2.7 4000; echo $?",
]
COLUMNS, FONT, CELL, LINE = 88, 13, 7.82, 18


class Terminal:
    """A command in a terminal of its own, and what it has printed."""

    def __init__(self, command):
        self.text = b""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execvp("bash", ["bash", "-c", "stty cols %d -echo; %s" % (COLUMNS, command)])
        self.pid = pid
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while piece := os.read(self.fd, 65536):
                self.text += piece
        except OSError:  # the other end is closed
            pass

    def end(self):
        self.reader.join()
        os.waitpid(self.pid, 0)
        return self.text.decode().replace("\r\n", "\n")


def session():
    """The texts of the two terminals."""
    subprocess.run("ip link set lo up; ip address add 192.0.2.7/24 dev lo", shell=True, check=True)
    echo = subprocess.Popen(["udptool", "listen", "-q", "-o", "none", "--echo", "7777"])
    listener = Terminal("exec udptool listen 41234")
    while b"[::]:41234" not in listener.text:
        time.sleep(0.05)
    typed = ""
    for command in COMMANDS:
        typed += "\x1b[2m$\x1b[0m \x1b[1m" + command + "\x1b[0m\n" + Terminal(command).end()
    time.sleep(0.2)
    os.write(listener.fd, b"\x03")
    heard = "\x1b[2m$\x1b[0m \x1b[1mudptool listen 41234\x1b[0m\n" + listener.end()
    echo.terminate()
    return heard, typed


def css_color(number):
    """The colour that a terminal shows for one of 256."""
    if number < 16 or number > 231:
        return "#d0d0d0"
    levels = [0, 95, 135, 175, 215, 255]
    cube = number - 16
    return "#%02x%02x%02x" % (levels[cube // 36], levels[cube // 6 % 6], levels[cube % 6])


def width_of(text):
    """In columns of the terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def spans(line):
    """The line's text as SVG: each run of words where it stood in the terminal, whatever font is at hand, with its
    colour."""
    out, style, column = "", "", 0
    for piece in re.split(r"(\x1b\[[0-9;]*m|\t|  +)", line):
        if piece.startswith("\x1b"):
            style = style_of(piece)
        elif piece == "\t":
            column += 8 - column % 8
        elif piece.strip():
            shift = len(piece) - len(piece.lstrip())
            place = 20 + (column + shift) * CELL
            out += '<tspan x="%.1f"%s>%s</tspan>' % (place, style, html.escape(piece.strip(), quote=False))
            column += width_of(piece)
        else:
            column += len(piece)
    return out


def style_of(escape):
    """The attributes for a sequence that sets colours."""
    if match := re.match(r"\x1b\[38;5;(\d+)m", escape):
        return ' fill="%s"' % css_color(int(match[1]))
    return {"\x1b[1m": ' class="typed"', "\x1b[2m": ' fill="#9e9e9e"', "\x1b[31m": ' fill="#ff6e67"'}.get(escape, "")


def window(text, top):
    """One terminal as SVG, and where it ends."""
    lines = [line for line in text.split("\n") if line.strip()]
    height = len(lines) * LINE + 46
    out = '<rect x="8" y="%d" width="%d" height="%d" rx="8" fill="#1d1f21"/>\n' % (top, COLUMNS * CELL + 24, height)
    for number, color in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        out += '<circle cx="%d" cy="%d" r="5" fill="%s"/>\n' % (26 + 18 * number, top + 16, color)
    for number, line in enumerate(lines):
        out += '<text y="%d">%s</text>\n' % (top + 46 + number * LINE, spans(line))
    return out, top + height


def main():
    if sys.argv[1] != "--inside":
        tool = os.path.dirname(os.path.realpath(sys.argv[1]))
        os.environ["PATH"] = tool + ":" + os.environ["PATH"]
        os.environ["TERM"] = "xterm-256color"
        os.execvp("unshare", ["unshare", "-rn", sys.executable, __file__, "--inside"])
    heard, typed = session()
    first, end = window(heard, 8)
    second, end = window(typed, end + 12)
    width = COLUMNS * CELL + 40
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">' % ((width, end + 8) * 2))
    print("<style>text { font: %dpx ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d0d0d0; }"
          " .typed { fill: #fff; font-weight: bold; }</style>" % FONT)
    print(first + second + "</svg>")


main()
