using static TorchSharp.torch;

namespace Evo.Parallel.Verification;

/// <summary>What to verify and against which figures.</summary>
public sealed record VerifyOptions
{
    /// <summary>A Hugging Face folder: config.json and weights.</summary>
    public required string Folder { get; init; }

    /// <summary>Figures of unpacked rows: labels not shifted, hidden states, gradients.</summary>
    public required string GoldenFile { get; init; }

    /// <summary>Figures of one packed row, or null.</summary>
    public string? PackedFile { get; init; }

    /// <summary>float32, or float64.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>Where it is computed.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>Whether the right-hand column decides rather than the left-hand one.</summary>
    public bool Strict { get; init; }

    /// <summary>Share of layers computed again in the backward pass, to verify that way too.</summary>
    public double RecomputeFraction { get; init; }
}
