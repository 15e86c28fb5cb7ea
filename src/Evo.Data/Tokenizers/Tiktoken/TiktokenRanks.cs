using System.Buffers.Text;

namespace Evo.Data;

/// <summary>The lines of a tiktoken file: a token in base64, a space, its rank, which is its id.</summary>
internal static class TiktokenRanks
{
    private const int LongestToken = 1024; // those of published files have at most 128 bytes

    /// <summary>Whether a file may be one: its first line is a line of one.</summary>
    public static bool Begins(ReadOnlySpan<byte> file)
    {
        var end = file.IndexOfAny((byte)'\n', (byte)'\r');
        return TryLine(end < 0 ? file : file[..end], out _, out _);
    }

    /// <summary>Reads all lines; throws <see cref="DataException"/> at the first that is none.</summary>
    public static List<(byte[] Token, int Id)> Read(string path, ReadOnlySpan<byte> file)
    {
        var tokens = new List<(byte[], int)>();
        var ids = new HashSet<int>();
        var texts = new HashSet<string>();
        for (var line = 1; !file.IsEmpty; line++)
        {
            var end = file.IndexOf((byte)'\n');
            var text = (end < 0 ? file : file[..end]).TrimEnd((byte)'\r');
            file = end < 0 ? [] : file[(end + 1)..];
            if (text.IsEmpty) continue;
            if (!TryLine(text, out var token, out var id))
                throw new DataException($"{path}:{line}", "what stands here is no token with its rank", $"a line is at most {LongestToken} bytes in base64, a space and a whole number", "check that this is a tiktoken file");
            if (!ids.Add(id)) throw new DataException($"{path}:{line}", $"the rank {id} a second time", "each token has a rank of its own");
            if (!texts.Add(System.Text.Encoding.Latin1.GetString(token))) throw new DataException($"{path}:{line}", "a token a second time", "each token stands once");
            tokens.Add((token, id));
        }
        for (var value = 0; value < 256; value++)
            if (!texts.Contains(((char)value).ToString()))
                throw new DataException(path, $"no token for the byte 0x{value:X2}", "every byte must be a token", "check that the file is whole");
        return tokens;
    }

    private static bool TryLine(ReadOnlySpan<byte> line, out byte[] token, out int id)
    {
        (token, id) = ([], 0);
        var space = line.IndexOf((byte)' ');
        if (space <= 0 || !Base64.IsValid(line[..space], out var length) || length is 0 or > LongestToken) return false;
        token = new byte[length];
        return Base64.DecodeFromUtf8(line[..space], token, out _, out _) == System.Buffers.OperationStatus.Done
            && int.TryParse(line[(space + 1)..], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out id) && id < int.MaxValue - 4096;
    }
}
