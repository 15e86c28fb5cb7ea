using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>How passes are recorded and replayed.</summary>
/// <param name="Usual">Tokens that a sequence usually has at most: rows that keep to it share a graph.</param>
/// <param name="Start">Decides.</param>
/// <param name="Recorder">Makes what records on a device.</param>
/// <param name="Tell">Is told, once each, why rows are computed without.</param>
public sealed record GraphOptions(int Usual, PassGraphs Start, Func<Device, IPassCapture> Recorder, Action<string> Tell)
{
    /// <summary>Makes what rows are sent with while the pass before is computed.</summary>
    public Func<Device, ISideCopies> Copies { get; init; } = SideCopies.For;

    /// <summary>Where the rank's collectives are counted; those of a pass that is replayed are counted too. Null where nobody counts.</summary>
    public FlightRecord? Flight { get; init; }
}

/// <summary>What is done in a pass beside forward and backward, and recorded with them.</summary>
/// <param name="Sums">Whether ranks sum the gradients of the step in it.</param>
/// <param name="BeforeBackward">Between the two.</param>
/// <param name="AfterBackward">At the end; what was begun over ranks is waited for in it, since a recording has no loose ends.</param>
/// <param name="Forget">Takes back what the host noted of a pass that was not computed.</param>
internal sealed record PassEvents(bool Sums, Action BeforeBackward, Action AfterBackward, Action Forget);

/// <summary>
/// Forward and backward of a whole model over rows of the same shapes as one recorded pass. What is done with a row is decided by
/// <see cref="PassGraphs"/>; this does it.
/// </summary>
/// <param name="options">How.</param>
/// <param name="device">Where the model is.</param>
/// <param name="all">
/// Whether all ranks that compute the same row say yes: what they tell one another in the pass they tell at the same time, so none of them
/// records it alone.
/// </param>
internal sealed class GraphedPasses(GraphOptions options, Device device, Func<bool, bool> all) : IDisposable
{
    private sealed record Known(StaticRow Row)
    {
        public IRecordedPass? Pass { get; set; }

        /// <summary>How many collectives of each series are in the recording.</summary>
        public IReadOnlyDictionary<string, long> Calls { get; set; } = new Dictionary<string, long>();
    }

    private readonly Dictionary<GraphKey, Known> known = [];
    private PassGraphs graphs = options.Start;
    private IPassCapture? recorder;
    private ISideCopies? copies;

    /// <summary>Runs forward and backward of a row, and adds what it gave; false where that is to be done without graphs.</summary>
    /// <param name="module">The whole model.</param>
    /// <param name="row">The row.</param>
    /// <param name="step">What random choices of the step are keyed by.</param>
    /// <param name="share">What the row adds to the loss.</param>
    /// <param name="around">What else is in the pass.</param>
    public bool Run(CausalLMModule module, MicroBatch row, RandomKey? step, LossShare share, PassEvents around)
    {
        var longest = Math.Max(row.LongestPiece, (int)row.Positions.DefaultIfEmpty(-1).Max() + 1);
        var key = GraphKey.Of(row.Tokens.Length, longest, row.Boundaries.Length - 1, options.Usual).Summing(around.Sums);
        (var next, var why, graphs) = graphs.Next(key);
        if (why.Length > 0)
        {
            options.Tell(why);
        }

        var random = step is { } keyed ? new PassRandom(keyed, row.FirstToken) : (PassRandom?)null;
        return next.Match<Func<bool>>(
            eager: () => false,
            warm: () => Computed(Warm),
            capture: () => Computed(Capture),
            replay: () => Computed((_, at, _) =>
            {
                at.Pass!.Replay();
                options.Flight?.Repeat(at.Calls);
            })).Invoke();

        bool Computed(Action<GraphKey, Known, Action> compute)
        {
            var at = Loaded(key, row, share, random);
            compute(key, at, () => Pass(module, at.Row, share, around));
            share.Add(row.Type, at.Row.Sum, at.Row.Right, at.Row.ZSum);
            if (graphs.IsRefused(key))
            {
                Forget(key);
            }

            return true;
        }

        void Warm(GraphKey key, Known at, Action pass)
        {
            var before = HostReads.OfThisThread;
            Recorder.Warm(pass);
            graphs = graphs.Warmed(key, HostReads.OfThisThread - before);
            Agree(key, !graphs.IsRefused(key));
        }

        void Capture(GraphKey key, Known at, Action pass)
        {
            var before = options.Flight?.Begun;
            try
            {
                at.Pass = Recorder.Capture(pass);
            }
            catch (TorchException refused)
            {
                graphs = graphs.Failed(key, $"the pass cannot be recorded: {refused.Message}");
            }

            if (!Agree(key, at.Pass is not null))
            {
                around.Forget();
                pass();
                return;
            }

            at.Calls = FlightRecord.Since(before, options.Flight?.Begun);
            at.Pass!.Replay();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var key in known.Keys.ToArray())
        {
            Forget(key);
        }

        recorder?.Dispose();
        copies?.Dispose();
        (recorder, copies) = (null, null);
    }

    private IPassCapture Recorder => recorder ??= options.Recorder(device);

    private Known Loaded(GraphKey key, MicroBatch row, LossShare share, PassRandom? random)
    {
        if (!known.TryGetValue(key, out var found))
        {
            known[key] = found = new(new(key, device, copies ??= options.Copies(device)));
        }

        found.Row.Load(row, share.Targets, share.Scale, random);
        return found;
    }

    // No rank records a pass that another one cannot.
    private bool Agree(GraphKey key, bool here)
    {
        if (all(here))
        {
            return true;
        }

        if (!graphs.IsRefused(key))
        {
            graphs = graphs.Failed(key, "another rank that computes the same rows cannot record its pass");
        }

        return false;
    }

    // All of it reads from the row's memory, whoever's row that holds, and from what stays as long as the model.
    private static void Pass(CausalLMModule module, StaticRow row, LossShare share, PassEvents around)
    {
        using var scope = NewDisposeScope();
        using var at = row.At();
        var (sum, _, right, zSum) = module.Loss(row.Ids, row.Labels, at, share.LabelSmoothing, share.ZLoss);
        using (no_grad())
        {
            row.Sum.copy_(sum.detach());
            row.Right.copy_(right);
            row.ZSum.copy_(zSum);
        }

        around.BeforeBackward();
        LossShare.Minimised(sum, row.Targets, row.Scale).backward();
        around.AfterBackward();
    }

    private void Forget(GraphKey key)
    {
        if (known.Remove(key, out var found))
        {
            found.Pass?.Dispose();
            found.Row.Dispose();
        }
    }
}
