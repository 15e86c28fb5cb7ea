using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>How a rank's model is made, beside its layout.</summary>
public sealed record RankModelOptions
{
    /// <summary>Dtype of weights and activations.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>Where it is; null is the processor.</summary>
    public Device? Device { get; init; }

    /// <summary>Whether norms and biases decay too.</summary>
    public bool DecayAll { get; init; }

    /// <summary>Elements at which a bucket of gradients is closed.</summary>
    public long BucketElements { get; init; } = 1 << 25;

    /// <summary>Dtype in which gradients are sent; null for that of their sums.</summary>
    public ScalarType? ReduceDtype { get; init; }

    /// <summary>Whether gradients are summed in <see cref="Dtype"/> (<see cref="ShardingOptions.NarrowSums"/>).</summary>
    public bool NarrowSums { get; init; }

    /// <summary>Whether of master weights only what bfloat16 weights lack of them is kept (<see cref="ShardingOptions.SplitMaster"/>).</summary>
    public bool SplitMaster { get; init; }

    /// <summary>Whether gradients are summed while the backward pass goes on.</summary>
    public bool OverlapReduction { get; init; } = true;

    /// <summary>Whether updated weights arrive while the next forward pass begins.</summary>
    public bool OverlapGather { get; init; } = true;

    /// <summary>
    /// Whether gradients of weights are computed while those of inputs are summed over the tensor axis (<see cref="CoveredGroup"/>).
    /// </summary>
    public bool OverlapTensor { get; init; } = true;

    /// <summary>Blocks gathered ahead, of parameters that are fully sharded.</summary>
    public int GatherAhead { get; init; } = 1;

    /// <summary>
    /// When weights that are spread over the weight axis (isp) are gathered. Null leaves that to the emitted forward alone: autograd
    /// then keeps every whole weight until its backward.
    /// </summary>
    public WeightGathering? Weights { get; init; } = new();

    /// <summary>Whether tables of embeddings are cut along the hidden size.</summary>
    public bool EmbedSplitHidden { get; init; } = true;

    /// <summary>Whether dropout drops, and gates choose at random.</summary>
    public bool Dropout { get; init; } = true;

    /// <summary>The dynamic scale of the loss (float16); null for none.</summary>
    public LossScaler? LossScaler { get; init; }

    /// <summary>What each layer of the model keeps; null leaves it to the layout, which computes the first layers of each chunk again.</summary>
    public IReadOnlyList<LayerKeeps>? Keeps { get; init; }

    /// <summary>The layers of each virtual stage; null cuts them evenly.</summary>
    public IReadOnlyList<StageRange>? Stages { get; init; }

    /// <summary>Whether and how passes are recorded and replayed; null for no.</summary>
    public GraphOptions? Graphs { get; init; }

    /// <summary>Another schedule in the place of the layout's: tests make mistakes with it. Null takes the layout's.</summary>
    public Schedule? Schedule { get; init; }
}

/// <summary>
/// What one rank trains: the chunks of layers that it holds, over the flat buffers of its share of the optimizer. One rank with
/// the whole model is the simplest layout.
/// </summary>
public sealed partial class RankModel : IDisposable
{
    // The table that embedding and head share, and the two stages that hold it where they are on different ranks.
    private string? tied => Plan.Tied;
    private readonly ProcessGroup? ends;
    private readonly List<TiedCopy> copies = [];
    private readonly List<GatheredWeights?> gathered = [];

    // Gradients of weights that wait for a collective to cover; null where none is covered.
    private readonly WeightGradients? covering;
    private IReadOnlyList<StageRange> ranges => Plan.Ranges;

    // What the latest step's figures are read from.
    private StepValues? latest;
    private readonly GraphedPasses? graphs;

