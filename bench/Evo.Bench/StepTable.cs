using Evo.Core;
using Evo.Parallel;

namespace Evo.Bench;

/// <summary>What one step spends its time on, as numbers for bench/gpu: the profile of <c>evo train --profile</c> of one rank.</summary>
internal static class StepTable
{
    // Operators that are told, those that took longest.
    private const int Most = 30;

    /// <summary>Records one step.</summary>
    /// <param name="options">Where it is computed, and in what.</param>
    /// <param name="step">Makes a step.</param>
    public static object Of(GpuOptions options, Action step)
    {
        using var recorder = new StepRecorder(options.Device, options.Dtype);
        step();
        var profile = recorder.Stop(1);
        return new
        {
            seconds = profile.Seconds,
            ceiling_flops = profile.Ceilings.Operations,
            ceiling_bytes = profile.Ceilings.Bytes,
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
