using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>What bench/gpu asks of one case, as <c>--name value</c>.</summary>
/// <param name="Batch">Rows of a step.</param>
/// <param name="Sequence">Tokens of a row.</param>
/// <param name="Device">Where: cpu or cuda.</param>
/// <param name="Dtype">Of weights and activations: bfloat16 or float32.</param>
/// <param name="Recompute">Share of the layers that are computed again in the backward pass.</param>
internal sealed record GpuOptions(int Batch, int Sequence, Device Device, ScalarType Dtype, double Recompute)
{
    public static GpuOptions Parse(string[] words)
    {
        var said = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["--batch"] = "1",
            ["--sequence"] = "1024",
            ["--device"] = "cuda",
            ["--dtype"] = "bfloat16",
            ["--recompute"] = "0",
        };
        for (var i = 0; i < words.Length; i += 2)
        {
            if (!said.ContainsKey(words[i]) || i + 1 == words.Length)
                throw new ArgumentException($"{words[i]}: use {string.Join(", ", said.Keys)}, each with a value");
            said[words[i]] = words[i + 1];
        }

        return new(
            int.Parse(said["--batch"], CultureInfo.InvariantCulture),
            int.Parse(said["--sequence"], CultureInfo.InvariantCulture),
            said["--device"] switch
            {
                "cpu" => CPU,
                "cuda" => CUDA,
                var other => throw new ArgumentException($"--device {other}: cpu or cuda"),
            },
            said["--dtype"] switch
            {
                "bfloat16" => ScalarType.BFloat16,
                "float32" => ScalarType.Float32,
                var other => throw new ArgumentException($"--dtype {other}: bfloat16 or float32"),
            },
            double.Parse(said["--recompute"], CultureInfo.InvariantCulture));
    }
}
