using System.Security.Cryptography;
using Evo.Core;
using Evo.Data;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>One tensor of a file that a rank writes: the piece of a logical tensor that it is.</summary>
/// <param name="Plan">Name, type and shape in the file.</param>
/// <param name="Tensor">Name of the logical tensor.</param>
/// <param name="Shape">Its full shape.</param>
/// <param name="Box">Which part of it this is.</param>
/// <param name="Transposed">Whether the file has the last two dims the other way round.</param>
internal sealed record PlannedPiece(SafeTensorPlan Plan, string Tensor, IReadOnlyList<long> Shape, Box Box, bool Transposed = false);

/// <summary>
/// The tensors of one safetensors file in the memory of the processor: filled while training waits, written while it goes on. The
/// memory is that of the save before.
/// </summary>
internal sealed unsafe class HostFile : IDisposable
{
    private const int Chunk = 1 << 24;

    private readonly string name;
    private readonly IReadOnlyList<PlannedPiece> pieces;
    private readonly Dictionary<string, long> at = new(StringComparer.Ordinal);
    private readonly HostBuffer memory;

    /// <param name="name">The file's name in the checkpoint.</param>
    /// <param name="pieces">What it holds.</param>
    /// <param name="device">What it is filled from.</param>
    internal HostFile(string name, IReadOnlyList<PlannedPiece> pieces, Device device)
    {
        (this.name, this.pieces) = (name, pieces);
        long end = 0;
        foreach (var piece in pieces)
        {
            at.Add(piece.Plan.Name, end);
            // Vectors of every width begin well.
            end += (piece.Plan.ByteCount + 63) / 64 * 64;
        }

        memory = new(end, device);
    }

    /// <summary>Where a tensor's numbers are put, in the file's type and shape; the caller owns the view.</summary>
    internal Tensor Place(PlannedPiece piece) =>
        TensorBytes.Over(memory.Address + at[piece.Plan.Name], [.. piece.Plan.Shape], TensorFiles.TorchType(piece.Plan.Type)!.Value);

    /// <summary>Writes the file into a folder.</summary>
    /// <returns>What it is, for the manifest.</returns>
    /// <exception cref="DataException">The disk is full or refuses.</exception>
    internal ManifestPart Write(string folder)
    {
        using (var writer = new SafeTensorsWriter(Path.Combine(folder, name), pieces.Select(piece => piece.Plan), durable: false))
        {
            foreach (var tensor in writer.Tensors)
            {
                writer.Write(tensor.Name, (nint)(memory.Address + at[tensor.Name]), tensor.ByteCount);
            }

            writer.Complete();
        }

        return new(
            [.. pieces.Select(piece => new ManifestTensor(
                piece.Tensor, [.. piece.Shape], piece.Plan.Type.ToString(),
                [new ManifestPiece(name, piece.Plan.Name, piece.Box, piece.Transposed, Checksum(piece.Plan))]))],
            [WrittenFile.Describe(folder, name)]);
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private string Checksum(SafeTensorPlan plan)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long from = 0; from < plan.ByteCount; from += Chunk)
        {
            hash.AppendData(new ReadOnlySpan<byte>(memory.Address + at[plan.Name] + from, (int)Math.Min(Chunk, plan.ByteCount - from)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>Files as a manifest lists them.</summary>
internal static class WrittenFile
{
    /// <summary>A file of a folder that is complete.</summary>
    internal static ManifestFile Describe(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return new(name, new FileInfo(path).Length, FileChecksum.Of(path));
    }
}
