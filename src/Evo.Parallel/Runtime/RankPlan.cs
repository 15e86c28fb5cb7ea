using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>What a rank of a layout holds and keeps, on paper: no tensor is made and nobody is asked.</summary>
internal sealed class RankPlan
{
    // The table that embedding and head share, and the two ranks that hold it where the ends of the model are on different ones.
    private readonly string? tied;
    private readonly IReadOnlyList<int>? ends;
    private readonly RankGroups groups;
    private ModePlan? mode;

    /// <param name="spec">The model.</param>
    /// <param name="layout">How it is spread.</param>
    /// <param name="groups">The rank's groups, of which nothing but sizes and places is asked.</param>
    /// <param name="options">How it is made.</param>
    public RankPlan(CausalLM spec, Core.Layout layout, RankGroups groups, RankModelOptions options)
    {
        (Spec, Layout, Options, this.groups) = (spec, layout, options, groups);
        Schedule = options.Schedule ?? RankModel.ScheduleOf(layout);
        Rank = groups.Pipeline.Rank;
        Ranges = options.Stages ?? Even(Schedule, spec.Size.LayerCount);
        Stages = [.. Enumerable.Range(0, Schedule.Chunks).Select(chunk => Schedule.VirtualStage(Rank, chunk))];
        Ranks = groups.Context(options.EmbedSplitHidden);
        tied = spec.Parameters.FirstOrDefault(p => p.TiedNames.Count > 0 && p.Layer is null)?.Name;
        ends = tied is null ? null : EndsOf();
        Parameters = Describe([.. Stages.Select(stage => Ranges[stage])], Ranks);
    }

    /// <summary>The model.</summary>
    public CausalLM Spec { get; }

    /// <summary>How it is spread.</summary>
    public Core.Layout Layout { get; }

    /// <summary>How it is made.</summary>
    public RankModelOptions Options { get; }

    /// <summary>The order of the passes of a step.</summary>
    public Schedule Schedule { get; }

    /// <summary>The stage of the pipeline that the rank is.</summary>
    public int Rank { get; }

    /// <summary>The layers of each virtual stage.</summary>
    public IReadOnlyList<StageRange> Ranges { get; }

    /// <summary>The virtual stages of the rank, by its chunks.</summary>
    public IReadOnlyList<int> Stages { get; }

    /// <summary>What the emitted forwards need of the rank's groups.</summary>
    public RankContext Ranks { get; }

    /// <summary>The table that embedding and head share; null for none.</summary>
    public string? Tied => tied;

    /// <summary>The two ranks that hold that table, where this is one of them.</summary>
    public IReadOnlyList<int>? Ends => ends;

    /// <summary>Every parameter of the rank, in the order of the data flow.</summary>
    public IReadOnlyList<ShardedParameter> Parameters { get; }

    /// <summary>What the mode sends, holds and keeps.</summary>
    public ModePlan Mode => mode ??= Spec.Plan(new ModeDegrees(Ranks.Mode, Layout.Degrees.Tensor, Layout.Degrees.Weight)
    {
        Expert = Ranks.Expert.Size,
        Data = Ranks.Data.Size,
        NoTp = Ranks.NoTp,
        EmbedSplitHidden = Options.EmbedSplitHidden,
    });

    /// <summary>Whether weights are gathered block by block, and given back between forward and backward (isp).</summary>
    public bool GathersWeights => Options.Weights is not null && Ranks.Mode == ParallelMode.Isp && Ranks.Weight.Size > 1;

    /// <summary>The layout of one rank.</summary>
    /// <param name="recompute">Share of the layers that are computed again in the backward pass.</param>
    public static Core.Layout OneRank(double recompute) =>
        new(Core.Degrees.Single, PipelineMode.OneForwardOneBackward, 1, 1, recompute, false, GradientReduction.ReduceScatter);

    /// <summary>The flat buffers of the rank's parameters, one for each reduction class.</summary>
    public IReadOnlyList<FlatPlan> Flat()
    {
        MeshAxis Axis(ReductionClass kind) => kind switch
        {
            ReductionClass.WeightData => MeshAxis.WeightData,
            ReductionClass.ExpertData => MeshAxis.ExpertData,
            _ => MeshAxis.Data,
        };

        return FlatPlan.Of([.. Parameters.Select(p => p.Plain)], Options.BucketElements, kind => groups.Reduction(Axis(kind)).Zero.Size, Layout.Degrees.Fsdp > 1);
    }

