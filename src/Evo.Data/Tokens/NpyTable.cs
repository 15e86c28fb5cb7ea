using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Evo.Data;

/// <summary>
/// A table of whole numbers in NumPy's <c>.npy</c> format, mapped and read in place: what InternEvo keeps beside its
/// token files. Reads 32-bit and 64-bit numbers; writes 64-bit ones.
/// </summary>
internal sealed unsafe partial class NpyTable : IDisposable
{
    private readonly MappedFile file;
    private readonly long dataStart;
    private readonly int width;

    public string Path => file.Path;

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Opens and checks a table; throws <see cref="DataException"/> where it is damaged or holds something else.</summary>
    public NpyTable(string path)
    {
        file = new MappedFile(path);
        try
        {
            (dataStart, width, Rows, Columns) = ReadHeader();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The number in a row and a column.</summary>
    public long this[int row, int column]
    {
        get
        {
            if ((uint)row >= (uint)Rows || (uint)column >= (uint)Columns)
                throw new ArgumentOutOfRangeException(nameof(row), $"{Path}: row {row}, column {column} of {Rows} by {Columns}");
            var at = file.At(dataStart + ((long)row * Columns + column) * width, width);
            return width == 4
                ? BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(at, 4))
                : BinaryPrimitives.ReadInt64LittleEndian(new ReadOnlySpan<byte>(at, 8));
        }
    }

    /// <summary>The bytes that hold one number.</summary>
    public int Width => width;

    /// <summary>Adds every byte of the file to a hash.</summary>
    public void AppendTo(System.Security.Cryptography.IncrementalHash hash)
    {
        const int piece = 1 << 24;
        for (var at = 0L; at < file.Length; at += piece) hash.AppendData(file.Span(at, (int)Math.Min(piece, file.Length - at)));
    }

    public void Dispose() => file.Dispose();

    private (long DataStart, int Width, int Rows, int Columns) ReadHeader()
    {
        const string rule = "a .meta file must be a NumPy .npy table of whole numbers";
        DataException Bad(string found) => new(Path, found, rule, "tokenize again");
        if (file.Length < 10 || !file.Span(0, 6).SequenceEqual(Magic))
            throw Bad(file.Length < 10 ? $"the file has {file.Length} bytes" : "it does not begin with NumPy's magic bytes");
        var version = file.Span(6, 1)[0];
        if (version is not (1 or 2 or 3)) throw Bad($"format version {version}");
        var prefix = version == 1 ? 10 : 12;
        if (file.Length < prefix) throw Bad($"the file has {file.Length} bytes");
        var headerBytes = version == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(file.Span(8, 2))
            : BinaryPrimitives.ReadUInt32LittleEndian(file.Span(8, 4));
        if (headerBytes > file.Length - prefix || headerBytes > 1 << 16)
            throw Bad($"a header of {headerBytes} bytes is announced but {file.Length - prefix} follow");
        var header = Encoding.Latin1.GetString(file.Span(prefix, (int)headerBytes));
        var match = Header().Match(header);
        if (!match.Success) throw Bad($"the header is \"{header.Trim()}\"");
        var shape = match.Groups["shape"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (shape is ["0", ..]) return (prefix + headerBytes, 8, 0, 2); // numpy.save of an empty list: shape (0,), of any type
        var width = match.Groups["type"].Value switch { "<i4" => 4, "<i8" => 8, _ => 0 };
        if (width == 0) throw Bad($"numbers of type {match.Groups["type"].Value}, where <i4 or <i8 are read");
        if (match.Groups["order"].Value == "True") throw Bad("the table is stored by columns (fortran_order)");
        if (shape.Length != 2
            || !int.TryParse(shape[0], NumberStyles.None, CultureInfo.InvariantCulture, out var rows)
            || !int.TryParse(shape[1], NumberStyles.None, CultureInfo.InvariantCulture, out var columns) || columns is not (2 or 3))
            throw Bad($"the shape is ({match.Groups["shape"].Value}), where (documents, 2) or (documents, 3) is read");
        var needed = prefix + headerBytes + (long)rows * columns * width;
        if (needed != file.Length) throw Bad($"{rows} rows need {needed} bytes but the file has {file.Length}");
        return (prefix + headerBytes, width, rows, columns);
    }

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    [GeneratedRegex(@"^\{\s*'descr':\s*'(?<type>[^']*)',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[0-9, ]*)\),?\s*\}\s*$")]
    private static partial Regex Header();

    /// <summary>The bytes before the numbers of a table of 64-bit numbers, as numpy.save writes them.</summary>
    public static byte[] HeaderFor(int rows, int columns)
    {
        var text = $"{{'descr': '<i8', 'fortran_order': False, 'shape': ({rows}, {columns}), }}";
        var size = (10 + text.Length + 1 + 63) / 64 * 64;
        var header = new byte[size];
        Magic.CopyTo(header);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(size - 10));
        header.AsSpan(10).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, header.AsSpan(10));
        header[^1] = (byte)'\n';
        return header;
    }
}
