using Evo.Core;
using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>A weights file of a checkpoint's Hugging Face folder, and who writes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Stage">The stage of the pipeline that holds its parameters.</param>
/// <param name="Writer">The place in that stage of the rank that writes it.</param>
/// <param name="Pieces">What it holds.</param>
internal sealed record ModelFile(string Name, int Stage, int Writer, IReadOnlyList<PlannedPiece> Pieces)
{
    /// <summary>
    /// The weights files of a model. Each parameter is written whole, as a Hugging Face folder wants it, by one rank of the stage
    /// that holds it; they are dealt out so that all ranks of a stage write about as much. The same on every rank.
    /// </summary>
    internal static IReadOnlyList<ModelFile> Of(RankModel model, SafeTensorType type, long maxBytes = HuggingFaceFolder.UsualShardBytes)
    {
        List<(int Stage, int Writer, IReadOnlyList<PlannedPiece> Pieces)> files = [];
        foreach (var stage in model.Spec.Parameters.GroupBy(model.HolderOf).OrderBy(stage => stage.Key))
        {
            var infos = stage.ToList();
            var writers = Spread.Evenly([.. infos.Select(info => info.Count)], model.StageRanks);
            foreach (var own in infos.Zip(writers).GroupBy(p => p.Second, p => p.First).OrderBy(p => p.Key))
            {
                var pieces = own.SelectMany(info => PiecesOf(info, type)).ToDictionary(piece => piece.Plan.Name, StringComparer.Ordinal);
                files.AddRange(SafeTensorsIndex.Shards(pieces.Values.Select(piece => piece.Plan), maxBytes)
                    .Select(shard => (stage.Key, own.Key, (IReadOnlyList<PlannedPiece>)[.. shard.Tensors.Select(plan => pieces[plan.Name])])));
            }
        }

        return [.. files.Select((file, i) => new ModelFile(SafeTensorsIndex.FileName(i, files.Count), file.Stage, file.Writer, file.Pieces))];
    }

    /// <summary>What a Hugging Face folder holds of a parameter, each of its tensors as a part of it.</summary>
    internal static IEnumerable<PlannedPiece> PiecesOf(ParameterInfo info, SafeTensorType type) =>
        info.HuggingFaceNames.Select((name, i) => new PlannedPiece(
            new(name, type, info.HuggingFaceShape), info.Name, info.Shape, BoxOf(info, i), info.Transposed));

    /// <summary>
    /// The pieces of a checkpoint's tensor. Version 1 of the format says of the model's weights only which file they are in: there
    /// they have Hugging Face's names.
    /// </summary>
    internal static IReadOnlyList<ManifestPiece> PiecesIn(Manifest manifest, ManifestTensor tensor, ParameterInfo info) =>
        manifest.Version > 1 || tensor.Name != info.Name
            ? tensor.Pieces
            : [.. info.HuggingFaceNames.Select((name, i) => new ManifestPiece(tensor.Pieces[0].File, name, BoxOf(info, i), info.Transposed, ""))];

    private static Box BoxOf(ParameterInfo info, int piece)
    {
        var (offset, length) = (new long[info.Shape.Count], info.Shape.ToArray());
        if (info.Pieces.Count > 0)
        {
            (offset[0], length[0]) = (piece, 1);
        }

        return new(offset, length);
    }
}
