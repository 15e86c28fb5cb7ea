using System.Diagnostics;
using Evo.Core;
using Evo.Parallel;
using Evo.Torch;

namespace Evo.Bench;

/// <summary>What one step spends its time on, as numbers for bench/gpu: the profile of <c>evo train --profile</c> of one rank.</summary>
internal static class StepTable
{
    // Operators that are told, those that took longest.
    private const int Most = 30;

    /// <summary>Records one step. On a GPU each of its operators is waited for, so it takes longer than others.</summary>
    /// <param name="options">Where it is computed, and in what.</param>
    /// <param name="step">Makes a step and tells its seconds.</param>
    public static object Of(GpuOptions options, Func<double> step)
    {
        using var operators = new OperatorProfile(options.Device);
        var began = Stopwatch.GetTimestamp();
        var seconds = step();
        var calls = operators.Stop().Where(call => call.Begin >= began);
        var found = MachineCeilings.Measure(options.Device, options.Dtype);
        double At(long time) => Stopwatch.GetElapsedTime(began, time).TotalSeconds;
        var profile = new StepProfile(
            1, seconds, [.. calls.Select(call => new ProfiledCall(call.Name, call.Thread, At(call.Begin), At(call.End), call.Operations, call.Bytes, false))],
            0, new(found.Operations, found.Bytes));
        return new
        {
            seconds,
            ceiling_flops = found.Operations,
            ceiling_bytes = found.Bytes,
            kinds = profile.Kinds.Select(Row),
            operators = profile.Operators.Take(Most).Select(Row),
        };

        object Row(ProfileRow row) => new
        {
            name = row.Name,
            kind = row.Kind.ToString(),
            calls = row.Calls,
            seconds = row.Seconds,
            operations = row.Operations,
            bytes = row.Bytes,
            gap = row.Gap(profile.Ceilings),
        };
    }
}
