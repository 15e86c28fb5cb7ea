// Selective recomputation: a layer is computed again in the backward pass, but its attention is not.
using Evo.Torch.Native;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// What the attentions of one pass through a layer gave: kept by the forward that is not recorded, taken over in the same order
/// by the one that is (see <see cref="Recompute"/>). Queries, keys and values are computed again, scores are not: attention
/// costs the square of the length and its result is as small as any other (Korthikanti et al. 2022, section 5).
/// </summary>
/// <remarks>
/// Only the native attention can be kept; others (see <see cref="Takes"/>) are computed again, with the same result.
/// </remarks>
public sealed class KeptAttention : IDisposable
{
    private readonly Queue<(Tensor Out, Tensor Lse)> kept = [];

    /// <summary>Outcomes that wait.</summary>
    public int Count => kept.Count;

    /// <summary>
    /// Whether the native attention takes heads of a kind: on a GPU those of at most 256 numbers, on a processor all but float16's.
    /// </summary>
    /// <param name="onGpu">Whether they are on a GPU.</param>
    /// <param name="type">Their type.</param>
    /// <param name="headSize">Numbers of a head.</param>
    public static bool Takes(bool onGpu, ScalarType type, long headSize) => onGpu ? headSize <= 256 : type is not ScalarType.Float16;

    /// <summary>As <see cref="Ops.CausalAttention"/>.</summary>
    public Tensor Attend(
        Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens = null, DropoutMask? dropout = null, long window = 0, Tensor? alibiSlopes = null,
        SentBorders? sent = null)
    {
        var (borders, longest) = (sent?.Borders ?? cuSeqlens, sent?.Longest ?? 0);
        if (q.numel() == 0 || !Ops.TakesAttention(q, k, v, dropout, alibiSlopes))
            return Ops.CausalAttention(q, k, v, scale, cuSeqlens, dropout, window, alibiSlopes, sent);
        if (is_grad_enabled() && kept.TryDequeue(out var known))
        {
            using (known.Out)
            using (known.Lse)
            {
                var (again, lse) = Kept(known.Out, known.Lse);
                lse.Dispose();
                return again;
            }
        }

        if (is_grad_enabled())
            return Ops.CausalAttention(q, k, v, scale, cuSeqlens, dropout, window, alibiSlopes, sent);
        var (attended, log) = Kept(null, null);
        kept.Enqueue((attended.alias().DetachFromDisposeScope(), log.DetachFromDisposeScope()));
        return attended;

        (Tensor, Tensor) Kept(Tensor? outcome, Tensor? logSums) => EvoOperators.causal_attention_kept(
            q, k, v, scale, borders, window, alibiSlopes, outcome, logSums, longest, dropout?.Rows, dropout?.Columns, dropout?.Share ?? 0);
    }

    /// <summary>Drops what was kept and not taken.</summary>
    public void Dispose()
    {
        foreach (var (attended, lse) in kept)
        {
            attended.Dispose();
            lse.Dispose();
        }

        kept.Clear();
    }
}
