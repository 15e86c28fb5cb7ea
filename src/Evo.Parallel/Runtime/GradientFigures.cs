// What the gradients of a step are: on the device until somebody asks, then read at once.
using System.Diagnostics;
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What the gradients of a step are and cost; the same on every rank but for the times. The first question for a value waits for the
/// device and reads all of them, so ask when the update is under way: <see cref="RankModel.Update"/> does. They can be asked until the
/// model's next step.
/// </summary>
public sealed class GradientFigures
{
    private readonly StepValues values;

    internal GradientFigures(StepValues values, PassFigures passes, double reduceSeconds, double lossScale)
    {
        this.values = values;
        (Passes, ReduceSeconds, LossScale) = (passes, reduceSeconds, lossScale);
    }

    /// <summary>Mean cross entropy in nats over the labels of the step that count.</summary>
    public double Loss => Types.Sum(type => type.Nats) / Math.Max(1, Batch.Targets);

    /// <summary>What the z-loss added, mean over the same labels.</summary>
    public double ZLoss => Types.Sum(type => type.Z) / Math.Max(1, Batch.Targets);

    /// <summary>What routers added, mean over the micro-batches; null without them.</summary>
    public double? RouterLoss => values.Read().RouterLoss;

    /// <summary>What the batch held, over all data-parallel ranks.</summary>
    public BatchFigures Batch => values.Read().Batch;

    /// <summary>Norm of all gradients, before clipping.</summary>
    public double Norm => values.Read().Norm;

    /// <summary>Whether norm and loss are finite: by these very bits the device decides whether it takes the step.</summary>
    public bool Finite => values.Read().Finite;

    /// <summary>The loss of each type of document, over all ranks: one where types are not told apart.</summary>
    public IReadOnlyList<LossSum> Types => values.Read().Types;

    /// <summary>Part of the step's labels that was guessed right.</summary>
    public double Accuracy => (double)Types.Sum(type => type.Right) / Math.Max(1, Batch.Targets);

    /// <summary>The passes of this rank.</summary>
    public PassFigures Passes { get; }

    /// <summary>From the last pass until gradients were summed and measured; on a GPU, until that was issued.</summary>
    public double ReduceSeconds { get; }

    /// <summary>How long reading waited.</summary>
    public double ReadSeconds => values.ReadSeconds;

    /// <summary>What the loss was multiplied by for the backward pass; 1 but in float16.</summary>
    public double LossScale { get; }

    /// <summary>The factor that clips the gradients, on the device.</summary>
    internal Tensor ClipFactor(double limit) => values.ClipFactor(limit);
}

/// <summary>The values of a step in one tensor of float64 on the device, all ranks' together.</summary>
/// <param name="values">Norm, whether the step is finite, what routers added and whether they did, the sums of each type, the ranks' batches; owned.</param>
/// <param name="types">Types of documents.</param>
internal sealed class StepValues(Tensor values, int types) : IDisposable
{
    private const int Before = 4;

    // Before the update, which the device still computes while the host tells what came of the step and begins the next one.
    private readonly NumbersSentHome sent = new(values);
    private ReadValues? read;

    /// <summary>Seconds that the reading took, waiting for the device above all.</summary>
    public double ReadSeconds { get; private set; }

    /// <summary>Puts a step's values together.</summary>
    /// <param name="norm">Of all gradients.</param>
    /// <param name="sums">What routers added, whether they did, and the figures of <see cref="LossSum"/> of each type, over all ranks.</param>
    /// <param name="batches">The figures of each data-parallel rank's batch.</param>
    /// <param name="types">Types of documents.</param>
    public static StepValues Of(Tensor norm, Tensor sums, Tensor batches, int types)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var nats = sums.narrow(0, 2, LossSum.Figures * types).reshape(types, LossSum.Figures).select(1, 0).sum();
        var finite = norm.isfinite().logical_and(nats.isfinite()).to_type(float64);
        return new(cat([norm.reshape(1), finite.reshape(1), sums, batches.to_type(float64).reshape(-1)]).DetachFromDisposeScope(), types);
    }

    /// <summary>By which factor the gradients are taken: not a number where they are not.</summary>
    public Tensor ClipFactor(double limit)
    {
        using var norm = sent.There[0];
        using var flag = sent.There[1];
        using var finite = flag.to_type(@bool);
        return ShardedOptimizer.ClipFactor(norm, limit, finite);
    }

    /// <summary>The values; the first call waits for the device.</summary>
    /// <exception cref="InvalidOperationException">They were not asked for before the model's next step.</exception>
    public ReadValues Read()
    {
        if (read is null)
        {
            if (sent.There.IsInvalid)
            {
                throw new InvalidOperationException("the figures of a step can be read until the model's next step begins, whose own are in their place");
            }

            var began = Stopwatch.GetTimestamp();
            read = ReadValues.Of(sent.Read(), Before, types);
            ReadSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        }

        return read;
    }

    /// <inheritdoc/>
    public void Dispose() => sent.Dispose();
}

/// <summary>The values of a step as numbers.</summary>
internal sealed record ReadValues(double Norm, bool Finite, double? RouterLoss, LossSum[] Types, BatchFigures Batch)
{
    public static ReadValues Of(double[] all, int before, int types)
    {
        var batches = all[(before + (LossSum.Figures * types))..].Select(number => (long)number).Chunk(BatchFigures.Count);
        return new(
            all[0], all[1] == 1, all[3] > 0 ? all[2] : null, LossSum.Each(all.AsSpan(before, LossSum.Figures * types)),
            batches.Select(BatchFigures.Of).Aggregate((a, b) => a + b));
    }
}
