using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A micro-batch that becomes tensors where its pass begins.</summary>
/// <param name="Rows">B</param>
/// <param name="Length">T</param>
/// <param name="Make">Its tensors; the caller owns them.</param>
public sealed record MicroBatchSource(int Rows, int Length, Func<MicroTensors> Make)
{
    /// <summary>The type of its documents.</summary>
    public int Type { get; init; }

    /// <summary>Labels that count; known where types are told apart.</summary>
    public long Targets { get; init; }

    /// <summary>The row itself, and what its random choices are keyed by; null where there are only tensors.</summary>
    internal (MicroBatch Row, RandomKey? Step)? AsRead { get; init; }

    /// <summary>A row as it was read, for a device.</summary>
    /// <param name="micro">The row.</param>
    /// <param name="device">Where its tensors are.</param>
    /// <param name="step">What its random choices are keyed by; null where there are none.</param>
    public static MicroBatchSource Of(MicroBatch micro, Device device, RandomKey? step = null) =>
        new(1, micro.Tokens.Length, () => MicroTensors.Of(micro, device, step))
        {
            Type = micro.Type,
            Targets = micro.Targets,
            AsRead = (micro, step),
        };
}

/// <summary>
/// A micro-batch as tensors: token ids and labels, [B, T] int64, and where the tokens stand. It lives until its backward pass
/// is over, because layers that are recomputed look up the places of their tokens again.
/// </summary>
public sealed class MicroTensors : IDisposable
{
    private readonly Tensor[] owned;

    /// <param name="ids">[B, T]; owned from now on.</param>
    /// <param name="labels">[B, T], −100 where nothing is asked; owned.</param>
    /// <param name="at">Owned.</param>
    /// <param name="others">What <paramref name="at"/> was made of; owned.</param>
    public MicroTensors(Tensor ids, Tensor labels, Positions at, params Tensor[] others)
    {
        (Ids, Labels, At) = (ids, labels, at);
        owned = [ids, labels, .. others];
        foreach (var tensor in owned)
        {
            tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>Token ids.</summary>
    public Tensor Ids { get; }

    /// <summary>The token after each.</summary>
    public Tensor Labels { get; }

    /// <summary>The places of the tokens.</summary>
    public Positions At { get; }

    /// <summary>A row as it was read, sent to a device.</summary>
    public static MicroTensors Of(MicroBatch micro, Device device, RandomKey? step = null)
    {
        var random = step is { } key ? new PassRandom(key, micro.FirstToken) : (PassRandom?)null;
        long[] shape = [1, micro.Tokens.Length];
        var (positions, boundaries) = (Sent(micro.Positions), tensor(micro.Boundaries));
        var end = micro.Positions.DefaultIfEmpty(-1).Max() + 1;
        if (device.type != DeviceType.CUDA)
        {
            return new(Sent(micro.Tokens), Sent(micro.Labels), Positions.Packed(boundaries, positions, random, end), positions, boundaries);
        }

        // Once for all layers; the host's own are for operators that look at them.
        var borders = new SentBorders(Sending(tensor(micro.Boundaries)), micro.LongestPiece);
        return new(
            Sent(micro.Tokens), Sent(micro.Labels), Positions.Packed(boundaries, positions, random, end, borders), positions, boundaries,
            borders.Borders);

        Tensor Sent(long[] numbers) => Sending(tensor(numbers, shape));

        Tensor Sending(Tensor here)
        {
            var there = HostBuffer.Send(here, device);
            if (!ReferenceEquals(here, there))
                here.Dispose();
            return there;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        At.Dispose();
        foreach (var tensor in owned)
        {
            tensor.Dispose();
        }
    }
}
