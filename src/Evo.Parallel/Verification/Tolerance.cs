namespace Evo.Parallel.Verification;

/// <summary>
/// How far a quantity may be off: the left column is what is accepted in float32, the right one what a sound float32 path
/// reaches on a processor. Gradients are measured against the largest entry of their tensor.
/// </summary>
/// <param name="Kind">Which quantities these are, in a word.</param>
/// <param name="Accept">Left column.</param>
/// <param name="Strict">Right column.</param>
/// <param name="RelativeToLargest">Whether the bounds are shares of the tensor's largest entry.</param>
public sealed record Tolerance(string Kind, double Accept, double Strict, bool RelativeToLargest)
{
    /// <summary>Added to a relative bound, so that a tensor of zeros can be met.</summary>
    public const double Floor = 1e-7;

    // Gemma multiplies its embeddings by the root of the hidden size: its hidden states are larger, and so is their rounding.
    private static double HiddenStrict(string architecture) => architecture == "GemmaForCausalLM" ? 2e-5 : 5e-6;

    /// <summary>
    /// The bounds of a quantity of an architecture by its name in a figures file, or null for a name that has no meaning there.
    /// </summary>
    public static Tolerance? Of(string name, string architecture) => name switch
    {
        "logits" => new("logits", 1e-4, 5e-6, false),
        "loss" or "aux_loss" or "loss_total" => new("loss", 1e-5, 1e-6, false),
        _ when name.StartsWith("hidden.", StringComparison.Ordinal) => new("hidden states", 1e-4, HiddenStrict(architecture), false),
        _ when name.StartsWith("router_logits.", StringComparison.Ordinal) => new("router logits", 1e-4, 5e-6, false),
        _ when name.StartsWith("grad.", StringComparison.Ordinal) || name.StartsWith("aux_grad.", StringComparison.Ordinal) => new("gradients", 1e-3, 1e-5, true),
        _ => null,
    };

    /// <summary>The largest error that the left column accepts for a tensor whose largest entry is <paramref name="largest"/>.</summary>
    public double AcceptUpTo(double largest) => RelativeToLargest ? Accept * largest + Floor : Accept;

    /// <summary>The same for the right column.</summary>
    public double StrictUpTo(double largest) => RelativeToLargest ? Strict * largest + Floor : Strict;
}
