// A module as a stage of a pipeline: its forward in pieces, and the blocks that its weights belong to.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

public abstract partial class CausalLMModule
{
    /// <summary>The layers that this module has; all unless <see cref="BuildOptions.Stage"/> says otherwise.</summary>
    public StageRange Stage { get; }

    /// <summary>Whether the module has what stands before the layers.</summary>
    public bool HoldsEntry => Stage.First == 0;

    /// <summary>Whether the module has what stands behind the layers, the head among it.</summary>
    public bool HoldsExit => Stage.End == layerCount;

    /// <summary>
    /// Blocks of the module: what stands before its layers, where it has that; each of its layers; and what stands behind them
    /// with the head. A forward that cannot be cut (<see cref="CausalLM.Pipelines"/>) is one block.
    /// </summary>
    public int BlockCount => Blocks.Count;

    private int FirstLayerBlock => HoldsEntry ? 1 : 0;

    /// <summary>The block that a parameter belongs to; a table that embedding and head share, to the embedding's where it is held.</summary>
    public int BlockOf(ParameterInfo info) => Blocks.Of(info);

    /// <summary>The blocks that read a parameter: its own, and the last one too for a table that embedding and head share.</summary>
    public IReadOnlyList<int> ReadIn(ParameterInfo info) => Blocks.ReadIn(info);

    private StageBlocks Blocks => new(Stage, layerCount, Spec.Pipelines is null);

    /// <summary>From token ids [B, T] to what the first layer reads: a rank's own tokens where the mode spreads them.</summary>
    public Tensor Enter(Tensor ids_BT, Positions at)
    {
        Need(HoldsEntry, nameof(Enter), "the first");
        Check(ids_BT, at);
        Options.Blocks?.BeforeForward(0);
        Random.Begin(at, 0);
        var x = BlockGate.Outputs(Options.Blocks, 0, [ComputeEntry(ids_BT, at)])[0];
        Options.Blocks?.AfterForward(0);
        return x;
    }

    /// <summary>The layers of the stage, from what the layer before them left to what the one behind them reads.</summary>
    /// <param name="x_BTC">Of the same shape as the result.</param>
    /// <param name="at">Where the tokens stand, as in every other stage.</param>
    /// <param name="routers">Where not null: what routers said is added to it.</param>
    public Tensor RunLayers(Tensor x_BTC, Positions at, RouterCarry? routers = null)
    {
        if (Spec.Pipelines is { } reason)
            throw new InvalidOperationException($"{Spec.Family.Name} runs in one piece: {reason}");
        return Carrying(routers, () => Run(Layers, x_BTC, at));
    }

    /// <summary>From what the last layer left to final hidden states; <see cref="HeadLoss"/> or <see cref="Logits"/> ends the block.</summary>
    public Tensor Exit(Tensor x_BTC, Positions at)
    {
        Need(HoldsExit, nameof(Exit), "the last");
        Options.Blocks?.BeforeForward(BlockCount - 1);
        Random.Begin(at, 1 + layerCount);
        return ComputeExit(BlockGate.Input(Options.Blocks, BlockCount - 1, x_BTC), at);
    }

    /// <summary>Head and cross entropy together over final hidden states and [B, T] labels: the figures of <see cref="Loss"/>.</summary>
    public (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) HeadLoss(
        Tensor hidden_BTC, Tensor labels_BT, double labelSmoothing = 0, double zLoss = 0)
    {
        Need(HoldsExit, nameof(HeadLoss), "the last");
        var (sum, count, right, zSum) = ComputeLoss(hidden_BTC, labels_BT, labelSmoothing, zLoss);
        return (Left([sum])[0], count, right, zSum);
    }

    /// <summary>Statistics of the routers of one pass, to be given to <see cref="RunLayers"/>; null for a model without experts.</summary>
    /// <param name="received">In any stage but the first: <see cref="RouterCarry.Sums"/> of the stage before, of <see cref="RouterCarry.Shape"/>.</param>
    public RouterCarry? Routers(Tensor? received = null) => routerRows.Count == 0 ? null : new(this, routerRows, received);

    /// <summary>
    /// The auxiliary losses of one pass, from the statistics of all its layers and, on every rank alike, over the tokens of all
    /// ranks; null where there are no routers. Its gradient is that of this rank's tokens: over data replicas a sum is due.
    /// </summary>
    public AuxiliaryLosses? AuxiliaryLoss(RouterCarry? routers) => routers?.Losses(Spec.RouterLoss.Balancing);

    // The end of the last block.
    private Tensor[] Left(Tensor[] outputs)
    {
        var passed = BlockGate.Outputs(Options.Blocks, BlockCount - 1, outputs);
        Options.Blocks?.AfterForward(BlockCount - 1);
        return passed;
    }

    private void Need(bool held, string what, string which)
    {
        if (!held)
            throw new InvalidOperationException($"{what}: this module has {Stage} of {layerCount}, and {which} is not among them");
    }
}
