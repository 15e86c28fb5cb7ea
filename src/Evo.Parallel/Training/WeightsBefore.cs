using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A copy of the weights before the first update. The held-out loss of the untrained model is measured after the first step
/// has been reported, so that a person does not wait for it.
/// </summary>
internal sealed class WeightsBefore : IDisposable
{
    private readonly ShardedOptimizer optimizer;
    private readonly IReadOnlyList<Tensor> before;

    internal WeightsBefore(ShardedOptimizer optimizer)
    {
        this.optimizer = optimizer;
        before = [.. optimizer.CopyWeights().Select(tensor => tensor.DetachFromDisposeScope())];
    }

    /// <summary>Runs <paramref name="work"/> with the weights of before; the present ones are back afterwards, bit for bit.</summary>
    internal T While<T>(Func<T> work)
    {
        using var scope = NewDisposeScope();
        var now = optimizer.CopyWeights();
        optimizer.RestoreWeights(before);
        try
        {
            return work();
        }
        finally
        {
            optimizer.RestoreWeights(now);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in before)
        {
            tensor.Dispose();
        }
    }
}
