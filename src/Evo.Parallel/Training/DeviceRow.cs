using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A micro-batch as tensors. It lives until the backward pass is over, because layers that are recomputed look up the places
/// of their tokens again.
/// </summary>
internal sealed class DeviceRow : IDisposable
{
    private readonly Tensor tokens, labels, positions, boundaries;
    private readonly Positions at;

    internal DeviceRow(MicroBatch micro, Device device)
    {
        long[] shape = [1, micro.Tokens.Length];
        tokens = tensor(micro.Tokens, shape, device: device);
        labels = tensor(micro.Labels, shape, device: device);
        positions = tensor(micro.Positions, shape, device: device);
        boundaries = tensor(micro.Boundaries);
        at = Positions.Packed(boundaries, positions);
    }

    /// <summary>Sum of the losses over all labels that count, in nats; a tensor of the current dispose scope.</summary>
    internal Tensor LossSum(CausalLMModule model, double labelSmoothing) =>
        model.Loss(tokens, labels, at, labelSmoothing).lossSum;

    /// <summary>The same beside the auxiliary losses of the model's routers, if it has any.</summary>
    internal (Tensor lossSum, AuxiliaryLosses? auxiliary) LossWithRouters(CausalLMModule model, double labelSmoothing)
    {
        var (sum, _, auxiliary) = model.LossWithRouters(tokens, labels, at, labelSmoothing);
        return (sum, auxiliary);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        at.Dispose();
        foreach (var part in (Tensor[])[tokens, labels, positions, boundaries])
        {
            part.Dispose();
        }
    }
}
