using Evo.Data;
using Evo.Torch;
using TorchSharp;

namespace Evo.Parallel;

/// <summary>Copies tensors from file to file in pieces, cast on the way: the memory it needs is two pieces, whatever the tensor.</summary>
internal sealed class TensorStream
{
    private const int PieceElements = 1 << 20;

    private readonly byte[] piece = new byte[PieceElements * 8];

    /// <summary>Writes a tensor whole.</summary>
    /// <param name="from">Where it is read.</param>
    /// <param name="writer">Where it is written.</param>
    /// <param name="plan">As what.</param>
    /// <param name="wrote">Told the bytes of each piece.</param>
    /// <exception cref="DataException">A number does not fit the narrower type, a file is damaged, the disk is full.</exception>
    internal void Copy(StoredTensor from, SafeTensorsWriter writer, SafeTensor plan, Action<long> wrote)
    {
        int width = from.Type.Bits() / 8, plannedWidth = plan.Type.Bits() / 8;
        var elements = from.ByteCount / width;
        for (var at = 0L; at < elements; at += PieceElements)
        {
            var count = (int)Math.Min(PieceElements, elements - at);
            var bytes = piece.AsSpan(0, count * width);
            from.Read(at * width, bytes);
            if (from.Type == plan.Type)
                writer.Write(plan.Name, bytes, at * width);
            else
                Cast(from, plan, count, cast => writer.Write(plan.Name, cast, at * plannedWidth));
            wrote((long)count * plannedWidth);
        }
    }

    private delegate void Taker(ReadOnlySpan<byte> bytes);

    private unsafe void Cast(StoredTensor from, SafeTensor plan, int count, Taker take)
    {
        fixed (byte* start = piece)
        {
            using var scope = torch.NewDisposeScope();
            var read = TensorBytes.Over(start, [count], TensorFiles.TorchType(from.Type)!.Value);
            var cast = read.to(TensorFiles.TorchType(plan.Type)!.Value);
            // A wider type takes every number; a narrower one may make infinities of large ones.
            if (plan.Type.Bits() < from.Type.Bits() || plan.Type == SafeTensorType.F16)
                RequireFinite(from, plan, read, cast);
            take(TensorBytes.Of(cast));
        }
    }

    private static void RequireFinite(StoredTensor from, SafeTensor plan, torch.Tensor read, torch.Tensor cast)
    {
        var lost = (torch.isinf(cast) & ~torch.isinf(read)).sum().item<long>();
        if (lost > 0)
            throw new DataException(
                $"{from.File}, {from.Name}", $"{lost} numbers are too large for {plan.Type}", "a conversion must not make infinities of numbers",
                "use --dtype bfloat16 or keep");
    }
}
