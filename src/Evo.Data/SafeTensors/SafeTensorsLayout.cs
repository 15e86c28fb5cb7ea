using System.Buffers.Binary;

namespace Evo.Data;

/// <summary>Fills a span with a file's bytes from an offset on; they lie inside of the file.</summary>
public delegate void ReadAt(long offset, Span<byte> into);

/// <summary>What the header of a safetensors file says, wherever the file is.</summary>
/// <param name="Tensors">The tensors in the order of their bytes.</param>
/// <param name="Metadata">The free strings that the writer left.</param>
/// <param name="DataStart">Where the data section begins in the file.</param>
public sealed record SafeTensorsLayout(IReadOnlyList<SafeTensor> Tensors, IReadOnlyDictionary<string, string> Metadata, long DataStart)
{
    /// <summary>Reads a header and checks it against every rule of the format.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="fileBytes">The file's length.</param>
    /// <param name="read">Reads of it.</param>
    /// <exception cref="DataException">The file is cut short, damaged or not of this format.</exception>
    public static SafeTensorsLayout Read(string path, long fileBytes, ReadAt read)
    {
        const string next = "the file is damaged or not a safetensors file: copy or download it again";
        if (fileBytes < 8)
            throw new DataException(path, $"the file has {fileBytes} bytes", "it must begin with the 8 bytes of its header's length", next);
        Span<byte> length = stackalloc byte[8];
        read(0, length);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (headerBytes > (ulong)SafeTensorsHeader.MaxBytes)
            throw new DataException(path, $"the header's length is {headerBytes}", $"it must be at most {SafeTensorsHeader.MaxBytes}", next);
        if (headerBytes > (ulong)(fileBytes - 8))
            throw new DataException(path, $"the header's length is {headerBytes} but {fileBytes - 8} bytes follow", "the header must be whole", next);
        var header = new byte[(int)headerBytes];
        read(8, header);
        var dataStart = 8 + (long)headerBytes;
        var (tensors, metadata) = SafeTensorsHeader.Read(path, header, fileBytes - dataStart);
        return new(tensors.AsReadOnly(), metadata.AsReadOnly(), dataStart);
    }
}
