using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What one stage hands to a neighbour: a residual stream, or its gradient, with the router statistics so far, or their gradient.</summary>
/// <param name="X">[B, T, C], this rank's part where tokens are spread.</param>
/// <param name="Statistics">[layers, 3 E + 2], or null for a model without experts.</param>
public sealed record StageMessage(Tensor X, Tensor? Statistics) : IDisposable
{
    /// <summary>The same numbers outside of any graph and scope; the memory is shared, the caller disposes it.</summary>
    public StageMessage Copy() => new(X.detach().DetachFromDisposeScope(), Statistics?.detach().DetachFromDisposeScope());

    /// <summary>Its shapes.</summary>
    public MessageShape Shape => new(X.shape, X.dtype, Statistics?.shape, Statistics?.dtype ?? X.dtype);

    /// <inheritdoc/>
    public void Dispose()
    {
        X.Dispose();
        Statistics?.Dispose();
    }
}

/// <summary>What a message looks like: known on both sides, so that nothing is sent about it.</summary>
public sealed record MessageShape(long[] X, ScalarType Dtype, long[]? Statistics, ScalarType StatisticsDtype);

/// <summary>Which message: of a chunk's forward or backward of one micro-batch.</summary>
internal readonly record struct MessageKey(int Chunk, int Micro, bool Backward);

/// <summary>What one rank has received and not used, and has computed and not sent.</summary>
internal sealed class StageMail(ProcessGroup pipeline)
{
    private readonly Dictionary<MessageKey, StageMessage> arrived = [];
    private readonly Dictionary<MessageKey, StageMessage> leaving = [];

    /// <summary>Keeps what a neighbour on this rank gave.</summary>
    public void Arrived(MessageKey key, StageMessage message) => arrived.Add(key, message);

    /// <summary>Keeps what is to be sent.</summary>
    public void Leaving(MessageKey key, StageMessage message) => leaving.Add(key, message);

    /// <summary>What arrived for a pass; the caller disposes it.</summary>
    public StageMessage Take(MessageKey key) =>
        arrived.Remove(key, out var message) ? message : throw new InvalidOperationException($"nothing has arrived for {key}: the schedule uses it before it receives it");

    public void Send(MessageKey key, int to)
    {
        if (!leaving.Remove(key, out var message))
        {
            throw new InvalidOperationException($"nothing leaves as {key}: the schedule sends it before it is computed");
        }

        using (message)
        {
            pipeline.Send(message.X, to, new(RuntimeSites.Activation, key.Backward));
            if (message.Statistics is { } statistics)
            {
                pipeline.Send(statistics, to, new(RuntimeSites.Statistics, key.Backward));
            }
        }
    }

    public void Receive(MessageKey key, int from, MessageShape shape)
    {
        var x = pipeline.Receive(shape.X, shape.Dtype, from, new(RuntimeSites.Activation, key.Backward));
        var statistics = shape.Statistics is { } sizes
            ? pipeline.Receive(sizes, shape.StatisticsDtype, from, new(RuntimeSites.Statistics, key.Backward))
            : null;
        arrived.Add(key, new(x.DetachFromDisposeScope(), statistics?.DetachFromDisposeScope()));
    }

    /// <summary>The end of a step: nothing may be left.</summary>
    public void Settle()
    {
        if (arrived.Keys.Concat(leaving.Keys).ToArray() is [var first, ..])
        {
            throw new InvalidOperationException($"{arrived.Count} messages were not used and {leaving.Count} not sent, {first} among them");
        }
    }

    /// <summary>Drops all.</summary>
    public void Clear()
    {
        foreach (var message in arrived.Values.Concat(leaving.Values))
        {
            message.Dispose();
        }

        arrived.Clear();
        leaving.Clear();
    }
}
