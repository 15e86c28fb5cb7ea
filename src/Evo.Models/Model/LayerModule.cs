using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>One layer with weights; emitted for a layer's record.</summary>
/// <param name="name">Of the record.</param>
/// <param name="model">The model that it is a layer of.</param>
/// <param name="index">Its number in the whole model, from 0.</param>
public abstract class LayerModule(string name, CausalLMModule model, int index) : nn.Module(name)
{
    /// <summary>The mode and this rank's groups.</summary>
    public RankContext Ranks => model.Ranks;

    /// <summary>The layer's random choices.</summary>
    public BlockRandom Random => random ??= new(() => training && model.Options.Dropout);

    private BlockRandom? random;
    private List<(Tensor logits, int topK)>? routed;

    /// <summary>The layer's forward, [B, T, C] → [B, T, C].</summary>
    public Tensor Run(Tensor x_BTC, Positions at)
    {
        Random.Begin(at, 1 + index);
        return Compute(x_BTC, at);
    }

    /// <summary>The forward of the mode.</summary>
    protected abstract Tensor Compute(Tensor x_BTC, Positions at);

    /// <summary>The forward's result, then where <paramref name="topK"/> is not null the logits of each router, whose choices per token it gets.</summary>
    internal Tensor[] Run(Tensor x_BTC, Positions at, List<int>? topK)
    {
        if (topK is null)
            return [Run(x_BTC, at)];
        routed = [];
        try
        {
            var y = Run(x_BTC, at);
            topK.Clear();
            topK.AddRange(routed.Select(r => r.topK));
            return [y, .. routed.Select(r => r.logits)];
        }
        finally
        {
            routed = null;
        }
    }

    /// <summary>Passes a router's logits on to its experts, and keeps them for the auxiliary loss: emitted bodies call this.</summary>
    public Tensor Routed(Tensor logits_BTE, int topK)
    {
        routed?.Add((logits_BTE, topK));
        return logits_BTE;
    }

    /// <inheritdoc/>
    /// <remarks>Parts are registered by name where they are made; nothing is found by reflection.</remarks>
    protected sealed override void RegisterComponents()
    {
    }
}
