"""A case of bench/gpu as a table of text."""

import sys


def show(result):
    print(
        f"{result['case']}: {result['parameters'] / 1e6:.0f} M parameters, {result['rows']} rows a step, {result['dtype']}"
        f"; Evo's prediction {result['predicted_gib']:.1f} GiB"
        f"{'' if result['losses_agree'] else '; LOSSES DIFFER by ' + format(result['losses_apart'], '.1e')}"
    )
    print(f"  {'':13} {'version':>14} {'tokens/s':>10} {'TFLOP/s':>8} {'(model)':>8} {'peak GiB':>9} {'recomputed':>10} {'Evo is':>8}")
    for row in result["contenders"]:
        if row["problem"] or "tokens_per_s" not in row:
            print(f"  {row['name']:13} {row['version'] or '':>14} {row['problem']}")
            continue
        ratio = f"{row['evo_is']:7.2f}x{'' if row['beside_evo'] else ' (after it)'}" if "evo_is" in row else ""
        recomputed = f"{round(row['recompute'] * result['layers'])} of {result['layers']}"
        host = f"   host {row['issue_ms']:.1f} ms, {100 * row['issue_share']:.0f} % of a step" if "issue_ms" in row else ""
        print(
            f"  {row['name']:13} {row['version']:>14} {row['tokens_per_s']:10.0f} {row['tflops']:8.1f} {row['model_tflops']:8.1f} "
            f"{row['peak_gib']:9.2f} {recomputed:>10} {ratio:>8}{host}".rstrip()
        )
    for row in result["contenders"]:
        if "profile" in row:
            show_profile(row["profile"])
    sys.stdout.flush()


def show_profile(profile):
    print(
        f"  one step of Evo, each operator waited for: {1e3 * profile['seconds']:.1f} ms; ceilings {profile['ceiling_flops'] / 1e12:.3g} TFLOP/s"
        f" (a large product) and {profile['ceiling_bytes'] / 1e9:.3g} GB/s (a large copy)"
    )
    for rows in (profile["kinds"], profile["operators"][:20]):
        print(f"    {'':44} {'calls':>6} {'ms':>9} {'of it':>7} {'speed':>13} {'beyond the ceiling':>19}")
        for row in rows:
            speed = ""
            if row["operations"]:
                speed = f"{row['operations'] / row['seconds'] / 1e12:.3g} TFLOP/s"
            elif row["bytes"]:
                speed = f"{row['bytes'] / row['seconds'] / 1e9:.3g} GB/s"
            gap = "" if row["gap"] is None else f"{1e3 * row['gap']:.2f} ms"
            share = f"{100 * row['seconds'] / profile['seconds']:.1f} %"
            print(f"    {row['name'][:44]:44} {row['calls']:6} {1e3 * row['seconds']:9.2f} {share:>7} {speed:>13} {gap:>19}".rstrip())
