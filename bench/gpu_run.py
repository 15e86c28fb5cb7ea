#!/usr/bin/env python3
"""Evo against PyTorch on a GPU, from the package that `bench/gpu --pack` made: no .NET SDK, no network, ten minutes.

    ./run                                  builds, checks the operators, runs every case
    ./run --case qwen2.5-1.5B/4096 --json  one of them; JSON lines: the machine, then one object a case
    ./run --device cpu --case tiny/64      the whole chain on a processor, in seconds

It needs bash, cmake, a C++ compiler, python3 with torch and, for Evo's own kernels, nvcc. First libevo_torch.so is built for the libtorch
of that python and laid beside the program; then every operator is compared with its plain form in float64. Beside that, one pass of each
case but the largest is compiled by torch.compile, whose caches lie in the package: nothing is timed before it ends. A case is one training step
of a model in bfloat16 with float32 master weights and moments (AdamW), all contenders from the same weights on the same tokens:
  evo            Evo
  eager          PyTorch, autocast, scaled_dot_product_attention, fused AdamW
  compile        the same under torch.compile; of the 7B and 8B shapes a layer at a time
  transformers   transformers' model of the same configuration, where it is installed
Those that have room beside one another on the device take turns, others follow; ratios are medians over turns. tflops counts operations
as Megatron and InternEvo do, model_tflops by the model's formula with causal attention (docs/training.md). What does not fit is said, by
Evo's own prediction or when the device says so; so is what has no time left. Ends with 1 when an operator or a loss is wrong.
EVO_BENCH_PYTHON names the Python, EVO_LIBTORCH another libtorch.
"""

import argparse
import concurrent.futures
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "python"))
from gpu_cases import CASES, groups, layers, least_bytes, logit_bytes, seconds_of_turns  # noqa: E402
from gpu_contender import Contender, Failed  # noqa: E402
from gpu_table import show  # noqa: E402
from gpu_warming import Cache, Warmer, Warming  # noqa: E402

EVO = os.path.join(HERE, "evo-bench")
TORCH = os.path.join(HERE, "python", "gpu_torch.py")


def find_python():
    for python in [os.environ.get("EVO_BENCH_PYTHON"), "python3", "/usr/bin/python3"]:
        if python and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    sys.exit("no python3 with torch; name one with EVO_BENCH_PYTHON")


def environment(python):
    """This one, with that python's folder first, since find-libtorch asks the python3 on the PATH, and CUDA's own last."""
    folder = os.path.dirname(subprocess.run([python, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True).stdout.strip())
    return dict(os.environ, PATH=os.pathsep.join(filter(None, [folder, os.environ.get("PATH"), "/usr/local/cuda/bin"])))


def run(words, limit=100, **options):
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=limit, **options)
    except subprocess.TimeoutExpired:
        sys.exit(f"{' '.join(map(str, words))}: no end after {limit:.0f} s")


def cuda_settings(variables, capability):
    """Kernels for this GPU alone, if its nvcc knows it, and nvcc where it is: CMake then tries neither others nor to find it."""
    nvcc = shutil.which("nvcc", path=variables["PATH"])
    if not nvcc or not capability or capability < 80:
        return []
    if f"compute_{capability}" not in run([nvcc, "--list-gpu-arch"], env=variables).stdout.split():
        return []
    return [f"-DEVO_CUDA_ARCHITECTURES={capability}", f"-DCMAKE_CUDA_ARCHITECTURES={capability}", f"-DCMAKE_CUDA_COMPILER={nvcc}"]


