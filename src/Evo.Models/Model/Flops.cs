namespace Evo.Models;

/// <summary>
/// Floating point operations of one training step, a multiply and an add counted as two. "Full" counts attention over the
/// whole T × T square (Megatron's and InternEvo's convention), "causal" only the pairs that a causal mask lets through,
/// T (T + 1) / 2 of them. Norms, activations and softmax are left out, as everywhere.
/// </summary>
/// <param name="Matrices">Forward operations of linear maps and head.</param>
/// <param name="AttentionFull">Forward operations of scores and weighted sums over the square.</param>
/// <param name="AttentionCausal">The same over the pairs that the mask lets through.</param>
public sealed record Flops(double Matrices, double AttentionFull, double AttentionCausal)
{
    /// <summary>Forward, whole square.</summary>
    public double ForwardFull => Matrices + AttentionFull;

    /// <summary>Forward, causal pairs.</summary>
    public double ForwardCausal => Matrices + AttentionCausal;

    /// <summary>Backward costs twice the forward: one product for the input's gradient, one for the weight's.</summary>
    public double BackwardFull => 2 * ForwardFull;

    /// <summary>Backward, causal pairs.</summary>
    public double BackwardCausal => 2 * ForwardCausal;

    /// <summary>Forward and backward, whole square.</summary>
    public double TotalFull => ForwardFull + BackwardFull;

    /// <summary>Forward and backward, causal pairs.</summary>
    public double TotalCausal => ForwardCausal + BackwardCausal;

    /// <summary>Those of two parts.</summary>
    public static Flops operator +(Flops a, Flops b) =>
        new(a.Matrices + b.Matrices, a.AttentionFull + b.AttentionFull, a.AttentionCausal + b.AttentionCausal);
}

/// <summary>Adds up a forward pass; emitted code calls it once per part, in the order of the data flow.</summary>
public sealed class FlopCounter(long batch, long length)
{
    private static readonly Flops None = new(0, 0, 0);
    private readonly List<Flops> layers = [];
    private int? current;
    private Flops outside = None;

    /// <summary>What follows belongs to a layer, or to none.</summary>
    public void Enter(int? layer)
    {
        current = layer;
        while (layers.Count <= layer)
            layers.Add(None);
    }

    /// <summary>A linear map of <paramref name="inputs"/> × <paramref name="outputs"/> applied to every token, <paramref name="times"/> times.</summary>
    public void Linear(long inputs, long outputs, long times = 1) => Add(new(2.0 * batch * length * inputs * outputs * times, 0, 0));

    /// <summary>
    /// Scores and weighted sums of <paramref name="heads"/> query heads, <paramref name="times"/> times; where
    /// <paramref name="window"/> is not 0, a token sees that many at most.
    /// </summary>
    public void Attention(long heads, long headSize, long times = 1, long window = 0)
    {
        var perPair = 4.0 * batch * heads * headSize * times;
        var seen = window == 0 ? length : Math.Min(window, length);
        Add(new(0, perPair * length * length, perPair * (seen * (seen + 1) / 2 + (length - seen) * seen)));
    }

    /// <summary>What was counted.</summary>
    public Flops Total => layers.Aggregate(outside, (sum, layer) => sum + layer);

    /// <summary>What of it each layer does.</summary>
    public IReadOnlyList<Flops> Layers => layers;

    private void Add(Flops more)
    {
        if (current is { } layer)
            layers[layer] += more;
        else
            outside += more;
    }
}
