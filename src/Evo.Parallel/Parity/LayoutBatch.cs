using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The tokens of some optimizer steps: for each, its micro-batches, whose rows are dealt out to the data replicas.</summary>
/// <param name="Steps">For each step its micro-batches, all with as many rows.</param>
public sealed record LayoutBatch(IReadOnlyList<IReadOnlyList<ParityBatch>> Steps)
{
    /// <summary>Micro-batches of a step.</summary>
    public int MicroBatches => Steps[0].Count;

    /// <summary>Rows of a micro-batch.</summary>
    public int Rows => Steps[0][0].Rows;

    /// <summary>Random tokens; labels are missing more often in some micro-batches than in others, so that means of means show.</summary>
    public static LayoutBatch Random(int seed, int vocabulary, int steps, int microBatches, int rows, int length) => new(
        [.. Enumerable.Range(0, steps).Select(s =>
            (IReadOnlyList<ParityBatch>)[.. Enumerable.Range(0, microBatches).Select(m =>
                Thinned(ParityBatch.Random(seed + (100 * s) + m, vocabulary, rows, length), 2 + (m % 3)))])]);

    /// <summary>Labels that count in a step.</summary>
    public long Targets(int step) => Steps[step].Sum(micro => micro.Targets);

    /// <summary>What one data replica has of a step: its rows of each micro-batch, and how many labels count in them.</summary>
    public (IReadOnlyList<MicroBatchSource> Micros, BatchFigures Figures) Of(int step, ProcessGroup data, Device device)
    {
        var rows = Rows / data.Size;
        var first = data.Rank * rows;
        return ([.. Steps[step].Select((micro, m) => Source(micro with { FirstToken = (long)m * Rows * micro.Length }, first, rows, device, ParityStart.Random.At(step)))], new(Steps[step].Sum(micro => OwnTargets(micro, first, rows))));
    }

    private static MicroBatchSource Source(ParityBatch micro, int first, int rows, Device device, RandomKey step) => new(rows, micro.Length, () =>
    {
        var (ids, labels, at) = micro.Tensors(first, rows, step, device);
        return new(ids, labels, at);
    });

    private static long OwnTargets(ParityBatch micro, int first, int rows)
    {
        long count = 0;
        for (var b = first; b < first + rows; b++)
        {
            for (var t = 0; t < micro.Length; t++)
            {
                count += micro.Labels[b, t] == Ops.IgnoredLabel ? 0 : 1;
            }
        }

        return count;
    }

    // Labels of the second half of each row go, but for every so-manieth.
    private static ParityBatch Thinned(ParityBatch batch, int kept)
    {
        for (var b = 0; b < batch.Rows; b++)
        {
            for (var t = batch.Length / 2; t < batch.Length; t++)
            {
                if (t % kept != 0)
                {
                    batch.Labels[b, t] = Ops.IgnoredLabel;
                }
            }
        }

        return batch;
    }
}
