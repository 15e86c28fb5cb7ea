"""A program that trains when asked, a line for a line, and may not take for ever."""

import atexit
import json
import os
import queue
import signal
import subprocess
import threading
import time


class Failed(Exception):
    """A contender that is out, with the reason for the table."""


class Contender:
    def __init__(self, name, command, variables, needs, least, log):
        self.name, self.command, self.variables, self.log = name, command, variables, log
        self.needs, self.least = needs, least  # bytes of the device: as it is thought, and without what may be otherwise
        self.rates, self.losses, self.peak = [], [], 0
        self.issue_seconds = self.profile = self.ready_seconds = None
        self.group = self.problem = self.version = self.process = self.step_seconds = None

    def stand_by(self):
        """Starts it; it takes no memory of the device until `begin`."""
        atexit.register(self.end)
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # so that what it has started ends with it
            )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def begin(self):
        if not self.process:
            self.stand_by()
        self.begun = time.monotonic()
        self.say("begin")

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def next(self, deadline):
        try:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            raise Failed("no answer in the time that the case has") from None
        if line is None:
            raise Failed(f"ended with {self.process.wait()}: {self.last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def last_words(self):
        with open(self.log, errors="replace") as log:
            said = [line.strip() for line in log if line.strip()]
        return said[-1][:300] if said else "no message"

    def ask(self, steps):
        self.asked = steps
        self.say(steps)

    def say(self, line):
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        except OSError:
            pass  # its end is told when it is listened to

    def answer(self, deadline):
        if self.version is None:
            self.version = self.next(deadline)["version"]
        answer = self.next(deadline)
        if self.ready_seconds is None:
            self.ready_seconds = time.monotonic() - self.begun  # its model made, its first steps done
        self.losses += answer["losses"]
        self.peak = max(self.peak, answer["peak_bytes"])
        return answer

    def warm(self, answer):
        self.step_seconds = answer["seconds"] / self.asked

    def tell(self, what, deadline):
        """Asks for more than turns say, which only Evo answers: `issue` or `profile`. Its figures stand without it."""
        try:
            self.say(what)
            return self.next(deadline)
        except Failed:
            return None

    def turn(self, steps, tokens, deadline):
        self.ask(steps)
        self.rates.append(steps * tokens / self.answer(deadline)["seconds"])

    def end(self):
        if self.process and self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
