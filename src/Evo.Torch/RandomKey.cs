// Random numbers that are functions of what they are for: nobody draws, so nothing depends on who drew before.
using Evo.Core;

namespace Evo.Torch;

/// <summary>
/// What random numbers are for, as 64 bits: a run's seed and a purpose, then one place after the other in what the run does (a
/// step, a layer, a choice of the layer). Its numbers are <see cref="RandomWords.Of"/>.
/// </summary>
/// <param name="Value">The bits.</param>
public readonly record struct RandomKey(ulong Value)
{
    /// <summary>The key of one purpose of a run.</summary>
    public static RandomKey Of(ulong seed, string purpose) => new(Seeds.Of(seed, purpose));

    /// <summary>The key of a place below: SplitMix64's step of that number, and its finaliser. Places of one key have keys that differ.</summary>
    public RandomKey At(long place) => new(Seeds.Mix(Value + (((ulong)place + 1) * 0x9E3779B97F4A7C15UL)));
}
