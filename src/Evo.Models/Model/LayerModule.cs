using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>One layer with weights; emitted for a layer's record.</summary>
public abstract class LayerModule(string name, CausalLMModule model) : nn.Module(name)
{
    /// <summary>The mode and this rank's groups.</summary>
    public RankContext Ranks => model.Ranks;

    /// <summary>Whether dropout drops.</summary>
    public bool Dropping => training && model.Options.Dropout;

    private List<(Tensor logits, int topK)>? routed;

    /// <summary>The layer's forward, [B, T, C] → [B, T, C].</summary>
    public abstract Tensor Run(Tensor x_BTC, Positions at);

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
