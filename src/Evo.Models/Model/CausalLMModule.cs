using System.Numerics;
using System.Text;
using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>One parameter of a module beside its description.</summary>
public sealed record ModuleParameter(ParameterInfo Info, Parameter Value);

/// <summary>
/// A model with weights. What is generated for a spec derives from this; a trainer, a verifier and a generator of text need
/// only this.
/// </summary>
public abstract class CausalLMModule : nn.Module
{
    private readonly Dictionary<string, ParameterInfo> described;
    private readonly Dictionary<string, Parameter> made = new(StringComparer.Ordinal);
    private ICollection<Tensor>? collecting;
    private ICollection<RouterOutput>? collectingRouters;

    /// <summary>Describes the model; the derived class makes the parts.</summary>
    protected CausalLMModule(CausalLM spec, BuildOptions options) : base(spec.Family.Name)
    {
        var problems = spec.Problems();
        if (problems.Count > 0)
            throw new ModelConfigException(spec.Family.Name, problems);
        if (options.RecomputeFraction is not (>= 0 and <= 1))
            throw new ArgumentException($"RecomputeFraction = {options.RecomputeFraction}: must be from 0 to 1", nameof(options));
        if (options.Ranks.Mode != ParallelMode.Serial && spec.Plan(options.Ranks.Mode).Problems(options.Ranks.Tensor.Size) is { Count: > 0 } wrong)
            throw new ModelConfigException(spec.Family.Name, wrong);
        (Spec, Options) = (spec, options);
        described = spec.Parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
    }

    /// <summary>What was built.</summary>
    public CausalLM Spec { get; }

    /// <summary>How it was built.</summary>
    public BuildOptions Options { get; }

    /// <summary>The mode and this rank's groups.</summary>
    public RankContext Ranks => Options.Ranks;

    /// <summary>Whether dropout drops.</summary>
    public bool Dropping => training && Options.Dropout;

    /// <summary>Every parameter with its description, in the order of the data flow.</summary>
    public IReadOnlyList<ModuleParameter> Table => [.. described.Values.Select(p => new ModuleParameter(p, made[p.Name]))];

    /// <summary>
    /// Final hidden states, [B, T, C] after the last norm.
    /// </summary>
    /// <param name="ids_BT">Token ids, int64 [B, T].</param>
    /// <param name="at">Where the tokens stand; its cache, if any, has moved on by T tokens on return.</param>
    /// <param name="hiddenStates">Where not null: gets the input of the first layer and the output of each, n + 1 tensors.</param>
    /// <param name="routers">Where not null: gets what each router said, in order of the layers; recomputed layers give it too.</param>
    public Tensor Hidden(Tensor ids_BT, Positions at, ICollection<Tensor>? hiddenStates = null, ICollection<RouterOutput>? routers = null)
    {
        if (ids_BT.dim() != 2 || ids_BT.shape[1] != at.Length)
            throw new ArgumentException($"token ids [{string.Join(", ", ids_BT.shape)}] do not fit positions of {at.Length} tokens: they must be [B, {at.Length}]", nameof(ids_BT));
        if (LearnedPositions is var most and > 0 && at.End > most)
            throw new ArgumentException($"position {at.End - 1} is beyond the {most} learned positions of this model", nameof(at));
        if (at.Cache is { Length: > 0 } && at.End > Spec.CacheLimit)
            throw new InvalidOperationException(
                $"a sequence of {at.End} tokens is longer than the {Spec.CacheLimit} up to which a cache stays right under dynamic rotary scaling: truncate it to 0 and compute all tokens");
        (collecting, collectingRouters) = (hiddenStates, routers);
        try
        {
            var hidden = Compute(ids_BT, at);
            at.Cache?.Advance(at.Length);
            return hidden;
        }
        finally
        {
            (collecting, collectingRouters) = (null, null);
        }
    }

    /// <summary>Logits [B, T, V] of final hidden states.</summary>
    public abstract Tensor Logits(Tensor hidden);

    /// <summary>
    /// Cross entropy of the next tokens, summed in nats, and the number of labels that counted. Never holds all logits at once.
    /// </summary>
    /// <param name="ids_BT">Token ids, int64 [B, T].</param>
    /// <param name="labels_BT">The token after each, int64 [B, T]; −100 does not count.</param>
    /// <param name="at">Where the tokens stand.</param>
    /// <param name="labelSmoothing">Share of the target spread evenly over the vocabulary.</param>
    public (Tensor lossSum, Tensor count) Loss(Tensor ids_BT, Tensor labels_BT, Positions at, double labelSmoothing = 0)
    {
        var hidden = Hidden(ids_BT, at);
        return HeadLoss(hidden, labels_BT, labelSmoothing);
    }

    /// <summary>As <see cref="Loss"/>, with the auxiliary losses of the same pass; null for a model without experts.</summary>
    public (Tensor lossSum, Tensor count, AuxiliaryLosses? auxiliary) LossWithRouters(
        Tensor ids_BT, Tensor labels_BT, Positions at, double labelSmoothing = 0)
    {
        var routers = new List<RouterOutput>();
        var hidden = Hidden(ids_BT, at, routers: routers);
        var (sum, count) = HeadLoss(hidden, labels_BT, labelSmoothing);
        return (sum, count, AuxiliaryLoss(routers));
    }

