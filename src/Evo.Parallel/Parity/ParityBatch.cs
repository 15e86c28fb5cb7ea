using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The tokens of one compared step.</summary>
/// <param name="Ids">[rows, length].</param>
/// <param name="Labels">[rows, length], −100 where nothing is asked.</param>
/// <param name="Borders">Where the sequences packed into the one row begin and end, 0 … length; null for rows of one sequence each.</param>
public sealed record ParityBatch(long[,] Ids, long[,] Labels, int[]? Borders = null)
{
    /// <summary>Rows.</summary>
    public int Rows => Ids.GetLength(0);

    /// <summary>Tokens of a row.</summary>
    public int Length => Ids.GetLength(1);

    /// <summary>Tokens of the step before these.</summary>
    public long FirstToken { get; init; }

    /// <summary>Random tokens, every seventh or so without a label.</summary>
    public static ParityBatch Random(int seed, int vocabulary, int rows, int length, int[]? borders = null)
    {
        var random = new Random(seed);
        var (ids, labels) = (new long[rows, length], new long[rows, length]);
        for (var b = 0; b < rows; b++)
        {
            for (var t = 0; t < length; t++)
            {
                ids[b, t] = random.Next(vocabulary);
                labels[b, t] = random.Next(7) == 0 ? Ops.IgnoredLabel : random.Next(vocabulary);
            }
        }

        labels[0, 0] = random.Next(vocabulary);
        return new(ids, labels, borders);
    }

    /// <summary>Labels that count.</summary>
    public long Targets
    {
        get
        {
            long count = 0;
            foreach (var label in Labels)
            {
                count += label == Ops.IgnoredLabel ? 0 : 1;
            }

            return count;
        }
    }

    /// <summary>Some of the rows as tensors, and the places of their tokens.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="step">What random choices are keyed by.</param>
    public (Tensor Ids, Tensor Labels, Positions At) Tensors(int first, int count, RandomKey step, Device? device = null)
    {
        var (ids, labels) = (tensor(Ids, device: device).narrow(0, first, count), tensor(Labels, device: device).narrow(0, first, count));
        return (ids, labels, Places(count, new(step, FirstToken + ((long)first * Length)), device));
    }

    private Positions Places(int rows, PassRandom random, Device? device)
    {
        if (Borders is null)
        {
            return Positions.Sequential(rows, Length, device, random);
        }

        var restarting = new long[Length];
        for (var s = 0; s + 1 < Borders.Length; s++)
        {
            for (var t = Borders[s]; t < Borders[s + 1]; t++)
            {
                restarting[t] = t - Borders[s];
            }
        }

        return Positions.Packed(tensor(Borders), tensor(restarting, device: device), random);
    }
}
