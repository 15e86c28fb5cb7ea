namespace Evo.Parallel;

/// <summary>Where one parameter stands in every flat buffer.</summary>
/// <param name="Name">The parameter's logical name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Offset">First element in the buffers.</param>
/// <param name="Length">Number of elements.</param>
/// <param name="Decays">Whether weight decay applies to it.</param>
public sealed record FlatSlot(string Name, IReadOnlyList<long> Shape, long Offset, long Length, bool Decays);

/// <summary>
/// The places of all parameters in the flat buffers of the optimizer. Parameters that decay stand first, so that each decay
/// class is one range and one call; inside a class the order is the data flow's. Each parameter starts at a multiple of 16
/// elements (64 bytes of float32); the gaps hold zeros, which no update changes.
/// </summary>
public sealed class FlatLayout
{
    private const long Alignment = 16;

    /// <param name="parameters">Name, shape and decay class of every parameter in data flow order; names are distinct.</param>
    public FlatLayout(IEnumerable<(string Name, IReadOnlyList<long> Shape, bool Decays)> parameters)
    {
        var all = parameters.ToArray();
        if (all.GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"parameter {twice.Key} is given twice; tied weights are one parameter", nameof(parameters));
        }

        var slots = new FlatSlot[all.Length];
        long end = 0;
        foreach (var decays in (bool[])[true, false])
        {
            for (var i = 0; i < all.Length; i++)
            {
                if (all[i].Decays == decays)
                {
                    var length = all[i].Shape.Aggregate(1L, (product, size) => product * size);
                    slots[i] = new(all[i].Name, all[i].Shape, end, length, decays);
                    end += (length + Alignment - 1) / Alignment * Alignment;
                }
            }

            if (decays)
            {
                DecayLength = end;
            }
        }

        Slots = slots;
        Length = end;
    }

    /// <summary>One slot per parameter, in data flow order.</summary>
    public IReadOnlyList<FlatSlot> Slots { get; }

    /// <summary>Elements [0, DecayLength) decay, the others do not.</summary>
    public long DecayLength { get; }

    /// <summary>Elements of each buffer, gaps included.</summary>
    public long Length { get; }
}
