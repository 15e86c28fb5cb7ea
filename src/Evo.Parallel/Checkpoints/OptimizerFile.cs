using Evo.Data;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// <c>optimizer.safetensors</c> of a checkpoint: the moments of every parameter in its own shape under its logical name, and
/// the master weights where the model computes in less precision. Nothing in it depends on how the flat buffers are laid out.
/// </summary>
internal static class OptimizerFile
{
    internal const string Name = "optimizer.safetensors";

    private const int Piece = 1 << 26;

    /// <summary>Writes the file; returns what it holds.</summary>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    internal static IReadOnlyList<SafeTensorPlan> Write(string folder, FlatOptimizer optimizer)
    {
        var buffers = Buffers(optimizer).Select(buffer => (buffer.Kind, Flat: OnHost(buffer.Flat), Copied: buffer.Flat.device_type != DeviceType.CPU)).ToArray();
        try
        {
            var type = optimizer.ExpAvg.dtype == ScalarType.Float64 ? SafeTensorType.F64 : SafeTensorType.F32;
            var plans = buffers.SelectMany(buffer => optimizer.Layout.Slots.Select(slot => new SafeTensorPlan($"{buffer.Kind}.{slot.Name}", type, slot.Shape))).ToList();
            using var writer = new SafeTensorsWriter(Path.Combine(folder, Name), plans, durable: false);
            foreach (var (kind, flat, _) in buffers)
            {
                foreach (var slot in optimizer.Layout.Slots)
                {
                    var size = flat.element_size();
                    for (long at = 0; at < slot.Length * size; at += Piece)
                    {
                        var length = (int)Math.Min(Piece, slot.Length * size - at);
                        writer.Write($"{kind}.{slot.Name}", TensorBytes.Slice(flat, slot.Offset * size + at, length), at);
                    }
                }
            }

            writer.Complete();
            return plans;
        }
        finally
        {
            foreach (var buffer in buffers.Where(buffer => buffer.Copied))
            {
                buffer.Flat.Dispose();
            }
        }
    }

    /// <summary>Reads the moments, and the master weights where the optimizer has them; the bits are those that were written.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape or dtype.</exception>
    internal static void Read(Checkpoint checkpoint, FlatOptimizer optimizer)
    {
        using var noGrad = no_grad();
        using var file = SafeTensors.Open(checkpoint.File(Name));
        foreach (var (kind, buffer) in Buffers(optimizer))
        {
            var onHost = buffer.device_type == DeviceType.CPU;
            using var copy = onHost ? null : buffer.cpu();
            var flat = copy ?? buffer;
            var size = flat.element_size();
            foreach (var slot in optimizer.Layout.Slots)
            {
                var name = $"{kind}.{slot.Name}";
                if (file.Find(name) is not { } tensor || !tensor.Shape.SequenceEqual(slot.Shape) || tensor.ByteCount != slot.Length * size)
                {
                    throw new CheckpointException(
                        CheckpointFault.OtherModel,
                        $"{file.Path}: {(file.Find(name) is { } found ? found.ToString() : name + " is missing")}; this model's is {flat.dtype} [{string.Join(", ", slot.Shape)}]. Resume with the configuration of the run, or give this run another job_name.");
                }

                for (long at = 0; at < tensor.ByteCount; at += Piece)
                {
                    var length = (int)Math.Min(Piece, tensor.ByteCount - at);
                    file.Bytes(tensor, at, length).CopyTo(TensorBytes.Slice(flat, slot.Offset * size + at, length));
                }
            }

            if (!onHost)
            {
                buffer.copy_(flat);
            }
        }

        optimizer.CastFromMaster();
    }

    private static Tensor OnHost(Tensor flat) => flat.device_type == DeviceType.CPU ? flat : flat.cpu();

    private static IEnumerable<(string Kind, Tensor Flat)> Buffers(FlatOptimizer optimizer)
    {
        if (optimizer.HasMaster)
        {
            yield return ("master", optimizer.Master);
        }

        yield return ("exp_avg", optimizer.ExpAvg);
        yield return ("exp_avg_sq", optimizer.ExpAvgSq);
    }
}
