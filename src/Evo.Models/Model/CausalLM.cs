using System.Text.Json.Nodes;

namespace Evo.Models;

/// <summary>
/// A causal language model as a value: the numbers that its config.json says, and nothing else. A spec record derives from
/// this, and the generator fills in every abstract member from the record's attributes and its forward.
/// </summary>
public abstract record CausalLM
{
    /// <summary>The family: its names, its config keys and how to read them.</summary>
    public abstract ModelFamily Family { get; }

    /// <summary>
    /// Every tensor of the model in the order in which the data flow meets it, tied ones once. Computed on each call: keep it.
    /// </summary>
    public abstract IReadOnlyList<ParameterInfo> Parameters { get; }

    /// <summary>The sizes that planners, caches and reports ask for, by role.</summary>
    public abstract ModelSize Size { get; }

    /// <summary>
    /// The longest sequence up to which the keys and values of earlier tokens stay what they were; beyond it (dynamic rotary
    /// scaling turns every token by the length of the whole) a cache must be truncated to 0 and all tokens computed again.
    /// </summary>
    public abstract long CacheLimit { get; }

    /// <summary>
    /// Why the forward cannot be cut at its layers, as a pipeline needs it; null where it can, as in every family here.
    /// </summary>
    public abstract string? Pipelines { get; }

    /// <summary>Neutral config.json keys (token ids, versions, task settings) that were read and will be written again.</summary>
    public Extras Extras { get; init; } = Extras.None;

    /// <summary>This model's config.json, with <c>architectures</c>, <c>model_type</c> and the neutral keys that were read.</summary>
    public abstract JsonObject ToHuggingFace();

    /// <summary>
    /// The serial module: the record's own forward over fresh parameters, uninitialised until
    /// <see cref="CausalLMModule.Initialize"/> or a loader fills them. The caller owns and disposes it.
    /// </summary>
    /// <exception cref="ModelConfigException">The sizes contradict each other; every problem is listed.</exception>
    public abstract CausalLMModule Build(BuildOptions options);

    /// <summary>
    /// What is wrong with the sizes, in one line each that begins with the key; empty for a model that can be built.
    /// </summary>
    public abstract IReadOnlyList<string> Problems(KeyNames names = KeyNames.HuggingFace);

    /// <summary>Rules of the family's own that no attribute says; called once each size is known to be positive.</summary>
    protected virtual void Check(Rules rules)
    {
    }

    /// <summary>Floating point operations of one forward pass over [batch, length] tokens, from the data flow of the record.</summary>
    public abstract void CountForward(FlopCounter counter);

    /// <summary>The whole numbers that a configuration may set, each with what it is a size of.</summary>
    public abstract IReadOnlyList<SizeProperty> SizeProperties { get; }

    /// <summary>The same model with another value of one of <see cref="SizeProperties"/>; null unsets one that may be unset.</summary>
    public abstract CausalLM Resized(string property, int? value);

    /// <summary>What one mode sends, holds and asks for.</summary>
    public ModePlan Plan(ParallelMode mode) => Plan(new ModeDegrees(mode));

    /// <summary>What one mode sends, holds and asks for; the degree decides only how a table of embeddings is cut.</summary>
    public ModePlan Plan(ModeDegrees degrees)
    {
        var plan = new PlanBuilder(degrees);
        Describe(plan);
        return plan.Done;
    }

    /// <summary>Fills a plan, the model's own part first, then layer by layer.</summary>
    protected abstract void Describe(PlanBuilder plan);

    /// <summary>The auxiliary loss of a model with experts: transformers' form unless a record says otherwise; without meaning for others.</summary>
    public virtual RouterLoss RouterLoss => new(Balancing.Joint, 0.001);

    /// <summary>Numbers that one token meets: all but the experts that it does not choose.</summary>
    public long ActiveParameterCount => Parameters.Sum(p => p.ActiveCount);

    /// <summary>Learned numbers, a tied head counted once.</summary>
    public long ParameterCount => Parameters.Sum(p => p.Count);

    /// <summary>Floating point operations of each layer in one training step, without what stands before and behind the layers.</summary>
    public IReadOnlyList<Flops> FlopsOfLayers(long batch, long length)
    {
        var counter = new FlopCounter(batch, length);
        CountForward(counter);
        return counter.Layers;
    }

    /// <summary>Floating point operations of one training step over <paramref name="batch"/> rows of <paramref name="length"/> tokens.</summary>
    public Flops FlopsPerStep(long batch, long length)
    {
        var counter = new FlopCounter(batch, length);
        CountForward(counter);
        return counter.Total;
    }
}
