using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// Where each token of one forward pass stands: its position in its sequence, the boundaries of packed sequences, and the
/// cache it continues. Holds the rotary rows of its positions while it lives, so that all layers share them; dispose it with
/// the pass.
/// </summary>
public sealed class Positions : IDisposable
{
    private readonly Dictionary<(RotaryTable, ScalarType), (Tensor cos, Tensor sin)> rows = [];
    private readonly Dictionary<ProcessGroup, Positions> parts = [];
    private readonly Dictionary<int, Tensor> slopes = [];
    private readonly int start, batch;
    private KeptAttention? kept;
    private Tensor? tokens;

    private Positions(Tensor ids, int batch, int length, long end, int start, Tensor? cuSeqlens, KvCache? cache)
    {
        (Ids, this.batch, Length, End, this.start, CuSeqlens, Cache) = (ids.DetachFromDisposeScope(), batch, length, end, start, cuSeqlens, cache);
    }

    /// <summary>Position of each token in its own sequence, int64 [1, T] (all rows alike) or [B, T].</summary>
    public Tensor Ids { get; }

    /// <summary>Tokens in a row.</summary>
    public int Length { get; }

    /// <summary>One past the largest position: what dynamic rotary scaling looks at.</summary>
    public long End { get; }

    /// <summary>Boundaries 0 … T of the packed sequences, int32 on the processor, or null where a row is one sequence.</summary>
    public Tensor? CuSeqlens { get; }

    /// <summary>The same where the tokens are, if somebody sent them there.</summary>
    public SentBorders? Sent { get; private init; }

    /// <summary>Whether the pass may be replayed after these are gone: the rotary rows that it reads stay then.</summary>
    public bool Recorded => Choices is not null;

    /// <summary>The tokens before these, or null.</summary>
    public KvCache? Cache { get; }

    /// <summary>What random choices of the pass depend on; without it nothing may be random in it.</summary>
    public PassRandom? Random { get; private init; }

    /// <summary>The same where the pass may be replayed, for other rows.</summary>
    internal RecordedChoices? Choices { get; private init; }

    /// <summary>The place of each token in the step's whole batch, int64 [B, T].</summary>
    internal Tensor Tokens => tokens ??=
        FromFirst(arange((long)batch * Length, dtype: int64, device: Ids.device)).view(batch, Length).DetachFromDisposeScope();

    /// <summary>Rows of one sequence each, positions 0 … <paramref name="length"/> − 1.</summary>
    public static Positions Sequential(int batch, int length, Device? device = null, PassRandom? random = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        return new(arange(0, length, int64, device).unsqueeze(0), batch, length, length, 0, null, null) { Random = random };
    }

    /// <summary>
    /// One row of several sequences that do not see each other. <paramref name="cuSeqlens"/>: int32 on the processor, 0 … T;
    /// <paramref name="positionIds"/>: int64 [1, T] or [T], restarting at each boundary. Both stay the caller's. Who knows the largest
    /// of them gives one past it as <paramref name="end"/>; else they are looked at, which waits for their device. Who sent the
    /// boundaries to the tokens' device, too, gives them as <paramref name="sent"/>: they stay the caller's as well. Who records the pass
    /// (<see cref="Recorded"/>) gives what its random choices depend on as <paramref name="recorded"/>.
    /// </summary>
    public static Positions Packed(Tensor cuSeqlens, Tensor positionIds, PassRandom? random = null, long? end = null, SentBorders? sent = null, RecordedChoices? recorded = null)
    {
        var ids = (positionIds.dim() == 1 ? positionIds.unsqueeze(0) : positionIds.alias()).to(int64);
        if (ids.shape[0] != 1)
            throw new ArgumentException($"packed positions are one row [1, T]; found [{string.Join(", ", ids.shape)}]", nameof(positionIds));
        return new(ids, 1, (int)ids.shape[1], end ?? Largest(ids) + 1, -1, cuSeqlens, null) { Random = random, Sent = sent, Choices = recorded };
    }

    private Tensor FromFirst(Tensor tokens) => Choices is { } recorded ? tokens + recorded.First : tokens + (Random?.FirstToken ?? 0);

    private static long Largest(Tensor ids)
    {
        using var largest = ids.max();
        return largest.item<long>();
    }

