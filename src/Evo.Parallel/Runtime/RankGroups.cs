using Evo.Core;
using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The groups of one rank: the topology's lists of ranks as things that talk.</summary>
public sealed class RankGroups
{
    private readonly RankWorld world;
    private readonly Func<ProcessGroup, ProcessGroup> around;

    /// <param name="topology">Who is with whom.</param>
    /// <param name="world">This rank among all; as many as the topology has.</param>
    /// <param name="around">Decorates each group (recorders, mutants); none unless given.</param>
    public RankGroups(Topology topology, RankWorld world, Func<ProcessGroup, ProcessGroup>? around = null)
    {
        if (world.Size != topology.Degrees.World)
        {
            throw new ArgumentException($"{world.Size} ranks, and a topology of {topology.Degrees.World}", nameof(world));
        }

        (Topology, this.world, this.around) = (topology, world, around ?? (group => group));
        Everyone = Make("world", MeshAxis.World);
        Tensor = Make("tensor", MeshAxis.Tensor);
        Data = Make("data", MeshAxis.Data);
        Pipeline = Make("pipeline", MeshAxis.Pipeline);
        Weight = Make("weight", MeshAxis.Weight);
        WeightData = Make("weight_data", MeshAxis.WeightData);
        Expert = Make("expert", MeshAxis.Expert);
        ExpertData = Make("expert_data", MeshAxis.ExpertData);
    }

    /// <summary>Who is with whom.</summary>
    public Topology Topology { get; }

    /// <summary>This rank's number.</summary>
    public int Rank => world.Rank;

    /// <summary>All ranks.</summary>
    public ProcessGroup Everyone { get; }

    /// <summary>Ranks that share one batch.</summary>
    public ProcessGroup Tensor { get; }

    /// <summary>Ranks with batches of their own.</summary>
    public ProcessGroup Data { get; }

    /// <summary>The stages of this rank's pipeline, in their order.</summary>
    public ProcessGroup Pipeline { get; }

    /// <summary>Ranks that hold a share each of every weight (isp).</summary>
    public ProcessGroup Weight { get; }

    /// <summary>Ranks that hold the same shares of weights (isp).</summary>
    public ProcessGroup WeightData { get; }

    /// <summary>Ranks over which experts are dealt out.</summary>
    public ProcessGroup Expert { get; }

    /// <summary>Ranks that hold the same experts.</summary>
    public ProcessGroup ExpertData { get; }

    /// <summary>What a model's emitted forwards need of these.</summary>
    public RankContext Context(bool embedSplitHidden = true)
    {
        var degrees = Topology.Degrees;
        return new(degrees.StageSize == 1 ? ParallelMode.Serial : LayoutFacts.ModeOf(degrees.Mode), Tensor, Weight)
        {
            Expert = Expert,
            Data = Data,
            NoTp = degrees.NoTp,
            EmbedSplitHidden = embedSplitHidden,
        };
    }

    /// <summary>The groups over which gradients are summed and the optimizer's state is shared, for what one axis holds alike.</summary>
    public ReductionGroups Reduction(MeshAxis parent)
    {
        var name = parent switch { MeshAxis.Data => "data", MeshAxis.WeightData => "weight_data", _ => "expert_data" };
        var fsdp = Topology.Degrees.Fsdp > 1;
        return new(
            around(world.Group(name + "_zero", fsdp ? Topology.FsdpGroupOf(parent, Rank) : Topology.ZeroGroupOf(parent, Rank))),
            around(world.Group(name + "_replica", fsdp ? Topology.FsdpReplicaGroupOf(parent, Rank) : Topology.ZeroReplicaGroupOf(parent, Rank))));
    }

    /// <summary>Any other group that this rank belongs to.</summary>
    public ProcessGroup Of(string name, IReadOnlyList<int> ranks) => around(world.Group(name, ranks));

    private ProcessGroup Make(string name, MeshAxis axis) => around(world.Group(name, Topology.GroupOf(axis, world.Rank)));
}