    private RankModel(CausalLM spec, Core.Layout layout, RankGroups groups, RankModelOptions options)
    {
        (Spec, Layout, Groups, Options) = (spec, layout, groups, options);
        Plan = new(spec, layout, groups, options);
        covering = options.OverlapTensor && Covers ? new() : null;
        graphs = options.Graphs is { } recorded ? new(recorded, options.Device ?? CPU, AllOfTensor) : null;
        ends = Plan.Ends is { } holders ? groups.Of("ends", holders) : null;
        Optimizer = new(Plan.Parameters, Sharding());
        try
        {
            Chunks = Build(Plan.Stages, Plan.Ranks);
        }
        catch
        {
            Optimizer.Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public CausalLM Spec { get; }

    /// <summary>How it is spread.</summary>
    public Core.Layout Layout { get; }

    /// <summary>This rank's groups.</summary>
    public RankGroups Groups { get; }

    /// <summary>How it was made.</summary>
    public RankModelOptions Options { get; }

    /// <summary>What this rank holds, on paper.</summary>
    internal RankPlan Plan { get; }

    /// <summary>The order of the passes of a step.</summary>
    public Schedule Schedule => Plan.Schedule;

    /// <summary>The chunks of layers of this rank, by the schedule's numbers.</summary>
    public IReadOnlyList<ModelChunk> Chunks { get; }

    /// <summary>
    /// Of each chunk whose weights are gathered for use: bytes of the whole weights that each of its blocks reads, and the most
    /// that were there or under way at a time.
    /// </summary>
    public IReadOnlyList<(IReadOnlyList<long> Blocks, long Peak)> GatheredBytes => [.. gathered.OfType<GatheredWeights>().Select(chunk => (chunk.BytesOfBlocks, chunk.PeakBytes))];

    /// <summary>Weights, gradients and the optimizer's state.</summary>
    public ShardedOptimizer Optimizer { get; }

    /// <summary>Makes the rank's model; its weights are zero until <see cref="Start"/> or a loader fills them.</summary>
    public static RankModel Build(CausalLM spec, Core.Layout layout, RankGroups groups, RankModelOptions options) => new(spec, layout, groups, options);

    /// <summary>The whole model on one rank.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="options">How it is made.</param>
    /// <param name="recompute">Share of the layers that are computed again in the backward pass.</param>
    public static RankModel OnOneRank(CausalLM spec, RankModelOptions options, double recompute = 0) => Build(
        spec,
        RankPlan.OneRank(recompute),
        new(new Topology(Core.Degrees.Single), new SoleRank()),
        options);

    /// <summary>Whether this rank speaks for all: it writes files and tells what happens.</summary>
    public bool Leads => Groups.Rank == 0;

    /// <summary>The schedule of a layout.</summary>
    public static Schedule ScheduleOf(Core.Layout layout) => Schedule.Of(layout.Shape).With(Receipt.Late);

    /// <summary>Draws the weights: the same model however it is spread.</summary>
    public void Start(ulong seed) => Fill(module => module.Initialize(seed));

    /// <summary>Fills the weights of each chunk; what is written is trained from here on.</summary>
    public void Fill(Action<CausalLMModule> fill) => Optimizer.ChangeWeights(() =>
    {
        foreach (var chunk in Chunks)
        {
            fill(chunk.Module);
        }
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        // The optimizer takes its gradients from the parameters, which must still be there.
        Optimizer.Dispose();
        latest?.Dispose();
        graphs?.Dispose();
        copies.ForEach(copy => copy.Dispose());
        gathered.ForEach(weights => weights?.Dispose());
        foreach (var chunk in Chunks)
        {
            chunk.Module.Dispose();
        }
    }

    private ShardingOptions Sharding()
    {
        var fsdp = Layout.Degrees.Fsdp > 1;
        return new()
        {
            Dtype = Options.Dtype,
            Device = Options.Device,
            Groups = new Dictionary<ReductionClass, ReductionGroups>
            {
                [ReductionClass.Data] = Groups.Reduction(MeshAxis.Data),
                [ReductionClass.WeightData] = Groups.Reduction(MeshAxis.WeightData),
                [ReductionClass.ExpertData] = Groups.Reduction(MeshAxis.ExpertData),
            },
            BucketElements = Options.BucketElements,
            Reduction = Layout.Reduction,
            ReduceDtype = Options.ReduceDtype,
            NarrowSums = Options.NarrowSums,
            SplitMaster = Options.SplitMaster,
            ZeroSums = Options.Graphs is not null,
            OverlapReduction = Options.OverlapReduction,
            OverlapGather = Options.OverlapGather,
            FullySharded = fsdp,
            GatherAhead = Options.GatherAhead,
            SumOverWorld = own => SumOverWorld(own, RuntimeSites.Norm),
            LossScaler = Options.LossScaler,
        };
    }

    private List<ModelChunk> Build(IReadOnlyList<int> stages, RankContext ranks)
    {
        var (chunks, firstBlock, attached) = (new List<ModelChunk>(), 0, new Dictionary<string, Parameter>(StringComparer.Ordinal));
        foreach (var stage in stages)
        {
            var events = Listens ? new ChunkEvents(this, firstBlock) : null;
            var weights = Options.Weights is { } when && ranks.Mode == ParallelMode.Isp && ranks.Weight.Size > 1 ? new GatheredWeights(Plan.BlocksOf(ranges[stage]).Count, when, events) : null;
            gathered.Add(weights);
            var module = Spec.Build(new BuildOptions
            {
                Dtype = Options.Dtype,
                Device = Options.Device,
                Keeps = Plan.KeepsOf(ranges[stage]),
                Dropout = Options.Dropout,
                Ranks = ranks with
                {
                    Tensor = covering is null ? ranks.Tensor : new CoveredGroup(ranks.Tensor, covering),
                    Weight = weights is null ? ranks.Weight : weights.Over(ranks.Weight),
                },
                Stage = ranges[stage],
                Storage = info => Optimizer.Weights(info.Name),
                Blocks = weights ?? (BlockEvents?)events,
            });
            var later = PutsOff ? new WeightGradients() : null;
            foreach (var parameter in module.Table)
            {
                // Autograd sums what the two ends of a tied table found; nothing of it is put off where the bits should stay.
                (later ?? (parameter.Info.Name == tied ? null : covering))?.PutOff(parameter.Value);
                GradientSums.AddInPlace(parameter.Value);
                if (!attached.TryAdd(parameter.Info.Name, parameter.Value))
                {
                    copies.Add(new(parameter.Value, Optimizer.StateDtype));
                }
            }

            module.train();
            chunks.Add(new(module, stage, later));
            firstBlock += module.BlockCount;
        }

        Optimizer.Attach(name => attached[name]);
        return chunks;
    }

    // A zero-bubble schedule has a time of its own for the gradients of weights.
    private bool PutsOff => Schedule.Kind.IsZeroBubbleH1 || Schedule.Kind.IsZeroBubbleV;

    // isp sums no inputs, and the columns of fsp cover their own: they gather what the product needs.
    private bool Covers => !PutsOff && Layout.Degrees.Tensor > 1 && Layout.Degrees.Mode is TensorMode.Mtp or TensorMode.Msp;

    // Blocks are watched only where something is to be done between them.
    private bool Listens => Layout.Degrees.Fsdp > 1 || ((Options.OverlapReduction || Options.OverlapGather) && Layout.Degrees.StageSize > 1);

    // A chunk's blocks by their numbers on the rank.
    private sealed class ChunkEvents(RankModel model, int first) : BlockEvents
    {
        public override void BeforeForward(int block) => model.Optimizer.BeforeForward(first + block);

        public override void AfterForward(int block) => model.Optimizer.AfterForward(first + block);

        public override void BeforeBackward(int block) => model.Optimizer.BeforeBackward(first + block);

        public override void AfterBackward(int block)
        {
            model.covering?.Take().Invoke();
            model.Optimizer.AfterBackward(first + block);
        }
    }
}