    /// <summary>The auxiliary losses of what routers said in one pass, as the model puts them together; null where there are none.</summary>
    public AuxiliaryLosses? AuxiliaryLoss(IReadOnlyCollection<RouterOutput> routers) =>
        routers.Count == 0 ? null : RouterStatistics.Losses([.. routers.Select(r => RouterStatistics.Of(r).OverAll(Ranks))], Spec.RouterLoss.Balancing);

    /// <summary>
    /// Gives every parameter its start: drawn in float32 from a stream of its own that depends on <paramref name="seed"/>
    /// and on its name only, so that neither the order nor the number of the others matters.
    /// </summary>
    public void Initialize(ulong seed)
    {
        using (no_grad())
            foreach (var (info, value) in Table)
                Start(info, value, seed);
    }

    // Each rank draws the whole and keeps its share, so that the model is the same however it is spread.
    private void Start(ParameterInfo info, Parameter value, ulong seed)
    {
        if (info.Init.Std == 0)
        {
            nn.init.constant_(value, info.Init.Constant);
            return;
        }
        using var generator = new Generator(Stream(seed, info.Name));
        using var drawn = empty([.. info.Shape], float32);
        drawn.normal_(0, info.Init.Std, generator);
        using var share = Layout.Share(info, drawn, Ranks);
        value.copy_(share);
    }

    /// <summary>The seed of a parameter's stream: its name (FNV-1a), mixed with the run's seed (SplitMix64).</summary>
    public static ulong Stream(ulong seed, string name)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 1099511628211UL;
        var z = hash + BitOperations.RotateLeft(seed, 32) + seed * 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>The record's forward over this module's weights.</summary>
    protected abstract Tensor Compute(Tensor ids_BT, Positions at);

    /// <summary>Head and cross entropy together over [B, T, C] hidden states and [B, T] labels.</summary>
    protected abstract (Tensor lossSum, Tensor count) HeadLoss(Tensor hidden_BTC, Tensor labels_BT, double labelSmoothing);

    /// <summary>Rows of the table that positions come from, beyond which there is none; 0 where there is no table.</summary>
    protected virtual int LearnedPositions => 0;

    /// <summary>
    /// The tensors of the part called <paramref name="name"/>, made as the parameter table says: emitted constructors call
    /// this once per part.
    /// </summary>
    public Weights Part(string name)
    {
        var weight = Make(name + ".weight")!;
        return new Weights(name, weight, Make(name + ".bias"));
    }

    /// <summary>The stacked weights of the experts part called <paramref name="name"/>.</summary>
    public ExpertWeights Experts(string name) =>
        new(name, described.ContainsKey(name + ".gate.weight") ? Part(name + ".gate") : null, Part(name + ".up"), Part(name + ".down"));

    private Parameter? Make(string name)
    {
        if (!described.TryGetValue(name, out var info))
            return null;
        var storage = Options.Storage?.Invoke(info) ?? empty([.. info.LocalShape(Ranks)], Options.Dtype, Options.Device);
        if (!storage.shape.SequenceEqual(info.LocalShape(Ranks)))
            throw new InvalidOperationException($"the storage given for {name} is [{string.Join(", ", storage.shape)}], not [{string.Join(", ", info.LocalShape(Ranks))}]");
        var parameter = new Parameter(storage);
        parameter.DetachFromDisposeScope();
        return made[name] = parameter;
    }

    /// <summary>
    /// Runs the layers one after the other. Each layer's intermediate tensors are freed when it ends (autograd keeps what it
    /// needs); the first share of them keeps only its input and is computed again in the backward pass.
    /// </summary>
    public Tensor Run(IReadOnlyList<LayerModule> layers, Tensor x, Positions at)
    {
        var recomputed = training && is_grad_enabled() ? (int)(layers.Count * Options.RecomputeFraction) : 0;
        var collected = collectingRouters;
        collecting?.Add(x);
        for (int i = 0; i < layers.Count; i++)
        {
            var layer = layers[i];
            using var scope = NewDisposeScope();
            // Logits are outputs of the layer beside its hidden state: as mere side effects they would be outside of the graph
            // of a layer that is computed again.
            var topK = collected is null ? null : new List<int>();
            var outputs = i < recomputed
                ? Recompute.Run(inputs => layer.Run(inputs[0], at, topK), x)
                : layer.Run(x, at, topK);
            x = outputs[0].MoveToOuterDisposeScope();
            collecting?.Add(x);
            for (int r = 1; r < outputs.Length; r++)
                collected!.Add(new(i, outputs[r].MoveToOuterDisposeScope(), topK![r - 1]));
        }
        return x;
    }

    /// <inheritdoc/>
    /// <remarks>Parts are registered by name where they are made; nothing is found by reflection.</remarks>
    protected sealed override void RegisterComponents()
    {
    }

    /// <summary>Fills a fresh module by <see cref="BuildOptions.InitSeed"/>; the last line of an emitted constructor.</summary>
    protected void Ready()
    {
        if (Options.InitSeed is { } seed)
            Initialize(seed);
    }
}

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
