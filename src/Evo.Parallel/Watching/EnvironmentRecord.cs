using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Evo.Core;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// What a run was started with, for whoever reads its folder later: a line of <c>environment.jsonl</c> for each start of it. Of the
/// process's variables those of launchers and libraries only, never one that may hold a secret.
/// </summary>
internal static class EnvironmentRecord
{
    private static readonly string[] Prefixes =
        ["EVO_", "OMP_", "MKL_", "OPENBLAS_", "CUDA_VISIBLE", "NCCL_", "GLOO_", "SLURM_JOB_ID", "SLURM_N", "SLURM_PROCID", "MASTER_", "RANK", "WORLD_SIZE", "LOCAL_RANK"];

    /// <summary>The line of this start.</summary>
    internal static string Line(Core.Layout layout)
    {
        var degrees = layout.Degrees;
        var own = typeof(EnvironmentRecord).Assembly;
        return JsonSerializer.Serialize(new
        {
            time = DateTimeOffset.UtcNow.ToString("O"),
            host = Environment.MachineName,
            process = Environment.ProcessId,
            command = Environment.GetCommandLineArgs(),
            folder = Environment.CurrentDirectory,
            versions = new
            {
                evo = own.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? own.GetName().Version?.ToString(),
                dotnet = RuntimeInformation.FrameworkDescription,
                libtorch = NativeTorch.Version,
                system = RuntimeInformation.OSDescription,
                architecture = RuntimeInformation.ProcessArchitecture.ToString(),
            },
            processors = Environment.ProcessorCount,
            memory_bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            layout = new
            {
                ranks = degrees.World,
                mode = degrees.Mode.ToString().ToLowerInvariant(),
                data = degrees.Data,
                tensor = degrees.Tensor,
                weight = degrees.Weight,
                pipeline = degrees.Pipeline,
                zero = degrees.Zero,
                fsdp = degrees.Fsdp,
                expert = degrees.Expert,
            },
            variables = Variables(),
        });
    }

    private static SortedDictionary<string, string?> Variables()
    {
        var kept = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (entry.Key is string name && Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
            {
                kept[name] = entry.Value as string;
            }
        }

        return kept;
    }
}
