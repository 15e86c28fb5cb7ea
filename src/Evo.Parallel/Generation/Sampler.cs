namespace Evo.Parallel;

/// <summary>
/// Chooses a token from a row of logits: the pure half of generation. Softmax runs in double precision; equal logits are
/// ordered by token id, so that the choice is a function of (logits, options, index) on every machine.
/// </summary>
public sealed class Sampler
{
    private readonly SamplingOptions options;
    private int[] ids = [];
    private double[] weights = [];

    /// <param name="options">How to choose.</param>
    /// <exception cref="ArgumentException">The options contradict themselves; every problem is named.</exception>
    public Sampler(SamplingOptions options)
    {
        if (options.Problems() is { Count: > 0 } problems)
        {
            throw new ArgumentException(string.Join("; ", problems), nameof(options));
        }

        this.options = options;
    }

    /// <summary>The token chosen from <paramref name="logits"/> (one per vocabulary entry) as the new token number <paramref name="index"/>.</summary>
    /// <exception cref="GenerationException">A logit is not a number, or all of them are minus infinity.</exception>
    public int Choose(ReadOnlySpan<float> logits, long index)
    {
        var best = Best(logits);
        if (options.Temperature == 0 || options.TopK == 1)
        {
            return best;
        }

        Rank(logits, logits[best]);
        var count = options.TopK > 0 ? Math.Min(options.TopK, ids.Length) : ids.Length;
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            total += weights[i];
        }

        if (options.TopP < 1)
        {
            var reach = options.TopP * total;
            var sum = 0.0;
            var kept = 0;
            while (kept < count && sum < reach)
            {
                sum += weights[kept++];
            }

            count = Math.Max(1, kept);
            total = sum;
        }

        var left = Uniform(options.Seed, index) * total;
        for (var i = 0; i < count - 1; i++)
        {
            left -= weights[i];
            if (left < 0)
            {
                return ids[i];
            }
        }

        return ids[count - 1];
    }

    /// <summary>A uniform number in [0, 1) that depends on (<paramref name="seed"/>, <paramref name="index"/>) alone: a SplitMix64 output with 53 bits.</summary>
    public static double Uniform(ulong seed, long index)
    {
        var z = seed + ((ulong)index + 1) * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        var best = -1;
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]))
            {
                throw new GenerationException($"the logit of token {i} is not a number: the model's weights are damaged or its activations overflow");
            }

            if (!float.IsNegativeInfinity(logits[i]) && (best < 0 || logits[i] > logits[best]))
            {
                best = i;
            }
        }

        return best >= 0
            ? best
            : throw new GenerationException("no token is possible: every logit is minus infinity");
    }

    // Fills ids in falling order of probability and weights with exp((logit - largest) / temperature).
    private void Rank(ReadOnlySpan<float> logits, float largest)
    {
        if (ids.Length != logits.Length)
        {
            ids = new int[logits.Length];
            weights = new double[logits.Length];
        }

        // Sorted by (minus logit, id): keys must be total, so that ties fall on the lower id.
        var keys = new (float Minus, int Id)[logits.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = (-logits[i], i);
        }

        Array.Sort(keys);
        for (var i = 0; i < keys.Length; i++)
        {
            ids[i] = keys[i].Id;
            weights[i] = Math.Exp((-(double)keys[i].Minus - largest) / options.Temperature);
        }
    }
}
