// Counter-based random numbers as tensor operators: the same on every device. TorchSharp calls and nothing else, as in Ops.Plain.cs.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Random words of 32 bits, in int64 from 0 to 2³² − 1. A word is a function of a key and of indices, one after the other:
/// w(n) = mix(mix(n ⊕ low) ⊕ high) with the key's halves, and w(n, i) = mix(w(n) ⊕ (i · 0x61c88647 mod 2³²)), likewise for more.
/// </summary>
/// <remarks>
/// mix is a bijection of 32 bits in which every input bit moves about half of the output bits (the two-round function with
/// 0x21f0aaad and 0x735a2d97 of Wellons' hash prospector, https://github.com/skeeto/hash-prospector). Its factors, and the one of
/// an index, are below 2³¹, so that no product of int64 overflows. Indices count modulo 2³².
/// </remarks>
public static class RandomWords
{
    private const long LowHalf = 0xFFFFFFFF;

    /// <summary>The word of each index, int64 of any shape.</summary>
    public static Tensor Of(RandomKey key, Tensor indices)
    {
        using var scope = NewDisposeScope();
        var (low, high) = Halves(key);
        return Of(tensor(low), tensor(high), indices).MoveToOuterDisposeScope();
    }

    /// <summary>As the other, of a key that lies where the indices do: its <see cref="Halves"/>, int64 [2].</summary>
    public static Tensor Of(Tensor key, Tensor indices)
    {
        using var scope = NewDisposeScope();
        return Of(key[0], key[1], indices).MoveToOuterDisposeScope();
    }

    /// <summary>A key as two numbers below 2³².</summary>
    public static (long Low, long High) Halves(RandomKey key) => ((long)(key.Value & LowHalf), (long)(key.Value >> 32));

    /// <summary>The words one index further: of each word and what <see cref="Spread"/> gives for the index, shapes being broadcast.</summary>
    public static Tensor At(Tensor words, Tensor spread)
    {
        using var scope = NewDisposeScope();
        return Mix(words.bitwise_xor(spread)).MoveToOuterDisposeScope();
    }

    /// <summary>Indices as they meet words: neighbours far apart, so that words which are neighbours do not exchange their numbers.</summary>
    public static Tensor Spread(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return Low(Low(indices) * 0x61c88647L).MoveToOuterDisposeScope();
    }

    /// <summary>Numbers of float64 above 0 and below 1: (word + ½) / 2³².</summary>
    public static Tensor Uniform(Tensor words)
    {
        using var scope = NewDisposeScope();
        return ((words.to_type(ScalarType.Float64) + 0.5) * (1.0 / 4294967296.0)).MoveToOuterDisposeScope();
    }

    private static Tensor Of(Tensor low, Tensor high, Tensor indices) => Mix(Mix(Low(indices).bitwise_xor(low)).bitwise_xor(high));

    private static Tensor Mix(Tensor words)
    {
        words = Low(Folded(words, 16) * 0x21f0aaadL);
        words = Low(Folded(words, 15) * 0x735a2d97L);
        return Folded(words, 15);
    }

    private static Tensor Folded(Tensor words, long by) => words.bitwise_xor(words.bitwise_right_shift(tensor(by)));

    private static Tensor Low(Tensor numbers) => numbers.bitwise_and(tensor(LowHalf));
}