    /// <summary>Of each chunk, bytes of the whole weights that each of its blocks gathers; what stands before and behind the layers counts for both.</summary>
    public IReadOnlyList<IReadOnlyList<long>> GatheredBlocks()
    {
        if (!GathersWeights)
        {
            return [];
        }

        long Bytes(int? layer) => Mode.Sites.Where(s => s.IsWeight && s.Axis == "weight" && s.InTraining && s.Layer == layer)
            .Sum(s => (long)s.Elements(1, 1, Layout.Degrees.Tensor, Layout.Degrees.Weight) * ActivationMemory.SizeOf(s.Type, Options.Dtype));

        return
        [
            .. Stages.Select(stage => Ranges[stage]).Select(range => (IReadOnlyList<long>)
            [
                .. range.First == 0 ? [Bytes(null)] : Array.Empty<long>(),
                .. Enumerable.Range(range.First, range.Count).Select(layer => Bytes(layer)),
                .. range.End == Spec.Size.LayerCount ? [Bytes(null)] : Array.Empty<long>(),
            ]),
        ];
    }

    /// <summary>The blocks of a chunk.</summary>
    public StageBlocks BlocksOf(StageRange stage) => new(stage, Spec.Size.LayerCount, Spec.Pipelines is null);

    /// <summary>What each layer of a chunk keeps.</summary>
    public IReadOnlyList<LayerKeeps> KeepsOf(StageRange stage) => Options.Keeps is { } keeps
        ? [.. keeps.Skip(stage.First).Take(stage.Count)]
        : BuildOptions.KeepsOf(stage.Count, Layout.Recompute, Layout.Selective);

    private static StageRange[] Even(Schedule schedule, int layers) => Partition.Uniform(schedule.Shape, layers) is { IsOk: true, ResultValue: var partition }
        ? [.. partition.Ranges.Select(range => new StageRange(range.First, range.End))]
        : throw new ArgumentException($"{layers} layers do not fill the {schedule.Shape.VirtualStages} stages of {schedule.Shape}");

    private int[]? EndsOf()
    {
        int first = Schedule.HolderOf(0).Rank, last = Schedule.HolderOf(Schedule.Shape.VirtualStages - 1).Rank;
        return first != last && (Rank == first || Rank == last) ? [groups.Pipeline.Ranks[first], groups.Pipeline.Ranks[last]] : null;
    }

    // Every parameter of the rank once, in the order of the data flow; blocks of later chunks follow those of earlier ones.
    private List<ShardedParameter> Describe(StageRange[] stages, RankContext ranks)
    {
        var (described, firstBlock) = (new Dictionary<string, ShardedParameter>(StringComparer.Ordinal), 0);
        foreach (var stage in stages)
        {
            var blocks = BlocksOf(stage);
            foreach (var info in Spec.Parameters.Where(p => stage.Holds(p, Spec.Size.LayerCount)))
            {
                var read = blocks.ReadIn(info);
                if (described.TryGetValue(info.Name, out var before))
                {
                    // The other end of the model on the same rank: one table, read by one more block.
                    described[info.Name] = before with { UsedAlsoBy = firstBlock + read[^1], WaitsForStage = true };
                    continue;
                }

                described[info.Name] = new(info.Name, info.LocalShape(ranks), firstBlock + read[0], Options.DecayAll || info.Decays)
                {
                    Class = ClassOf(info, ranks),
                    Counts = Counts(info, ranks, stages),
                    UsedAlsoBy = read.Count > 1 ? firstBlock + read[1] : null,
                    WaitsForStage = info.Name == tied && ends is not null,
                };
            }

            firstBlock += blocks.Count;
        }

        return [.. described.Values];
    }

    private static ReductionClass ClassOf(ParameterInfo info, RankContext ranks) => ParameterLayout.ReducedOver(info, ranks) switch
    {
        GradientSumAxis.WeightData => ReductionClass.WeightData,
        GradientSumAxis.ExpertData => ReductionClass.ExpertData,
        _ => ReductionClass.Data,
    };

    // One of the ranks that hold the same elements counts them in the norm. Replicas of a class are the optimizer's business.
    private bool Counts(ParameterInfo info, RankContext ranks, StageRange[] stages) =>
        (ClassOf(info, ranks) != ReductionClass.Data || ranks.Tensor.Rank == 0 || ParameterLayout.CutsOf(info, ranks).Count > 0)
        && (info.Name != tied || ends is null || stages.Any(stage => stage.First == 0));
}
