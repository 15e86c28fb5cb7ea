using System.Numerics;

namespace Evo.Data;

/// <summary>
/// Which neighbouring symbols merge into which, and in what order: a pair of symbols has a rank (the lowest merges
/// first) and the symbol that it becomes. Open addressing in one array, since it is asked for every pair of a text.
/// </summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge.</summary>
    public const int Never = int.MaxValue;

    private const ulong Empty = ulong.MaxValue;
    private readonly Slot[] slots;
    private readonly int shift;

    private struct Slot
    {
        public ulong Pair;
        public int Rank, Merged;
    }

    /// <summary>Makes the table of these merges; of two for one pair the later one holds.</summary>
    public MergeTable(IReadOnlyCollection<(int Left, int Right, int Rank, int Merged)> merges)
    {
        var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, merges.Count * 2));
        shift = 64 - BitOperations.Log2(size);
        slots = new Slot[size];
        Array.Fill(slots, new Slot { Pair = Empty, Rank = Never, Merged = -1 });
        foreach (var (left, right, rank, merged) in merges) slots[Place(Pair(left, right))] = new() { Pair = Pair(left, right), Rank = rank, Merged = merged };
    }

    /// <summary>The rank of a pair and what it becomes; <see cref="Never"/> where it does not merge.</summary>
    public int Find(int left, int right, out int merged)
    {
        ref var slot = ref slots[Place(Pair(left, right))];
        merged = slot.Merged;
        return slot.Rank;
    }

    private int Place(ulong pair)
    {
        // Fibonacci hashing: the high bits of the product depend on all bits of the pair.
        for (var at = (int)((pair * 0x9E3779B97F4A7C15) >> shift); ; at = (at + 1) & (slots.Length - 1))
            if (slots[at].Pair == pair || slots[at].Pair == Empty) return at;
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}
