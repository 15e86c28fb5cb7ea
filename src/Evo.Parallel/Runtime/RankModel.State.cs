// What a rank holds of logical parameters.
using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A rank's share of one logical tensor.</summary>
/// <param name="Info">The parameter.</param>
/// <param name="Cuts">Where it is cut, and this rank's place in each cut; none where the rank holds all of it.</param>
/// <param name="Shape">Of the share.</param>
/// <param name="Values">Its numbers.</param>
public sealed record HeldPiece(ParameterInfo Info, IReadOnlyList<(TensorCut Cut, int Place)> Cuts, long[] Shape, double[] Values);

public sealed partial class RankModel
{
    /// <summary>This rank's share of every parameter's state, each once. All ranks call this together.</summary>
    public IReadOnlyList<HeldPiece> Pieces(StateKind kind)
    {
        var ranks = Chunks[0].Module.Ranks;
        var infos = Chunks.SelectMany(chunk => chunk.Module.Table).Select(p => p.Info).DistinctBy(info => info.Name).ToDictionary(info => info.Name);
        return [.. Optimizer.Parameters.Select(parameter =>
        {
            using var scope = NewDisposeScope();
            var (info, values) = (infos[parameter.Name], Optimizer.ReadWhole(parameter.Name, kind));
            return new HeldPiece(
                info, [.. Models.Layout.CutsOf(info, ranks).Select(c => (c.Cut, c.Group.Rank))], values.shape,
                [.. values.to(float64).cpu().contiguous().data<double>()]);
        })];
    }
}
