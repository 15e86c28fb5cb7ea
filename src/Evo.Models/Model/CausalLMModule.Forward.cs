// The forward of a whole model: hidden states, loss, logits.
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

public abstract partial class CausalLMModule
{
    private ICollection<Tensor>? collecting;
    private ICollection<RouterOutput>? collectingRouters;
    private RouterCarry? carrying;

    /// <summary>
    /// Final hidden states, [B, T, C] after the last norm.
    /// </summary>
    /// <param name="ids_BT">Token ids, int64 [B, T].</param>
    /// <param name="at">Where the tokens stand; its cache, if any, has moved on by T tokens on return.</param>
    /// <param name="hiddenStates">Where not null: gets the input of the first layer and the output of each, n + 1 tensors.</param>
    /// <param name="routers">Where not null: gets what each router said, in order of the layers; recomputed layers give it too.</param>
    public Tensor Hidden(Tensor ids_BT, Positions at, ICollection<Tensor>? hiddenStates = null, ICollection<RouterOutput>? routers = null)
    {
        (collecting, collectingRouters) = (hiddenStates, routers);
        try
        {
            return Hidden(ids_BT, at, (RouterCarry?)null);
        }
        finally
        {
            (collecting, collectingRouters) = (null, null);
        }
    }

    private Tensor Hidden(Tensor ids_BT, Positions at, RouterCarry? routers)
    {
        if (Stage.Count < layerCount)
            throw new InvalidOperationException($"this module has {Stage} of {layerCount} only: Enter, RunLayers and Exit are its forward");
        var hidden = Spec.Pipelines is null ? Exit(RunLayers(Enter(ids_BT, at), at, routers), at) : Uncut(ids_BT, at, routers);
        at.Cache?.Advance(at.Length);
        return hidden;
    }

    // A forward that cannot be cut is one block.
    private Tensor Uncut(Tensor ids_BT, Positions at, RouterCarry? routers)
    {
        Check(ids_BT, at);
        Options.Blocks?.BeforeForward(0);
        Random.Begin(at, 0);
        return Carrying(routers, () => Compute(ids_BT, at));
    }

    /// <summary>Logits [B, T, V] of final hidden states.</summary>
    public Tensor Logits(Tensor hidden)
    {
        Need(HoldsExit, nameof(Logits), "the last");
        return Left([ComputeLogits(hidden)])[0];
    }

    /// <summary>
    /// Cross entropy of the next tokens, summed in nats, with the z-loss of the head; the number of labels that counted; how many of
    /// these no other token's logit is above; and what part of the sum is z-loss. Never holds all logits at once.
    /// </summary>
    /// <param name="ids_BT">Token ids, int64 [B, T].</param>
    /// <param name="labels_BT">The token after each, int64 [B, T]; −100 does not count.</param>
    /// <param name="at">Where the tokens stand.</param>
    /// <param name="labelSmoothing">Share of the target spread evenly over the vocabulary.</param>
    /// <param name="zLoss">Coefficient of the z-loss, at least 0.</param>
    public (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) Loss(
        Tensor ids_BT, Tensor labels_BT, Positions at, double labelSmoothing = 0, double zLoss = 0)
    {
        var hidden = Hidden(ids_BT, at);
        return HeadLoss(hidden, labels_BT, labelSmoothing, zLoss);
    }

    /// <summary>As <see cref="Loss"/>, with the auxiliary losses of the same pass; null for a model without experts.</summary>
    public (Tensor lossSum, Tensor count, Tensor right, Tensor zSum, AuxiliaryLosses? auxiliary) LossWithRouters(
        Tensor ids_BT, Tensor labels_BT, Positions at, double labelSmoothing = 0, double zLoss = 0)
    {
        var routers = Routers();
        var hidden = Hidden(ids_BT, at, routers);
        var (sum, count, right, zSum) = HeadLoss(hidden, labels_BT, labelSmoothing, zLoss);
        return (sum, count, right, zSum, AuxiliaryLoss(routers));
    }

