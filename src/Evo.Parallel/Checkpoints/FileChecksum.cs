using System.Security.Cryptography;

namespace Evo.Parallel;

/// <summary>SHA-256 of a file as lower-case hexadecimal digits, the same that <c>sha256sum</c> prints.</summary>
public static class FileChecksum
{
    /// <summary>Reads the whole file.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Of(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        while (file.Read(buffer) is var read and > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
