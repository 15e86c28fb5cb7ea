using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The second use of a table where both ends of the model are on one rank, in different chunks: it reads the same memory and has
/// a gradient of its own, which is added to the first's when all passes are done. So the sum has one order, whatever the schedule.
/// </summary>
internal sealed class TiedCopy : IDisposable
{
    private readonly Parameter parameter;
    private readonly Tensor gradient;

    public TiedCopy(Parameter parameter, ScalarType sums)
    {
        this.parameter = parameter;
        gradient = zeros_like(parameter).DetachFromDisposeScope();
        Sum = parameter.dtype == sums ? gradient : zeros(parameter.shape, sums, parameter.device).DetachFromDisposeScope();
        parameter.grad = gradient;
    }

    /// <summary>The sum over the passes since <see cref="Zero"/>.</summary>
    public Tensor Sum { get; }

    /// <summary>Begins a step.</summary>
    public void Zero()
    {
        using var quiet = no_grad();
        gradient.zero_();
        Sum.zero_();
    }

    /// <summary>To be called after each backward pass: adds a low-precision gradient to the sum.</summary>
    public void Accumulate()
    {
        if (!ReferenceEquals(Sum, gradient))
        {
            using var quiet = no_grad();
            Sum.add_(gradient);
            gradient.zero_();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        parameter.grad = null;
        gradient.Dispose();
        Sum.Dispose();
    }
}
