// The two ends of a language model whose vocabulary is cut among the ranks: the table of embeddings, and the head with its loss.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Operators over a table [V, C] whose rows are sharded in blocks of ceil(V / n). A shard may be padded to a full block;
/// padded rows take no part: they may hold anything, and their gradient is zero.
/// </summary>
public static partial class VocabularyParallel
{
    /// <summary>
    /// The rows of this rank's shard; zero where the row is another rank's. Nothing is sent: the sum over the ranks
    /// (<see cref="Collective.Reduce"/>, <see cref="Collective.ReduceScatter"/>) is the embedding.
    /// </summary>
    /// <param name="group">The ranks among which the table is cut.</param>
    /// <param name="ids">int64, any shape, the same on all ranks.</param>
    /// <param name="weightShard">[ceil(V / n), C], or this rank's valid rows alone.</param>
    /// <param name="vocabulary">V.</param>
    /// <returns>Partial: the shape of ids with C appended.</returns>
    public static Tensor Embedding(ProcessGroup group, Tensor ids, Tensor weightShard, long vocabulary)
    {
        var (start, valid) = Block(group, weightShard, vocabulary);
        CheckIndices(ids, vocabulary, nameof(Embedding), mayBeIgnored: false);
        using var scope = NewDisposeScope();
        if (valid == 0)
        {
            // The sum of nothing keeps the shard in the graph: its gradient is zero, not missing.
            var nothing = weightShard.narrow(0, 0, 0).sum();
            return (zeros([.. ids.shape, weightShard.shape[1]], weightShard.dtype, weightShard.device) + nothing).MoveToOuterDisposeScope();
        }

        var own = ids - start;
        var elsewhere = own.lt(0).logical_or(own.ge(valid));
        var rows = Ops.Embedding(own.masked_fill(elsewhere, 0), weightShard);
        return rows.masked_fill(elsewhere.unsqueeze(-1), 0).MoveToOuterDisposeScope();
    }

    /// <summary>This rank's first row, and how many of its rows are of the vocabulary.</summary>
    private static (long Start, long Valid) Block(ProcessGroup group, Tensor weightShard, long vocabulary)
    {
        var (start, valid) = Shards.Of(vocabulary, group.Size, group.Rank);
        var block = Shards.Block(vocabulary, group.Size);
        return weightShard.dim() == 2 && (weightShard.shape[0] == block || weightShard.shape[0] == valid)
            ? (start, valid)
            : throw new ArgumentException(
                $"axis {group.Axis}, rank {group.Ranks[group.Rank]}: a vocabulary of {vocabulary} over {group.Size} ranks has blocks of {block} rows, "
                + $"{valid} of them valid here; found a shard of [{string.Join(", ", weightShard.shape)}].");
    }

    // On a GPU the check would wait for the device at every step.
    private static void CheckIndices(Tensor indices, long vocabulary, string name, bool mayBeIgnored)
    {
        if (!indices.is_cpu() || indices.numel() == 0)
            return;
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var wrong = indices.lt(0).logical_or(indices.ge(vocabulary));
        if (mayBeIgnored)
            wrong = wrong.logical_and(indices.ne(Ops.IgnoredLabel));
        // Memory of the processor: no read of a device, which would stand against recording a pass.
        if (wrong.any().data<bool>()[0])
            throw new ArgumentException(
                $"VocabularyParallel.{name}: {indices.masked_select(wrong)[0].item<long>()} is not below the vocabulary of {vocabulary}"
                + (mayBeIgnored ? $", nor {Ops.IgnoredLabel} (not counted)." : "."));
    }
}
