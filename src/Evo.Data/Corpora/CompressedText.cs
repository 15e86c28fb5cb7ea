using ZstdSharp;

namespace Evo.Data;

/// <summary>
/// Text that lies compressed: .gz by the runtime's zlib, .zst by a port of the zstd library. How much a compressed file may grow is
/// bounded, since a few bytes can stand for any number of them.
/// </summary>
internal static class CompressedText
{
    /// <summary>Whether an extension is one of a compression.</summary>
    public static bool Is(string extension) => extension is ".gz" or ".zst" or ".zstd";

    /// <summary>The stream of what a file holds, decompressed where its name says so.</summary>
    public static Stream Over(string path, Stream file) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".gz" => new GzipText(file),
        ".zst" or ".zstd" => new DecompressionStream(file, bufferSize: 1 << 17, checkEndOfStream: true, leaveOpen: false),
        _ => file,
    };

    /// <summary>
    /// The most bytes that so many compressed ones may stand for where all of them are held at once: 1100 times as many, as deflate
    /// cannot do better than 1032, or 64 MiB, which better codecs reach on text that repeats.
    /// </summary>
    public static long MostOf(long compressed) => Math.Max(64L << 20, Math.Min(compressed, long.MaxValue / 1100) * 1100);

    /// <summary>True for what the decompressors throw at damaged input.</summary>
    public static bool IsDamage(Exception error) => error is InvalidDataException or ZstdException or EndOfStreamException;
}
