using Evo.Core;
using Evo.Data;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Fills what a rank owns from a checkpoint that any other ranks wrote: of each file it reads the header and the bytes that the rank
/// needs, nothing else.
/// </summary>
/// <param name="checkpoint">The checkpoint.</param>
internal sealed class StateReader(Checkpoint checkpoint)
{
    // What is read at once at most.
    private const int Piece = 1 << 26;

    private readonly Dictionary<string, (SafeTensorsLayout Layout, Dictionary<string, SafeTensor> ByName)> headers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ManifestTensor> tensors = checkpoint.Manifest.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    /// <summary>Bytes of tensors read so far.</summary>
    internal long BytesRead { get; private set; }

    /// <summary>Fills the model's weights (or master weights) and the moments. All ranks call this together.</summary>
    /// <param name="model">The model.</param>
    /// <param name="weights">Whether to read the weights: the master weights where the checkpoint has them.</param>
    /// <param name="moments">Whether to read the moments.</param>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape.</exception>
    internal void Fill(RankModel model, bool weights, bool moments) => model.ChangeOwned(() =>
    {
        foreach (var parameter in model.Owned())
        {
            if (weights)
            {
                var master = "master." + parameter.Info.Name;
                Fill(model, parameter, StateKind.Master, tensors.ContainsKey(master) ? master : parameter.Info.Name);
            }

            if (moments)
            {
                Fill(model, parameter, StateKind.ExpAvg, "exp_avg." + parameter.Info.Name);
                Fill(model, parameter, StateKind.ExpAvgSq, "exp_avg_sq." + parameter.Info.Name);
            }
        }
    });

    private void Fill(RankModel model, OwnedParameter parameter, StateKind kind, string name)
    {
        var shape = parameter.Info.Shape;
        if (!tensors.TryGetValue(name, out var tensor) || !tensor.Shape.SequenceEqual(shape))
        {
            throw new CheckpointException(
                CheckpointFault.OtherModel,
                $"{checkpoint.Place}: {name} is {(tensor is null ? "missing" : $"[{string.Join(", ", tensor.Shape)}]")}, this model's is [{string.Join(", ", shape)}]. Resume with the configuration of the run, or give this run another job_name.");
        }

        var pieces = ModelFile.PiecesIn(checkpoint.Manifest, tensor, parameter.Info);
        using var values = model.OwnedValues(parameter, kind);
        foreach (var held in parameter.Boxes)
        {
            foreach (var read in LoadPlan.Of(held.Box, pieces))
            {
                using var scope = NewDisposeScope();
                var into = RankFiles.Part(
                    RankFiles.OwnedPart(values, held), read.Common.OffsetIn(held.Box), read.Common.Length);
                var found = Read(read);
                into.copy_((read.Piece.Transposed ? found.transpose(-1, -2) : found).reshape(into.shape));
            }
        }

        model.KeepOwned(parameter, kind, values);
    }

    // What is read of one piece, in the order of its file.
    private Tensor Read(PlannedRead read)
    {
        var (layout, byName) = Header(read.Piece.File);
        var where = $"{checkpoint.Place}/{read.Piece.File}";
        if (!byName.TryGetValue(read.Piece.Key, out var tensor) || tensor.Shape.Aggregate(1L, (a, b) => a * b) != read.Piece.Box.Volume)
        {
            throw new CheckpointException(
                CheckpointFault.Damaged,
                $"{where}: {(tensor is null ? read.Piece.Key + " is missing" : $"{tensor} is not the part {read.Piece.Box} of which the manifest speaks")}; a checkpoint's files must stay as they were written. Resume from an older checkpoint or restore the file.");
        }

        var type = TensorFiles.TorchType(tensor.Type) ?? throw new CheckpointException(
            CheckpointFault.Damaged, $"{where}: {tensor} is of a type that no model has");
        var width = tensor.Type.Bits() / 8;
        var result = empty(read.FileShape, type);
        long filled = 0;
        foreach (var run in read.Runs)
        {
            var (first, bytes) = (run.Item1 * width, run.Item2 * width);
            for (long at = 0; at < bytes; at += Piece)
            {
                var part = TensorBytes.Slice(result, filled + at, (int)Math.Min(Piece, bytes - at));
                checkpoint.Files.Read(read.Piece.File, layout.DataStart + tensor.Offset + first + at, part);
            }

            filled += bytes;
        }

        BytesRead += filled;
        return result;
    }

    private (SafeTensorsLayout Layout, Dictionary<string, SafeTensor> ByName) Header(string file)
    {
        if (!headers.TryGetValue(file, out var known))
        {
            var length = checkpoint.Files.Length(file) ?? throw new CheckpointException(
                CheckpointFault.Damaged, $"{checkpoint.Place}/{file}: is missing; a checkpoint's files must stay as they were written");
            var layout = SafeTensorsLayout.Read($"{checkpoint.Place}/{file}", length, (offset, into) => checkpoint.Files.Read(file, offset, into));
            headers[file] = known = (layout, layout.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal));
        }

        return known;
    }
}
