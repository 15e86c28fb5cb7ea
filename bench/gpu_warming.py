"""Fills the caches of torch.compile beside what is done before anything is timed, so that its contenders need not make all of it in theirs."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import threading
import time

from gpu_cases import admitted, warming_bytes


class Cache:
    """The folder for what torch.compile makes of one case. What it wrote when it was ended may be half of a file, on which it fails later:
    only the caches of a pass that came to its end stay."""

    def __init__(self, folder):
        self.folder, self.mark = folder, os.path.join(folder, "whole")

    def variables(self):
        return {"TORCHINDUCTOR_FX_GRAPH_CACHE": "1", "TORCHINDUCTOR_AUTOGRAD_CACHE": "1", "TORCHINDUCTOR_CACHE_DIR": self.folder}

    def is_whole(self):
        open(self.mark, "w").close()

    def clear_unless_whole(self):
        if not os.path.exists(self.mark):
            shutil.rmtree(self.folder, ignore_errors=True)


class Warmer:
    """One case's pass under torch.compile, in a process of its own."""

    def __init__(self, case, command, variables, cache, folder, log):
        self.name, self.needs, self.log, self.cache = case.name, warming_bytes(case), log, cache
        self.command, self.variables, self.folder, self.config = command, {**variables, **cache.variables()}, folder, case.config
        self.process = None

    def begin(self):
        for folder in [self.folder, self.cache.folder, os.path.dirname(self.log)]:
            os.makedirs(folder, exist_ok=True)
        with open(os.path.join(self.folder, "config.json"), "w") as file:
            json.dump(self.config, file)
        with open(self.log, "w") as log:
            # With what it starts itself: torch.compile has processes that compile.
            self.process = subprocess.Popen(
                self.command, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def ended(self):
        return self.process.poll() is not None

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        if self.process.returncode == 0:
            self.cache.is_whole()
        self.cache.clear_unless_whole()


class Warming:
    """Starts warmers in order as they have room, `most` at one time, until all have ended or `finish` says that it is enough."""

    def __init__(self, warmers, room, most):
        self.waiting, self.running, self.room, self.most = list(warmers), [], room, most
        self.ready, self.failed, self.started = [], {}, time.monotonic()
        self.enough = threading.Event()
        atexit.register(self.stop)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while (self.waiting or self.running) and not self.enough.is_set():
            for warmer in [warmer for warmer in self.running if warmer.ended()]:
                self.running.remove(warmer)
                warmer.end()
                if warmer.process.returncode == 0:
                    self.ready.append(warmer.name)
                else:
                    self.failed[warmer.name] = reason(warmer)
            for warmer in admitted(self.waiting, self.running, self.room, self.most):
                self.waiting.remove(warmer)
                self.running.append(warmer)
                warmer.begin()
            self.enough.wait(0.2)

    def stop(self):
        """Ends what still runs; nothing of it is left when this returns."""
        self.enough.set()
        self.thread.join()
        for warmer in self.running:
            warmer.end()

    def finish(self, deadline):
        """Waits until `deadline` at most; what there is for the report."""
        self.thread.join(max(0, deadline - time.monotonic()))
        self.stop()
        left = {warmer.name: "no time" for warmer in self.running + self.waiting}
        return {"seconds": round(time.monotonic() - self.started, 1), "ready": self.ready, "not": {**self.failed, **left}}


def reason(warmer):
    with open(warmer.log, errors="replace") as log:
        said = [line.strip() for line in log if line.strip()]
    try:
        return json.loads(said[-1])["error"]
    except (IndexError, ValueError, KeyError, TypeError):
        return said[-1][:200] if said else f"ended with {warmer.process.returncode}"
