using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What a pass of one chunk over one micro-batch keeps from its forward to the end of its backward.</summary>
internal sealed class StagePass : IDisposable
{
    private readonly MicroTensors row;

    /// <param name="row">Owned.</param>
    /// <param name="arrived">What the stage before gave, or null at the entry; owned, and a leaf of the graph from now on.</param>
    public StagePass(MicroTensors row, StageMessage? arrived)
    {
        (this.row, Input) = (row, arrived);
        if (arrived is not null)
        {
            arrived.X.requires_grad = true;
            if (arrived.Statistics is { } statistics)
            {
                statistics.requires_grad = true;
            }
        }
    }

    /// <summary>What it began with.</summary>
    public StageMessage? Input { get; }

    /// <summary>What it hands on, part of the graph; null at the end of the model.</summary>
    public StageMessage? Output { get; private set; }

    /// <summary>What is minimised, at the end of the model.</summary>
    public Tensor? Loss { get; private set; }

    /// <summary>The products that its backward put off.</summary>
    public Action? Weights { get; set; }

    /// <summary>Keeps what the forward gave.</summary>
    public void Give(StageMessage output)
    {
        output.X.DetachFromDisposeScope();
        output.Statistics?.DetachFromDisposeScope();
        Output = output;
    }

    /// <summary>Keeps what is minimised.</summary>
    public void Give(Tensor loss) => Loss = loss.DetachFromDisposeScope();

    /// <summary>Differentiates what was handed on.</summary>
    public void Backward(StageMessage gradient)
    {
        var (outputs, gradients) = (new List<Tensor> { Output!.X }, new List<Tensor> { gradient.X });
        if (Output.Statistics is { requires_grad: true } statistics)
        {
            outputs.Add(statistics);
            gradients.Add(gradient.Statistics!);
        }

        autograd.backward(outputs, gradients);
    }

    /// <summary>The gradient of what it began with.</summary>
    public StageMessage InputGradient() => new(
        Input!.X.grad ?? zeros_like(Input.X), Input.Statistics is { } statistics ? statistics.grad ?? zeros_like(statistics) : null);

    /// <inheritdoc/>
    public void Dispose()
    {
        Input?.Dispose();
        Output?.Dispose();
        Loss?.Dispose();
        row.Dispose();
    }
}
