// What a rank holds of logical parameters.
using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A part of a rank's share of one logical tensor.</summary>
/// <param name="Info">The parameter.</param>
/// <param name="Cuts">Where it is cut, and this rank's place in each cut; none where the rank's share is all of it.</param>
/// <param name="Shape">Of the share.</param>
/// <param name="Start">Where the part begins in the share, its elements counted in order.</param>
/// <param name="Values">Its numbers.</param>
public sealed record HeldPiece(ParameterInfo Info, IReadOnlyList<(TensorCut Cut, int Place)> Cuts, IReadOnlyList<long> Shape, long Start, double[] Values);

public sealed partial class RankModel
{
    /// <summary>The state of the dynamic loss scale; null without one, where what is set is not kept.</summary>
    public LossScaleState? LossScale
    {
        get => Optimizer.Scaler is { } scaler ? new(scaler.Scale, scaler.GoodSteps, scaler.Overflows) : null;
        set
        {
            if (Optimizer.Scaler is { } scaler && value is var (scale, good, overflows))
            {
                Optimizer.Scaler = new(scaler.Rules, scale, good, overflows);
            }
        }
    }

    /// <summary>
    /// What this rank owns of every parameter's state, each once. Nobody is asked, and nothing is waited for: updated weights that
    /// are on their way to this rank stay on their way.
    /// </summary>
    public IReadOnlyList<HeldPiece> Pieces(StateKind kind)
    {
        var infos = Infos();
        return [.. Optimizer.Parameters.Where(parameter => infos.ContainsKey(parameter.Name)).Select(parameter =>
        {
            using var scope = NewDisposeScope();
            var (values, start) = Optimizer.ReadOwned(parameter.Name, kind);
            return Piece(infos[parameter.Name], parameter.Shape, start, values);
        })];
    }

    /// <summary>
    /// The weights as the modules of this rank read them, a table that two chunks read for each of them. All ranks call this
    /// together, because fully sharded weights are gathered for it.
    /// </summary>
    public IReadOnlyList<HeldPiece> Weights() => Optimizer.ReadWeights(() =>
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return Chunks.SelectMany(chunk => chunk.Module.Table)
            .Select(p => Piece(p.Info, p.Value.shape, 0, p.Value.detach())).ToArray();
    });

    private Dictionary<string, ParameterInfo> Infos() =>
        Chunks.SelectMany(chunk => chunk.Module.Table).Select(p => p.Info).DistinctBy(info => info.Name).ToDictionary(info => info.Name, StringComparer.Ordinal);

    private HeldPiece Piece(ParameterInfo info, IReadOnlyList<long> shape, long start, Tensor values) => new(
        info, [.. ParameterLayout.CutsOf(info, Chunks[0].Module.Ranks).Select(c => (c.Cut, c.Group.Rank))], shape, start,
        values.to(float64).cpu().contiguous().data<double>().ToArray());
}
