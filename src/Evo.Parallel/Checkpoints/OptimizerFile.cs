using Evo.Data;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// <c>optimizer.safetensors</c> of a checkpoint: the moments of every parameter in its own shape under its logical name, and
/// the master weights where the model computes in less precision. Nothing in it depends on how the flat buffers are laid out,
/// nor on how many ranks share them.
/// </summary>
internal static class OptimizerFile
{
    internal const string Name = "optimizer.safetensors";

    private const int Piece = 1 << 26;

    /// <summary>Writes the file; returns what it holds.</summary>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    internal static IReadOnlyList<SafeTensorPlan> Write(string folder, RankModel model)
    {
        var infos = model.Spec.Parameters;
        var type = model.Optimizer.StateDtype == ScalarType.Float64 ? SafeTensorType.F64 : SafeTensorType.F32;
        var plans = Kinds(model.Optimizer).SelectMany(kind => infos.Select(info => new SafeTensorPlan($"{kind.Name}.{info.Name}", type, info.Shape))).ToList();
        using var writer = new SafeTensorsWriter(Path.Combine(folder, Name), plans, durable: false);
        Each(model, (name, whole) =>
        {
            using var scope = NewDisposeScope();
            var here = whole.cpu();
            var bytes = TensorBytes.Length(here);
            for (long at = 0; at < bytes; at += Piece)
            {
                writer.Write(name, TensorBytes.Slice(here, at, (int)Math.Min(Piece, bytes - at)), at);
            }
        });
        writer.Complete();
        return plans;
    }

    /// <summary>The part of the other ranks in a <see cref="Write"/> of the first: they hand over what they hold.</summary>
    internal static void Give(RankModel model) => Each(model, (_, _) => { });

    private static void Each(RankModel model, Action<string, Tensor> write)
    {
        var infos = model.Spec.Parameters;
        foreach (var (kind, state) in Kinds(model.Optimizer))
        {
            foreach (var info in infos)
            {
                using var whole = model.Whole(info, state);
                if (whole is not null)
                {
                    write($"{kind}.{info.Name}", whole);
                }
            }
        }
    }

    /// <summary>Reads the moments, and the master weights where the optimizer has them; the bits are those that were written.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape or dtype.</exception>
    internal static void Read(Checkpoint checkpoint, RankModel model)
    {
        using var file = SafeTensors.Open(checkpoint.File(Name));
        foreach (var (kind, state) in Kinds(model.Optimizer))
        {
            foreach (var info in model.Spec.Parameters)
            {
                using var scope = NewDisposeScope();
                var whole = empty([.. info.Shape], dtype: model.Optimizer.StateDtype);
                var name = $"{kind}.{info.Name}";
                if (file.Find(name) is not { } tensor || !tensor.Shape.SequenceEqual(info.Shape) || tensor.ByteCount != TensorBytes.Length(whole))
                {
                    throw new CheckpointException(
                        CheckpointFault.OtherModel,
                        $"{file.Path}: {(file.Find(name) is { } found ? found.ToString() : name + " is missing")}; this model's is {whole.dtype} [{string.Join(", ", info.Shape)}]. Resume with the configuration of the run, or give this run another job_name.");
                }

                for (long at = 0; at < tensor.ByteCount; at += Piece)
                {
                    var length = (int)Math.Min(Piece, tensor.ByteCount - at);
                    file.Bytes(tensor, at, length).CopyTo(TensorBytes.Slice(whole, at, length));
                }

                model.TakeShare(info, state, whole);
            }
        }

        model.Optimizer.CastFromMaster();
    }

    private static IEnumerable<(string Name, StateKind State)> Kinds(ShardedOptimizer optimizer)
    {
        if (optimizer.HasMaster)
        {
            yield return ("master", StateKind.Master);
        }

        yield return ("exp_avg", StateKind.ExpAvg);
        yield return ("exp_avg_sq", StateKind.ExpAvgSq);
    }
}
