using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// Cosines and sines of rotary positions, computed in float64 and rounded once. Rows are kept for the longest sequence seen;
/// two tables of the same numbers are equal.
/// </summary>
/// <param name="headSize">Width of a head.</param>
/// <param name="theta">Base of the frequencies.</param>
/// <param name="scaling">How positions beyond the original length are treated, or null.</param>
/// <param name="maxPositions">The original length.</param>
public sealed class RotaryTable(int headSize, double theta, RopeScaling? scaling, int maxPositions) : IEquatable<RotaryTable>
{
    private (int headSize, double theta, RopeScaling? scaling, int maxPositions) Key => (headSize, theta, scaling, maxPositions);

    /// <summary>The longest pass up to which a position's angles are the same in every pass.</summary>
    public long StableUpTo => scaling is RopeScaling.Dynamic ? maxPositions : long.MaxValue;

    private readonly Dictionary<ScalarType, (Tensor cos, Tensor sin)> grown = [];

    // Tables that were outgrown, and that a recorded pass still reads.
    private readonly List<(Tensor cos, Tensor sin)> held = [];
    private readonly HashSet<ScalarType> recorded = [];

    /// <summary>
    /// Angle per position of each pair, radians, for a pass whose largest position is <paramref name="end"/> − 1.
    /// </summary>
    public double[] InverseFrequencies(long end) =>
        RopeScaling.InverseFrequencies(scaling, headSize, theta, maxPositions, end);

    /// <summary>Rows of the given positions, [1 or B, T, D]: fresh tensors that the caller frees.</summary>
    internal (Tensor cos, Tensor sin) Rows(Positions at, ScalarType dtype, int start)
    {
        // Dynamic scaling turns every position by the length of this very pass: such rows are of no use to another.
        if (scaling is RopeScaling.Dynamic && at.End > maxPositions)
        {
            var (cos, sin) = Table(at.End, at.End, dtype, at.Ids.device);
            using (cos) using (sin)
                return (Gather(cos, at, start), Gather(sin, at, start));
        }
        lock (grown)
        {
            if (!grown.TryGetValue(dtype, out var table) || table.cos.shape[0] < at.End || table.cos.device.type != at.Ids.device.type)
            {
                // Twice as long as asked for, so that decoding token by token does not rebuild it each time.
                table = Table(Math.Max(2 * at.End, 64), 0, dtype, at.Ids.device);
                table.cos.DetachFromDisposeScope();
                table.sin.DetachFromDisposeScope();
                if (grown.Remove(dtype, out var shorter))
                {
                    if (recorded.Remove(dtype))
                    {
                        held.Add(shorter);
                    }
                    else
                    {
                        shorter.cos.Dispose();
                        shorter.sin.Dispose();
                    }
                }
                grown[dtype] = table;
            }
            if (at.Recorded)
                recorded.Add(dtype);
            return (Gather(table.cos, at, start), Gather(table.sin, at, start));
        }
    }

    private static Tensor Gather(Tensor table, Positions at, int start)
    {
        if (start >= 0)
        {
            using var rows = table.narrow(0, start, at.Length);
            return rows.unsqueeze(0);
        }
        using var flat = at.Ids.flatten();
        using var picked = table.index_select(0, flat);
        return picked.view([.. at.Ids.shape, table.shape[1]]);
    }

    private (Tensor cos, Tensor sin) Table(long length, long end, ScalarType dtype, Device device)
    {
        var inverse = InverseFrequencies(end);
        var (cos, sin) = (new double[length * headSize], new double[length * headSize]);
        for (long t = 0; t < length; t++)
            for (int i = 0; i < headSize; i++)
            {
                var angle = t * inverse[i % inverse.Length];
                (cos[t * headSize + i], sin[t * headSize + i]) = (Math.Cos(angle), Math.Sin(angle));
            }
        Tensor Make(double[] values)
        {
            using var flat = tensor(values, dtype: float64);
            using var typed = flat.to(dtype, device);
            return typed.view(length, headSize);
        }
        return (Make(cos), Make(sin));
    }

    /// <inheritdoc/>
    public bool Equals(RotaryTable? other) => other is not null && Key == other.Key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RotaryTable);

    /// <inheritdoc/>
    public override int GetHashCode() => Key.GetHashCode();
}
