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
public abstract partial class CausalLMModule : nn.Module
{
    private readonly Dictionary<string, ParameterInfo> described;
    private readonly IReadOnlyList<RouterCarry.Row> routerRows;
    private readonly int layerCount;
    private BlockRandom? random;
    private readonly Dictionary<string, Parameter> made = new(StringComparer.Ordinal);

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
        layerCount = spec.Size.LayerCount;
        Stage = options.Stage ?? new(0, layerCount);
        if (Stage.First < 0 || Stage.Count < 1 || Stage.End > layerCount)
            throw new ArgumentException($"Stage = {Stage.First} .. {Stage.End}: a stage has at least one of the layers 0 to {layerCount - 1}", nameof(options));
        if (options.Keeps is { } given && given.Count != Stage.Count)
            throw new ArgumentException($"Keeps has {given.Count} layers, and the stage {Stage.Count}", nameof(options));
        if (Stage.Count < layerCount && spec.Pipelines is { } reason)
            throw new ModelConfigException(spec.Family.Name, [reason]);
        described = spec.Parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
        routerRows = RouterCarry.Rows(described.Values);
        if (described.Values.FirstOrDefault(p => p.Kind == ParameterKind.Expert && p.Shape[0] % Ranks.Expert.Size != 0) is { } experts)
            throw new ModelConfigException(spec.Family.Name, [$"the {experts.Shape[0]} experts of {experts.Name} are not dealt out to {Ranks.Expert.Size} ranks; use a divisor"]);
    }

    /// <summary>What was built.</summary>
    public CausalLM Spec { get; }

    /// <summary>How it was built.</summary>
    public BuildOptions Options { get; }

    /// <summary>The mode and this rank's groups.</summary>
    public RankContext Ranks => Options.Ranks;

    /// <summary>The random choices before and behind the layers.</summary>
    public BlockRandom Random => random ??= new(() => training && Options.Dropout);

    /// <summary>Every parameter of the stage with its description, in the order of the data flow.</summary>
    public IReadOnlyList<ModuleParameter> Table =>
        [.. described.Values.Where(p => Stage.Holds(p, layerCount)).Select(p => new ModuleParameter(p, made[p.Name]))];

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
        using var share = ParameterLayout.Share(info, drawn, Ranks);
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