def build(variables, capability, limit, tell):
    """Builds libevo_torch.so for the libtorch that is found; what CMake said of it. `capability` is the GPU's, or None."""
    started, folder, native = time.monotonic(), os.path.join(HERE, "build"), os.path.join(HERE, "native")
    configure = ["cmake", "-S", native, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", f"-DEVO_FIND_LIBTORCH={os.path.join(HERE, 'find-libtorch')}"]
    quicker = cuda_settings(variables, capability)
    if shutil.which("ninja", path=variables["PATH"]) and not os.path.exists(os.path.join(folder, "CMakeCache.txt")):
        quicker += ["-G", "Ninja"]
    done = run(configure + quicker, limit, env=variables)
    if done.returncode != 0 and quicker:
        shutil.rmtree(folder, ignore_errors=True)
        done = run(configure, limit, env=variables)
    if done.returncode != 0:
        sys.exit(f"{' '.join(configure)}\n{done.stdout}{done.stderr}")
    said = [line[3:] for line in done.stdout.splitlines() if line.startswith(("-- libtorch", "-- CUDA:", "-- c10d:"))]
    configured = time.monotonic() - started
    words = ["cmake", "--build", folder, "--parallel", str(os.cpu_count())]
    done = run(words, limit, env=variables)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    library = os.path.join(HERE, "libevo_torch.so")
    with open(os.path.join(folder, "lib", "libevo_torch.so"), "rb") as made, open(library + ".part", "wb") as there:
        there.write(made.read())
    os.replace(library + ".part", library)
    tell(f"built in {time.monotonic() - started:.0f} s, {configured:.0f} s of it to configure: {'; '.join(said)}")
    return {"seconds": round(time.monotonic() - started, 1), "configure_seconds": round(configured, 1), "found": said}


def shape_of(case, options, share):
    shape = ["--batch", case.rows, "--sequence", case.sequence, "--device", options.device, "--dtype", case.dtype, "--recompute", share]
    return [str(word) for word in shape]


def begin_warming(wanted, python, about, variables, options, folder):
    """None where torch.compile is no contender."""
    for case in wanted:
        cache_of(case).clear_unless_whole()
    if not about["compile"] or options.only and "compile" not in options.only or not options.warm_seconds:
        return None
    room = about.get("device_bytes") if options.device == "cuda" else None
    warmers = [
        Warmer(
            case,
            [python, TORCH, "compile", os.path.join(folder, case.name), *shape_of(case, options, case.share("compile"))],
            variables,
            cache_of(case),
            os.path.join(folder, case.name),
            log_of(case, "compile-ahead"),
        )
        for case in wanted
        # By layer it is compiled in seconds; one that has no room is no contender.
        if not case.by_layer and (room is None or least_bytes(case) < 0.97 * room)
    ]
    return Warming(warmers, room, max(1, min(5, os.cpu_count() // 3)))


def end_warming(warming, deadline, tell):
    if not warming:
        return None
    result = warming.finish(deadline)
    missing = ", ".join(f"{name} ({why})" for name, why in result["not"].items())
    tell(
        f"compiled ahead for torch.compile in {result['seconds']:.0f} s: {', '.join(result['ready']) or 'nothing'}"
        f"{'; not ' + missing if missing else ''}"
    )
    return result


def cache_of(case):
    return Cache(os.path.join(HERE, "compiled", case.name.replace("/", "-")))


def log_of(case, name):
    return os.path.join(HERE, "log", f"{case.name.replace('/', '-')}-{name}.txt")


def machine(python, options):
    about = json.loads(run([python, TORCH, "about"], check=True).stdout)
    commit = os.path.join(HERE, "commit")
    return {
        "command": " ".join(["./run", *sys.argv[1:]]),
        "commit": open(commit).read().strip() if os.path.exists(commit) else None,
        "date": time.strftime("%Y-%m-%d"),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform(), **about},
        "device": options.device,
    }


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())


def check(options, variables, tell):
    done = run([EVO, "check", "--device", options.device], 240, env=variables)
    lines = [line.strip() for line in done.stdout.splitlines()]
    wrong = [line for line in lines if not line.startswith("ok ")]
    for line in wrong:
        tell(line)
    if done.returncode != 0 and not wrong:
        tell(done.stderr.strip())
    tell(f"operators beside their plain form in float64: {len(lines) - len(wrong)} within their bounds, {len(wrong)} not")
    return {"checked": len(lines), "wrong": wrong, "passed": done.returncode == 0}


def predict(case, folder, variables, options):
    """What Evo foretells of each share of recomputed layers that a contender has."""
    foretold = {}
    for share in {case.share("evo"), case.share("eager")}:
        done = run([EVO, "predict", folder, *shape_of(case, options, share)], env=variables)
        if done.returncode != 0:
            sys.exit(done.stderr)
        foretold[share] = json.loads(done.stdout)
    return foretold


def contenders_of(case, foretold, folder, python, about, variables, options):
    """Each with the bytes that it is thought to need; PyTorch keeps activations and logits in more copies than Evo."""
    evo, other = foretold[case.share("evo")], foretold[case.share("eager")]
    theirs = 18 * other["parameters"] + 2 * other["kinds"]["activations"] + logit_bytes(case)
    kinds = ["eager", "compile"] + (["transformers"] if about.get("transformers") else [])
    all_of_them = [("evo", [EVO, "step", folder], [], evo["bytes"], evo["bytes"])]
    parts = ["--by-layer"] if case.by_layer else []
    all_of_them += [(kind, [python, TORCH, "step", folder], ["--kind", kind, *parts], theirs, least_bytes(case)) for kind in kinds]
    return [
        Contender(
            name,
            [*command, *shape_of(case, options, case.share(name)), *more],
            {**variables, **cache_of(case).variables()},
            needs,
            least,
            log_of(case, name),
        )
        for name, command, more, needs, least in all_of_them
        if not options.only or name in options.only
    ]


def turns(group, tokens, options, deadline):
    """Runs what takes turns on steps of `tokens`; fills each one's figures. A contender that fails drops out with its reason, and so does
    one that is not ready while the others still have time for their turns."""
    alive = list(group)

    def each(act):
        for contender in list(alive):
            try:
                act(contender)
            except Failed as failure:
                contender.problem = str(failure)
                contender.end()
                alive.remove(contender)

    def get_ready(contender):
        fastest = min((c.step_seconds for c in alive if c.step_seconds), default=0)
        others = len(alive) - 1
        contender.warm(contender.answer(deadline - (seconds_of_turns(fastest, others, options.turn_seconds, options.repeats) if others else 0)))

    each(lambda c: c.begin())
    each(lambda c: c.ask(3))  # the first steps make what later ones find made
    each(get_ready)
    each(lambda c: c.ask(2))
    each(lambda c: c.warm(c.answer(deadline)))
    if alive:
        slowest = max(c.step_seconds for c in alive)
        steps = max(1, min(20, int(options.turn_seconds / slowest)))
        for _ in range(options.repeats):
            each(lambda c: c.turn(steps, tokens, deadline))
    for contender in alive:
        if contender.name == "evo" and options.device == "cuda":
            contender.issue_seconds = (contender.tell("issue", deadline) or {}).get("issue_seconds")
        if contender.name == "evo" and options.profile:
            contender.profile = contender.tell("profile", deadline)
        contender.end()


class Prepared:
    """A case with what is known of it, and its contenders, which may stand by while the case before is measured."""

    def __init__(self, case, folder, python, about, variables, options):
        self.case, self.options = case, options
        self.room = about.get("device_bytes") if options.device == "cuda" else None
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(case.config, file)
        self.foretold = predict(case, folder, variables, options)
        self.entries = contenders_of(case, self.foretold, folder, python, about, variables, options)
        # After Evo's group those that are sooner ready: what compiles has all of the time that is left.
        self.together = sorted(
            groups(self.entries, self.room), key=lambda group: [any(c.name == name for c in group) for name in ("compile", "evo")] == [True, False]
        )

    def stand_by(self):
        for contender in (contender for group in self.together for contender in group):
            contender.stand_by()

    def measure(self, deadline):
        for place, group in enumerate(self.together):
            now, waiting = time.monotonic(), sum(map(len, self.together[place:]))
            if now > deadline:
                for contender in group:
                    contender.problem = "no time left"
                    contender.end()
                continue
            turns(group, self.case.rows * self.case.sequence, self.options, now + (deadline - now) * len(group) / waiting)
        return result_of(self.case, self.foretold, self.entries)


def result_of(case, foretold, entries):
    tokens, evo = case.rows * case.sequence, next((c for c in entries if c.name == "evo"), None)
    rows = []
    for c in entries:
        share, predicted = case.share(c.name), foretold[case.share(c.name)]
        row = {"name": c.name, "version": c.version, "problem": c.problem, "recompute": share}
        if c.rates:
            rate = statistics.median(c.rates)
            row.update(
                tokens_per_s=round(rate, 1),
                tflops=float(f"{rate / tokens * predicted['megatron_flops'] / 1e12:.6g}"),
                model_tflops=float(f"{rate / tokens * predicted['model_flops'] / 1e12:.6g}"),
                peak_gib=round(c.peak / 2**30, 3),
                ready_s=round(c.ready_seconds, 1),
                lowest=round(min(c.rates), 1),
                highest=round(max(c.rates), 1),
                losses=[round(loss, 5) for loss in c.losses[:3]],
            )
            if c is not evo and evo and evo.rates:
                pairs = zip(evo.rates, c.rates) if len(evo.rates) == len(c.rates) else [(statistics.median(evo.rates), rate)]
                row.update(evo_is=round(statistics.median(a / b for a, b in pairs), 3), beside_evo=c.group == evo.group)
            if c.issue_seconds is not None:
                row.update(issue_ms=round(1e3 * c.issue_seconds, 2), issue_share=round(c.issue_seconds * rate / tokens, 4))
            if c.profile:
                row.update(profile=c.profile)
        rows.append(row)
    known = [row for row in rows if "losses" in row]
    bound = 5e-3 if case.dtype == "bfloat16" else 1e-4
    apart = max((abs(a - b) / abs(b) for row in known for a, b in zip(row["losses"], known[0]["losses"])), default=0)
    return {
        "case": case.name,
        "rows": case.rows,
        "dtype": case.dtype,
        "layers": layers(case.config),
        "parameters": foretold[case.share("evo")]["parameters"],
        "predicted_gib": round(foretold[case.share("evo")]["bytes"] / 2**30, 3),
        "losses_apart": apart,
        "losses_agree": apart <= bound,
        "contenders": rows,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--only", action="append", choices=["evo", "eager", "compile", "transformers"])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--minutes", type=float, default=10, help="time for all of it, building among it")
    parser.add_argument("--repeats", type=int, default=3, help="turns that count")
    parser.add_argument("--turn-seconds", type=float, default=0.8)
    parser.add_argument("--warm-seconds", type=float, default=150, help="from the beginning, for what is compiled ahead; 0: nothing is")
    parser.add_argument("--built", action="store_true", help="takes the library that lies here, built before")
    parser.add_argument("--profile", action="store_true", help="what a step of Evo spends its time on, by kind and operator")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the contenders end with it

    begun = time.monotonic()
    end = begun + 60 * options.minutes
    tell = (lambda text: print(text, file=sys.stderr, flush=True)) if options.json else (lambda text: print(text, flush=True))
    python = find_python()
    variables = environment(python)
    head = machine(python, options)
    about = head["machine"]
    tell(f"{about.get('device') or about['processor']}, PyTorch {about['torch']}, CUDA {about['cuda']}, commit {head['commit']}")
    wanted = [case for case in CASES if (case.name in options.case if options.case else not case.small)]
    with tempfile.TemporaryDirectory(prefix="evo-gpu-") as folder:
        warming = begin_warming(wanted, python, about, variables, options, folder)
        if not options.built:
            head["build"] = build(variables, about.get("capability") if options.device == "cuda" else None, 60 * options.minutes, tell)
        head["operators"] = check(options, variables, tell)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            prepared = list(pool.map(lambda case: Prepared(case, os.path.join(folder, "cases", case.name), python, about, variables, options), wanted))
        head["compiled_ahead"] = end_warming(warming, min(end, begun + options.warm_seconds), tell)
        if options.json:
            print(json.dumps(head), flush=True)
        right = head["operators"]["passed"]
        prepared[0].stand_by()
        for place, now in enumerate(prepared):
            if time.monotonic() > end - 15:
                tell(f"no time left for {', '.join(p.case.name for p in prepared[place:])}")
                break
            if place + 1 < len(prepared):
                prepared[place + 1].stand_by()
            result = now.measure(min(end, time.monotonic() + now.case.limit))
            right = right and result["losses_agree"]
            print(json.dumps(result), flush=True) if options.json else show(result)
    tell(f"{time.monotonic() - begun:.0f} s")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
