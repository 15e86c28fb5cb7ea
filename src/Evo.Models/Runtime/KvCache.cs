using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// The keys and values of the tokens so far, one pair of buffers per attention part and layer, so that decoding computes only
/// the new tokens. Keys are kept as they were rotated.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly Tensor[] keys_BSKD, values_BSKD;

    /// <summary>Room for <paramref name="maxLength"/> tokens in each of <paramref name="batch"/> rows.</summary>
    public KvCache(CausalLM spec, int batch, int maxLength, ScalarType dtype, Device? device = null)
    {
        var size = spec.Size;
        (Batch, MaxLength) = (batch, maxLength);
        Tensor Buffer() => zeros([batch, maxLength, size.KvHeadCount, size.HeadSize], dtype, device).DetachFromDisposeScope();
        keys_BSKD = [.. Enumerable.Range(0, size.CacheSlots).Select(_ => Buffer())];
        values_BSKD = [.. Enumerable.Range(0, size.CacheSlots).Select(_ => Buffer())];
    }

    /// <summary>Rows.</summary>
    public int Batch { get; }

    /// <summary>Tokens that fit.</summary>
    public int MaxLength { get; }

    /// <summary>Tokens held.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of the buffers.</summary>
    public long Bytes => keys_BSKD.Concat(values_BSKD).Sum(t => t.numel() * t.element_size());

    /// <summary>Forgets all tokens after the first <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
    }

    /// <summary>
    /// Writes the new tokens' keys and values behind those held and returns views of all, [B, Length + T, K, D]. The length
    /// moves on only with <see cref="Advance"/>, after every slot was written.
    /// </summary>
    internal (Tensor keys, Tensor values) Append(int slot, Tensor k_BTKD, Tensor v_BTKD)
    {
        var length = Length + (int)k_BTKD.shape[1];
        if (length > MaxLength)
            throw new InvalidOperationException($"KvCache: {length} tokens do not fit the {MaxLength} it was made for");
        using (no_grad())
        {
            using var room_k = keys_BSKD[slot].narrow(1, Length, length - Length);
            using var room_v = values_BSKD[slot].narrow(1, Length, length - Length);
            room_k.copy_(k_BTKD);
            room_v.copy_(v_BTKD);
        }
        return (keys_BSKD[slot].narrow(1, 0, length), values_BSKD[slot].narrow(1, 0, length));
    }

    internal void Advance(int tokens) => Length += tokens;

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        foreach (var t in keys_BSKD.Concat(values_BSKD))
            t.Dispose();
    }
}
