using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A copy of the weights before the first update. The held-out loss of the untrained model is measured after the first step
/// has been reported, so that a person does not wait for it.
/// </summary>
internal sealed class WeightsBefore : IDisposable
{
    private readonly FlatOptimizer optimizer;
    private readonly Tensor before;

    internal WeightsBefore(FlatOptimizer optimizer)
    {
        using var noGrad = no_grad();
        this.optimizer = optimizer;
        before = optimizer.Compute.clone().DetachFromDisposeScope();
    }

    /// <summary>Runs <paramref name="work"/> with the weights of before; the present ones are back afterwards, bit for bit.</summary>
    internal T While<T>(Func<T> work)
    {
        using var noGrad = no_grad();
        using var now = optimizer.Compute.clone();
        optimizer.Compute.copy_(before);
        try
        {
            return work();
        }
        finally
        {
            optimizer.Compute.copy_(now);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => before.Dispose();
}
