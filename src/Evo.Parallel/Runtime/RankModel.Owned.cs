// What a rank owns of logical tensors, as boxes of the whole: what checkpoints are made of.
using Evo.Core;
using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A parameter of which this rank owns state.</summary>
/// <param name="Info">The parameter.</param>
/// <param name="Boxes">Its elements that this rank owns, with their places among what <see cref="RankModel.OwnedValues"/> gives.</param>
/// <param name="Copies">Which of the ranks that own the same elements are the same ones: parameters with equal texts are shared by the same ranks.</param>
/// <param name="Copy">This rank's place among them.</param>
/// <param name="CopyCount">How many there are.</param>
public sealed record OwnedParameter(ParameterInfo Info, IReadOnlyList<HeldBox> Boxes, string Copies, int Copy, int CopyCount);

public sealed partial class RankModel
{
    /// <summary>The stage of the pipeline that holds a parameter; the first of them where two do.</summary>
    public int HolderOf(ParameterInfo info) =>
        Schedule.HolderOf(Enumerable.Range(0, Schedule.Shape.VirtualStages).First(stage => ranges[stage].Holds(info, Spec.Size.LayerCount))).Rank;

    /// <summary>This rank's place among the ranks of its stage.</summary>
    public int PlaceInStage => (Groups.Data.Rank * Groups.Tensor.Size) + Groups.Tensor.Rank;

    /// <summary>Ranks of a stage.</summary>
    public int StageRanks => Groups.Data.Size * Groups.Tensor.Size;

    /// <summary>
    /// A parameter's state as one tensor, on every rank of the stage that holds it; null on the others. All ranks of that stage
    /// call this for the same parameters in the same order. The caller owns the tensor; where one rank holds everything it is a
    /// view of the buffer.
    /// </summary>
    public Tensor? WholeOnStage(ParameterInfo info, StateKind kind) =>
        Groups.Pipeline.Rank == HolderOf(info) ? OverCuts(info, Optimizer.ReadWhole(info.Name, kind)) : null;

    /// <summary>Every parameter of this rank, in the order of the data flow.</summary>
    public IReadOnlyList<OwnedParameter> Owned()
    {
        var (infos, ranks) = (Infos(), Chunks[0].Module.Ranks);
        return [.. Optimizer.Parameters.Select(parameter =>
        {
            var info = infos[parameter.Name];
            var cuts = ParameterLayout.CutsOf(info, ranks);
            using var scope = NewDisposeScope();
            var (values, start) = Optimizer.ReadOwned(parameter.Name, StateKind.ExpAvg);
            var boxes = Held.Boxes(
                info.Shape, cuts.Select(c => new AxisCut(c.Cut.Dim, c.Cut.Outer, c.Cut.Count, c.Cut.Inner, c.Group.Size, c.Group.Rank)), start, values.numel());

            // The same elements lie on the replicas of the class, on all of the tensor group where it cuts nothing, and on both
            // stages that have a tied table.
            var (copy, count) = Optimizer.ReplicaOf(parameter.Name);
            var alike = parameter.Class == ReductionClass.Data && cuts.Count == 0;
            if (alike)
            {
                (copy, count) = ((copy * Groups.Tensor.Size) + Groups.Tensor.Rank, count * Groups.Tensor.Size);
            }

            var twice = info.Name == tied && ends is not null;
            if (twice)
            {
                (copy, count) = ((copy * 2) + ends!.Rank, count * 2);
            }

            return new OwnedParameter(info, boxes, $"{parameter.Class}, {alike}, {twice}", copy, count);
        })];
    }

    /// <summary>
    /// The numbers of a parameter's state that this rank owns, side by side: a view of the buffer, for which nobody is asked, but of
    /// master weights that are split. To be written to only in <see cref="ChangeOwned"/>, where <see cref="KeepOwned"/> follows.
    /// </summary>
    public Tensor OwnedValues(OwnedParameter parameter, StateKind kind) => Optimizer.ReadOwned(parameter.Info.Name, kind).Values;

    /// <summary>Keeps <see cref="OwnedValues"/> that were written to.</summary>
    public void KeepOwned(OwnedParameter parameter, StateKind kind, Tensor values) => Optimizer.KeepOwned(parameter.Info.Name, kind, values);

    /// <summary>
    /// Runs what writes to <see cref="OwnedValues"/>, weights as <see cref="StateKind.Master"/>: what every rank wrote is trained
    /// from here on, on all that hold it. All ranks call this together.
    /// </summary>
    public void ChangeOwned(Action change)
    {
        using var quiet = no_grad();
        change();
        Optimizer.SpreadOwned();
    }
}
