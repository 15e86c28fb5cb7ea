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
public sealed record GraphOptions(int Usual, PassGraphs Start, Func<Device, IPassCapture> Recorder, Action<string> Tell);

/// <summary>
/// Forward and backward of a whole model over rows of the same shapes as one recorded pass. What is done with a row is decided by
/// <see cref="PassGraphs"/>; this does it.
/// </summary>
/// <param name="options">How.</param>
/// <param name="device">Where the model is.</param>
internal sealed class GraphedPasses(GraphOptions options, Device device) : IDisposable
{
    private sealed record Known(StaticRow Row)
    {
        public IRecordedPass? Pass { get; set; }
    }

    private readonly Dictionary<GraphKey, Known> known = [];
    private PassGraphs graphs = options.Start;
    private IPassCapture? recorder;

    /// <summary>Runs forward and backward of a row, and adds what it gave; false where that is to be done without graphs.</summary>
    /// <param name="module">The whole model.</param>
    /// <param name="row">The row.</param>
    /// <param name="step">What random choices of the step are keyed by.</param>
    /// <param name="share">What the row adds to the loss.</param>
    public bool Run(CausalLMModule module, MicroBatch row, RandomKey? step, LossShare share)
    {
        var longest = Math.Max(row.LongestPiece, (int)row.Positions.DefaultIfEmpty(-1).Max() + 1);
        var key = GraphKey.Of(row.Tokens.Length, longest, row.Boundaries.Length - 1, options.Usual);
        (var next, var why, graphs) = graphs.Next(key);
        if (why.Length > 0)
        {
            options.Tell(why);
        }

        var random = step is { } keyed ? new PassRandom(keyed, row.FirstToken) : (PassRandom?)null;
        return next.Match<Func<bool>>(
            eager: () => false,
            warm: () => Warm(key, Loaded(key, row, share), module, random, share, row.Type),
            capture: () => Capture(key, Loaded(key, row, share), module, random, share, row.Type),
            replay: () =>
            {
                var at = Loaded(key, row, share);
                at.Pass!.Replay();
                return Given(at.Row, share, row.Type);
            }).Invoke();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var key in known.Keys.ToArray())
        {
            Forget(key);
        }

        recorder?.Dispose();
        recorder = null;
    }

    private IPassCapture Recorder => recorder ??= options.Recorder(device);

    private Known Loaded(GraphKey key, MicroBatch row, LossShare share)
    {
        if (!known.TryGetValue(key, out var found))
        {
            known[key] = found = new(new(key, device));
        }

        found.Row.Load(row, share.Targets, share.Scale);
        return found;
    }

    private bool Warm(GraphKey key, Known at, CausalLMModule module, PassRandom? random, LossShare share, int type)
    {
        var (reads, drew) = (HostReads.OfThisThread, false);
        Recorder.Warm(() => drew = Pass(module, at.Row, random, share));
        Given(at.Row, share, type);
        graphs = graphs.Warmed(key, HostReads.OfThisThread - reads, drew);
        ForgetRefused(key);
        return true;
    }

    private bool Capture(GraphKey key, Known at, CausalLMModule module, PassRandom? random, LossShare share, int type)
    {
        try
        {
            at.Pass = Recorder.Capture(() => Pass(module, at.Row, null, share));
            at.Pass.Replay();
        }
        catch (TorchException refused)
        {
            graphs = graphs.Failed(key, $"the pass cannot be recorded: {refused.Message}");
            Pass(module, at.Row, random, share);
        }

        Given(at.Row, share, type);
        ForgetRefused(key);
        return true;
    }

    // All of it reads from the row's memory, whoever's row that holds, and from what stays as long as the model. It answers whether
    // something was random.
    private static bool Pass(CausalLMModule module, StaticRow row, PassRandom? random, LossShare share)
    {
        using var scope = NewDisposeScope();
        using var at = row.At(random);
        var (sum, _, right, zSum) = module.Loss(row.Ids, row.Labels, at, share.LabelSmoothing, share.ZLoss);
        using (no_grad())
        {
            row.Sum.copy_(sum.detach());
            row.Right.copy_(right);
            row.ZSum.copy_(zSum);
        }

        LossShare.Minimised(sum, row.Targets, share.Scale is null ? null : row.Scale).backward();
        return at.Drew;
    }

    private static bool Given(StaticRow row, LossShare share, int type)
    {
        share.Add(type, row.Sum, row.Right, row.ZSum);
        return true;
    }

    private void ForgetRefused(GraphKey key)
    {
        if (graphs.IsRefused(key))
        {
            Forget(key);
        }
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
