using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The weights of isp, block by block: whole from before a block's forward to after it and again for its backward, those of the
/// next blocks under way meanwhile; gradients are summed over the ranks while the block after computes. Which weights a block
/// reads, it learns in the first pass.
/// </summary>
/// <remarks>
/// A later listener hears of a block's beginning before its weights are sent, because updated ones may still be arriving, and of
/// its end when the block's gradients are there.
/// </remarks>
/// <param name="blocks">Blocks of the chunk.</param>
/// <param name="options">When weights are gathered.</param>
/// <param name="next">Hears of everything too; null for nobody.</param>
internal sealed class GatheredWeights(int blocks, WeightGathering options, BlockEvents? next) : BlockEvents, IDisposable
{
    private readonly List<GatheredWeight>[] read = [.. Enumerable.Range(0, blocks).Select(_ => new List<GatheredWeight>())];
    private readonly WeightSums sums = new();
    private ProcessGroup? group;
    private (int Block, bool Backward)? current;
    private int? ended;

    /// <summary>Bytes of the whole weights that each block reads, as far as it is known.</summary>
    internal IReadOnlyList<long> BytesOfBlocks => [.. read.Select(block => block.Sum(weight => weight.Bytes))];

    /// <summary>Bytes of whole weights that are there or under way.</summary>
    internal long Bytes => read.Sum(block => block.Sum(weight => weight.HasBegun ? weight.Bytes : 0));

    /// <summary>The most that <see cref="Bytes"/> has been.</summary>
    internal long PeakBytes { get; private set; }

    /// <summary>The weight axis as the chunk's module is to see it.</summary>
    internal WeightGroup Over(ProcessGroup inner)
    {
        group = inner;
        return new(inner, this);
    }

    /// <summary>A weight that the block that computes reads, whole.</summary>
    internal GatheredWeight Read(Tensor share, int site)
    {
        if (current is not var (block, backward))
        {
            throw new InvalidOperationException($"site {site}: a weight is read outside of every block");
        }

        using var quiet = no_grad();
        var weight = read[block].Find(known => known.Site == site && known.Share.Handle == share.Handle);
        if (weight is null)
        {
            weight = new(share, group!, site);
            read[block].Add(weight);
            sums.ReadIn(block, share);
        }

        weight.Begin(backward);
        PeakBytes = Math.Max(PeakBytes, Bytes);
        weight.Fill();
        return weight;
    }

    /// <summary>A weight's gradient by this rank's tokens; belongs to autograd, which forgets it.</summary>
    internal void Reduce(GatheredWeight weight, Tensor gradient)
    {
        using var quiet = no_grad();
        sums.Begin(weight, gradient);
    }

    public override void BeforeForward(int block)
    {
        current = (block, false);
        next?.BeforeForward(block);
        if (options.Overlap)
        {
            Begin(block, backward: false);
            for (var i = block + 1; i <= Math.Min(block + options.Ahead, blocks - 1); i++)
            {
                next?.BeforeForward(i);
                Begin(i, backward: false);
            }
        }
    }

    public override void AfterForward(int block)
    {
        Free(block);
        current = null;
        next?.AfterForward(block);
    }

    public override void BeforeBackward(int block)
    {
        current = (block, true);
        next?.BeforeBackward(block);
        Begin(block, backward: true);
        for (var i = block - 1; options.Overlap && i >= Math.Max(block - options.Ahead, 0); i--)
        {
            Begin(i, backward: true);
        }

        // Graphs saved these, and do not ask.
        using var quiet = no_grad();
        read[block].ForEach(weight => weight.Fill());
    }

    public override void AfterBackward(int block)
    {
        Free(block);
        current = null;
        Settle();
        ended = block;
        sums.EndBlock();
        if (!options.Overlap)
        {
            Settle();
        }
    }

    /// <summary>To be called when autograd has come through the chunk: nothing is under way afterwards.</summary>
    internal void EndPass()
    {
        Settle();
        // The entry's end, of which nobody is told.
        sums.EndBlock();
        using (no_grad())
        {
            sums.Arrive(0);
        }

        for (var block = 0; block < blocks; block++)
        {
            Free(block);
        }

        current = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        sums.Dispose();
        foreach (var weight in read.SelectMany(block => block))
        {
            weight.Dispose();
        }
    }

    private void Begin(int block, bool backward)
    {
        using var quiet = no_grad();
        read[block].ForEach(weight => weight.Begin(backward));
        PeakBytes = Math.Max(PeakBytes, Bytes);
    }

    private void Free(int block) => read[block].ForEach(weight => weight.Free());

    // The sums of the block before have had the time of a block to arrive.
    private void Settle()
    {
        if (ended is not { } block)
        {
            return;
        }

        ended = null;
        using (no_grad())
        {
            sums.Arrive(block);
        }

        next?.AfterBackward(block);
    }
}