    private void Check(Tensor ids_BT, Positions at)
    {
        if (ids_BT.dim() != 2 || ids_BT.shape[1] != at.Length)
            throw new ArgumentException($"token ids [{string.Join(", ", ids_BT.shape)}] do not fit positions of {at.Length} tokens: they must be [B, {at.Length}]", nameof(ids_BT));
        if (LearnedPositions is var most and > 0 && at.End > most)
            throw new ArgumentException($"position {at.End - 1} is beyond the {most} learned positions of this model", nameof(at));
        if (at.Cache is { Length: > 0 } && at.End > Spec.CacheLimit)
            throw new InvalidOperationException(
                $"a sequence of {at.End} tokens is longer than the {Spec.CacheLimit} up to which a cache stays right under dynamic rotary scaling: truncate it to 0 and compute all tokens");
    }

    /// <summary>The whole forward of a record that cannot be cut at its layers.</summary>
    protected virtual Tensor Compute(Tensor ids_BT, Positions at) => throw new NotSupportedException("this forward is emitted in two parts, before and behind its layers");

    /// <summary>The forward up to the layers.</summary>
    protected virtual Tensor ComputeEntry(Tensor ids_BT, Positions at) => throw new NotSupportedException(Spec.Pipelines);

    /// <summary>The forward behind the layers.</summary>
    protected virtual Tensor ComputeExit(Tensor x_BTC, Positions at) => throw new NotSupportedException(Spec.Pipelines);

    /// <summary>The layers of the stage; none where the forward cannot be cut.</summary>
    protected virtual IReadOnlyList<LayerModule> Layers => [];

    /// <summary>The head's logits.</summary>
    protected abstract Tensor ComputeLogits(Tensor hidden);

    /// <summary>Head and cross entropy together over [B, T, C] hidden states and [B, T] labels.</summary>
    protected abstract (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) ComputeLoss(
        Tensor hidden_BTC, Tensor labels_BT, double labelSmoothing, double zLoss);

    /// <summary>Rows of the table that positions come from, beyond which there is none; 0 where there is no table.</summary>
    protected virtual int LearnedPositions => 0;

    /// <summary>
    /// Runs the layers one after the other. Each layer's intermediate tensors are freed when it ends (autograd keeps what it
    /// needs); one that does not keep everything is computed again in the backward pass.
    /// </summary>
    public Tensor Run(IReadOnlyList<LayerModule> layers, Tensor x, Positions at)
    {
        var keeps = training && is_grad_enabled() ? Options.KeepsOf(layers.Count) : null;
        var (events, asked) = (Spec.Pipelines is null ? Options.Blocks : null, collectingRouters is not null || carrying is not null);
        collecting?.Add(x);
        for (int i = 0; i < layers.Count; i++)
        {
            var (layer, block) = (layers[i], FirstLayerBlock + i);
            using var scope = NewDisposeScope();
            events?.BeforeForward(block);
            var input = BlockGate.Input(events, block, x);
            // Logits are outputs of the layer beside its hidden state: as mere side effects they would be outside of the graph
            // of a layer that is computed again.
            var topK = asked ? new List<int>() : null;
            var keep = keeps?[i] ?? LayerKeeps.Everything;
            var kept = keep == LayerKeeps.Attention ? new KeptAttention() : null;
            var outputs = keep != LayerKeeps.Everything
                ? Recompute.Run(inputs => at.Keeping(kept, () => layer.Run(inputs[0], at, topK)), input)
                : layer.Run(input, at, topK);
            outputs = BlockGate.Outputs(events, block, outputs);
            events?.AfterForward(block);
            x = outputs[0].MoveToOuterDisposeScope();
            collecting?.Add(x);
            for (int r = 1; r < outputs.Length; r++)
            {
                var said = new RouterOutput(Stage.First + i, outputs[r], topK![r - 1]);
                carrying?.Add(said);
                if (collectingRouters is not null)
                {
                    said.Logits.MoveToOuterDisposeScope();
                    collectingRouters.Add(said);
                }
            }
        }
        return x;
    }

    private Tensor Carrying(RouterCarry? routers, Func<Tensor> run)
    {
        carrying = routers;
        try
        {
            return run();
        }
        finally
        {
            carrying = null;
        }
    }
}
