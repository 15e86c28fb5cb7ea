namespace Evo.Data;

/// <summary>
/// Bytes on disk that are not what they should be. The message says where, what was found, the rule that it breaks
/// and, where there is one, the next step; each part can be read on its own too.
/// </summary>
public sealed class DataException : Exception
{
    /// <summary>The file, and where known the place in it (byte offset, line, document, tensor).</summary>
    public string Where { get; }

    /// <summary>What stands there.</summary>
    public string Found { get; }

    /// <summary>What should stand there.</summary>
    public string Rule { get; }

    /// <summary>What a person can do about it, if there is anything.</summary>
    public string? Next { get; }

    public DataException(string where, string found, string rule, string? next = null, Exception? inner = null)
        : base(next is null ? $"{where}: {found}; {rule}" : $"{where}: {found}; {rule}; {next}", inner)
    {
        Where = where;
        Found = found;
        Rule = rule;
        Next = next;
    }

    /// <summary>
    /// The error for a file that the operating system would not open, read or write. Kinds that a person can act on
    /// (missing, no permission, disk full) are named; the system's own text is kept as the inner exception.
    /// </summary>
    public static DataException FromSystem(string path, string action, Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException =>
            new(path, $"cannot {action}: no such file or folder", "the path must exist", "check the spelling of the path", error),
        UnauthorizedAccessException =>
            new(path, $"cannot {action}: no permission, or it is a folder", "it must be a file that this user may use",
                "check the owner and the mode of the file and of its folder", error),
        IOException io when IsDiskFull(io) =>
            new(path, $"cannot {action}: the disk is full", "there must be room for the whole file",
                "free some space or choose another folder", error),
        _ => new(path, $"cannot {action}: {error.Message}", "the operating system must allow it", null, error),
    };

    // HResult of an IOException on Unix is the raw errno: ENOSPC is 28, EDQUOT 122. Windows: ERROR_DISK_FULL 0x70.
    private static bool IsDiskFull(IOException error) =>
        error.HResult is 28 or 122 or unchecked((int)0x80070070) || error.Message.StartsWith("No space left", StringComparison.Ordinal)
        // What FileStream says when it cannot reserve the room it was asked for.
        || error.Message.Contains("disk was full", StringComparison.Ordinal);

    /// <summary>True for the exceptions that the file system may throw for a well-formed request.</summary>
    internal static bool IsFromSystem(Exception error) =>
        error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or System.Security.SecurityException;
}
