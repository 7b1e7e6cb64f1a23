"""Speaks with preprocess_peer (peer.cpp), one request at a time."""

import subprocess


class Refused(Exception):
    """The answer was an error: (code, message)."""


class Peer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.nanoseconds = 0  # of the last request

    def ask(self, command, *arguments, payload=b""):
        """Fields and payload of the answer."""
        line = " ".join([command, *map(str, arguments), str(len(payload))])
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.write(payload)
        self.process.stdin.flush()
        words = self.process.stdout.readline().decode(errors="replace").split()
        if not words:
            raise RuntimeError(f"preprocess_peer ended during: {line[:200]}")
        if words[0] == "error":
            raise Refused(words[1], " ".join(words[2:]))
        self.nanoseconds = int(words[1])
        size = int(words[-1])
        return words[2:-1], self.process.stdout.read(size)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()
