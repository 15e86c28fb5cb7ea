using Evo.Core;
using Evo.Data;
using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What one rank writes of a checkpoint: some of the model's tensors, whole, and the pieces of master weights and moments that it
/// owns. What several ranks own alike is written by one of them.
/// </summary>
internal sealed class RankFiles : IDisposable
{
    private readonly RankModel model;
    private readonly Dictionary<string, (HostFile File, PlannedPiece[] Pieces)> weights = new(StringComparer.Ordinal);
    private readonly List<(HostFile File, PlannedPiece Piece, OwnedParameter Parameter, HeldBox Held, StateKind Kind)> states = [];
    private readonly List<HostFile> files = [];

    internal RankFiles(RankModel model)
    {
        this.model = model;
        PlanWeights();
        PlanStates();
    }

    /// <summary>The model's weights files, those of all ranks.</summary>
    internal IReadOnlyList<ModelFile> ModelFiles { get; private set; } = [];

    /// <summary>The states that an optimizer keeps beside the weights, under the names that they have in a checkpoint.</summary>
    internal static IEnumerable<(string Name, StateKind Kind)> Kinds(ShardedOptimizer optimizer)
    {
        if (optimizer.HasMaster)
        {
            yield return ("master", StateKind.Master);
        }

        yield return ("exp_avg", StateKind.ExpAvg);
        yield return ("exp_avg_sq", StateKind.ExpAvgSq);
    }

    /// <summary>Copies everything as it stands into the memory of the processor. All ranks call this together: weights are gathered, one tensor at a time.</summary>
    internal void Collect()
    {
        using var quiet = no_grad();
        foreach (var info in model.Spec.Parameters)
        {
            using var whole = model.WholeOnStage(info, StateKind.Weight);
            if (whole is not null && weights.TryGetValue(info.Name, out var mine))
            {
                foreach (var piece in mine.Pieces)
                {
                    using var scope = NewDisposeScope();
                    var part = Part(whole, piece.Box.Offset, piece.Box.Length);
                    mine.File.Place(piece).copy_((info.Transposed ? part.transpose(-1, -2) : part).reshape([.. piece.Plan.Shape]));
                }
            }
        }

        foreach (var (file, piece, parameter, held, kind) in states)
        {
            using var scope = NewDisposeScope();
            file.Place(piece).copy_(OwnedPart(model.OwnedValues(parameter, kind), held));
        }
    }

    /// <summary>Writes what was collected, and what it is.</summary>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    internal ManifestPart Write(string folder) => ManifestPart.Join([.. files.Select(file => file.Write(folder))]);

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(file => file.Dispose());

    /// <summary>A box of what a rank owns of a parameter, as a view of the owned values.</summary>
    internal static Tensor OwnedPart(Tensor values, HeldBox held) =>
        Part(values.narrow(0, held.Start, held.Shape.Aggregate(1L, (a, b) => a * b)).view(held.Shape), held.At, held.Box.Length);

    /// <summary>A box of a tensor, as a view.</summary>
    internal static Tensor Part(Tensor tensor, IReadOnlyList<long> offset, IReadOnlyList<long> length)
    {
        for (var dim = 0; dim < offset.Count; dim++)
        {
            tensor = tensor.narrow(dim, offset[dim], length[dim]);
        }

        return tensor;
    }

    private void PlanWeights()
    {
        ModelFiles = ModelFile.Of(model, TensorFiles.FileType(model.Optimizer.Dtype));
        foreach (var planned in ModelFiles.Where(file => file.Stage == model.Groups.Pipeline.Rank && file.Writer == model.PlaceInStage))
        {
            var file = Add(planned.Name, planned.Pieces);
            foreach (var parameter in planned.Pieces.GroupBy(piece => piece.Tensor))
            {
                weights.Add(parameter.Key, (file, [.. parameter]));
            }
        }
    }

    private void PlanStates()
    {
        var type = TensorFiles.FileType(model.Optimizer.StateDtype);
        var mine = model.Owned().GroupBy(parameter => (parameter.Copies, parameter.CopyCount)).SelectMany(alike =>
        {
            var parameters = alike.ToList();
            var writers = Spread.Evenly([.. parameters.Select(parameter => parameter.Info.Count)], alike.Key.CopyCount);
            return parameters.Where((parameter, i) => writers[i] == parameter.Copy);
        });
        var planned = (
            from parameter in mine
            from kind in Kinds(model.Optimizer)
            from held in parameter.Boxes
            let name = $"{kind.Name}.{parameter.Info.Name}"
            let key = held.Box.Volume == parameter.Info.Count ? name : name + held.Box
            select (Piece: new PlannedPiece(new(key, type, held.Box.Length), name, parameter.Info.Shape, held.Box), parameter, held, kind.Kind)).ToList();
        if (planned.Count > 0)
        {
            var file = Add($"optimizer-{model.Groups.Rank + 1:00000}-of-{model.Groups.Everyone.Size:00000}.safetensors", [.. planned.Select(p => p.Piece)]);
            states.AddRange(planned.Select(p => (file, p.Piece, p.parameter, p.held, p.Kind)));
        }
    }

    private HostFile Add(string name, IReadOnlyList<PlannedPiece> pieces)
    {
        var file = new HostFile(name, pieces, model.Optimizer.Device);
        files.Add(file);
        return file;
    }
}