    /// <summary>The next <paramref name="newTokens"/> tokens of every row of <paramref name="cache"/>.</summary>
    public static Positions Cached(KvCache cache, int newTokens, Device? device = null) =>
        new(arange(cache.Length, cache.Length + newTokens, int64, device).unsqueeze(0), cache.Batch, newTokens, cache.Length + newTokens, cache.Length, null, cache);

    /// <summary>
    /// The places of this rank's tokens, where tokens are spread over a group: what is turned token by token asks these, what
    /// looks across tokens the whole. Belongs to the whole.
    /// </summary>
    public Positions Part(ProcessGroup group)
    {
        if (group.Size == 1)
            return this;
        if (!parts.TryGetValue(group, out var part))
        {
            var (first, length) = Shards.Of(Length, group.Size, group.Rank);
            parts[group] = part = new(Ids.narrow(1, first, length), batch, (int)length, End, start < 0 ? start : start + (int)first, null, null) { Choices = Choices };
        }
        return part;
    }

    /// <summary>Rotary rows of these positions, [1 or B, T, D] in float32, or float64 for float64 activations.</summary>
    public (Tensor cos, Tensor sin) Rotary(RotaryTable table, ScalarType activations)
    {
        var dtype = activations == float64 ? float64 : float32;
        if (!rows.TryGetValue((table, dtype), out var found))
        {
            found = table.Rows(this, dtype, start);
            found.cos.DetachFromDisposeScope();
            found.sin.DetachFromDisposeScope();
            rows[(table, dtype)] = found;
        }
        return found;
    }

    /// <summary>How fast the scores of each of a model's query heads fall with distance, float64 [heads]; a rank takes its heads' part.</summary>
    public Tensor AlibiSlopes(int heads)
    {
        if (!slopes.TryGetValue(heads, out var found))
        {
            found = tensor(Alibi.Slopes(heads), dtype: float64, device: Ids.device).DetachFromDisposeScope();
            slopes[heads] = found;
        }
        return found;
    }

    /// <summary>Causal attention of these tokens over themselves and the cache, [B, T, H, D]; heads share keys in groups.</summary>
    /// <param name="slot">Which of the cache's buffers is this attention's.</param>
    /// <param name="q_BTHD">Queries.</param>
    /// <param name="k_BTKD">Keys of these tokens.</param>
    /// <param name="v_BTKD">Values of these tokens.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <param name="dropout">Which attention weights are dropped; null for none.</param>
    /// <param name="window">Tokens that a query sees at most, its own among them; 0 for all.</param>
    /// <param name="alibiSlopes">[H], how fast each head's scores fall with distance; or none.</param>
    public Tensor Attend(
        int slot, Tensor q_BTHD, Tensor k_BTKD, Tensor v_BTKD, double scale, DropoutMask? dropout, int window = 0, Tensor? alibiSlopes = null)
    {
        if (Cache is null && kept is not null)
            return kept.Attend(q_BTHD, k_BTKD, v_BTKD, scale, CuSeqlens, dropout, window, alibiSlopes, Sent);
        if (Cache is null)
            return Ops.CausalAttention(q_BTHD, k_BTKD, v_BTKD, scale, CuSeqlens, dropout, window, alibiSlopes, Sent);
        var (k_BSKD, v_BSKD) = Cache.Append(slot, k_BTKD, v_BTKD);
        return Ops.CausalAttention(q_BTHD, k_BSKD, v_BSKD, scale, null, dropout, window, alibiSlopes);
    }

    /// <summary>Runs a layer whose attentions keep what they give, or take over what an earlier run gave; null keeps nothing.</summary>
    internal T Keeping<T>(KeptAttention? store, Func<T> run)
    {
        kept = store;
        try
        {
            return run();
        }
        finally
        {
            kept = null;
        }
    }

    /// <summary>Frees the positions, the slopes and the rotary rows, not <see cref="CuSeqlens"/> and not the cache.</summary>
    public void Dispose()
    {
        Ids.Dispose();
        tokens?.Dispose();
        foreach (var part in parts.Values)
            part.Dispose();
        foreach (var (cos, sin) in rows.Values)
        {
            cos.Dispose();
            sin.Dispose();
        }
        rows.Clear();
        foreach (var t in slopes.Values)
            t.Dispose();
        slopes.Clear();
    }
}
